"""`newstide export`: rows for other programs, as CSV, NDJSON or Parquet."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from cli.asking import (
    AsOf,
    Entity,
    HalfLife,
    Languages,
    Model,
    Since,
    Source,
    Step,
    Tier,
    Topic,
    Until,
    Window,
    about,
    asked,
    flat,
    hours,
    steps_of,
)
from cli.context import Json
from cli.output import emit_json, say
from cli.query import reading

app = typer.Typer(
    help="Write rows to a file: .csv, .ndjson or .parquet. In CSV a text that a spreadsheet would run as a formula, "
    "or that begins with an apostrophe, has an apostrophe in front; NDJSON and Parquet have texts as they are.",
    no_args_is_help=True,
)

File = Annotated[Path, typer.Argument(help="Written whole or not at all; its name says the format.")]
Labels = Annotated[list[str] | None, typer.Option("--label", help="negative, neutral, positive or unsure.")]
Words = Annotated[str, typer.Option("--text", help="Words that the title must have.")]

_POINT: Final = {"at": "time", "count": "int", "copies": "int"}


@app.command("stories")
def stories(  # noqa: PLR0913, PLR0917 - a command's parameters are its options
    context: typer.Context,
    file: File,
    since: Since = None,
    until: Until = None,
    entity: Entity = "",
    topic: Topic = None,
    language: Languages = None,
    source: Source = None,
    tier: Tier = None,
    label: Labels = None,
    text: Words = "",
    as_of: AsOf = None,
    model: Model = "",
    entities: Annotated[bool, typer.Option("--entities", help="A row for each linked entity instead.")] = False,
    as_json: Json = False,
) -> None:
    """Stories with their scores, oldest first; the number of rows is estimated before."""
    filters = asked(
        None, since, until, as_of, entity=entity, topics=topic, languages=language, sources=source, tiers=tier,
        labels=label, text=text, model=model,
    )  # fmt: skip
    from newstide.store import exporting

    database = reading(context)
    filters = about(database, filters)
    say(f"at most {exporting.estimate(database, filters, entities):,} rows")
    if entities:
        _write(file, exporting.ENTITIES, exporting.entity_rows(database, filters), as_json)
    else:
        _write(file, exporting.STORIES, exporting.story_rows(database, filters), as_json)


@app.command("index")
def index(  # noqa: PLR0913, PLR0917
    context: typer.Context,
    file: File,
    since: Since = None,
    until: Until = None,
    entity: Entity = "",
    topic: Topic = None,
    language: Languages = None,
    source: Source = None,
    tier: Tier = None,
    step: Step = "1d",
    window: Window = "1d",
    half_life: HalfLife = "1d",
    as_of: AsOf = None,
    model: Model = "",
    as_json: Json = False,
) -> None:
    """An index over time, with all that `query index --json` has."""
    filters = asked(
        timedelta(days=365), since, until, as_of, entity=entity, topics=topic, languages=language, sources=source,
        tiers=tier, model=model,
    )  # fmt: skip
    steps = steps_of(filters, hours(step, "--step"), hours(window, "--window"), hours(half_life, "--half-life"))
    from newstide.store import indexing
    from newstide.tables import Column

    database = reading(context)
    filters = about(database, filters)
    say(f"{(steps.end - steps.start) // steps.step:,} rows")
    points = [flat(point) for point in indexing.index(database, filters, steps)]
    columns = [Column(name, _POINT.get(name, "float")) for name in points[0]]  # type: ignore[arg-type]
    _write(file, columns, (tuple(point.values()) for point in points), as_json)


def _write(file: Path, columns: Any, rows: Iterable[Any], as_json: bool) -> None:
    from newstide.tables import write

    count = write(file, columns, rows)
    if as_json:
        emit_json({"file": file, "rows": count})
    else:
        say(f"{file}: {count:,} rows")
