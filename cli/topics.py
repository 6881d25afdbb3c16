"""`newstide topics`: the bus's topics."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.context import Json, settings_of
from cli.output import emit_json, emit_table, say

app = typer.Typer(help="The topics on the bus.", no_args_is_help=True)


@app.command("create")
def create(
    context: typer.Context,
    partitions: Annotated[int | None, typer.Option(min=1, max=1000, help="Instead of bus.partitions.")] = None,
    as_json: Json = False,
) -> None:
    """Make the topics that are missing; those that are there stay as they are."""
    from newstide.bus.connect import connect, ensure_topics

    settings = settings_of(context, {"bus.partitions": partitions})
    made = ensure_topics(connect(settings), settings)
    if as_json:
        emit_json(made)
    for topic, now in made.items() if not as_json else ():
        say(f"{topic}: {f'made, {settings.bus.partitions} partitions' if now else 'was there'}")


@app.command("describe")
def describe(context: typer.Context, as_json: Json = False) -> None:
    """Partitions with their first and next offset."""
    from newstide.bus.connect import connect

    settings = settings_of(context)
    admin = connect(settings).admin()
    try:
        described = [admin.describe_topic(t) for t in (settings.bus.topic_raw, settings.bus.topic_scored)]
    finally:
        admin.close()
    rows = [(d.topic, p, b.start, b.end, d.identity.topic_id) for d in described for p, b in sorted(d.bounds.items())]
    if as_json:
        emit_json([dict(zip(("topic", "partition", "start", "end", "topic_id"), row, strict=True)) for row in rows])
    else:
        emit_table(("topic", "partition", "first", "next", "topic id"), rows)
