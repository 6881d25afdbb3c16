"""The registry of sources: list, add, enable, pause, remove, trust."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from cli.context import Json
from cli.output import emit_json, emit_pairs, emit_table
from cli.sources.common import KindOption, Options, app, database_of, put, shown, source_of
from newstide.errors import UsageError
from newstide.sources import EVERY_S, EVERY_S_MIN, Condition, Registered

Names = Annotated[list[str], typer.Argument(metavar="NAME...")]


@app.command("list")
def list_(
    context: typer.Context,
    condition: Annotated[list[Condition] | None, typer.Option(help="Only these; may be repeated.")] = None,
    as_lines: Annotated[bool, typer.Option("--lines", help="As the lines that `import` reads.")] = False,
    as_json: Json = False,
) -> None:
    """The sources by name, with how well each is. docs/sources.md says what the conditions mean."""
    from newstide.store import registry

    now = datetime.now(UTC)
    found = [
        each
        for each in registry.load_all(database_of(context))
        if condition is None or each.condition(now) in condition
    ]
    if as_lines:
        from ingest.roster import write_line

        sys.stdout.write("".join(f"{write_line(each.source)}\n" for each in found))
    elif as_json:
        emit_json([shown(each, now) for each in found])
    else:
        names = ("source", "condition", "kind", "tier", "every s", "published", "last new (UTC)", "last error")
        wanted = (
            "in this condition" if condition else "yet; newstide sources add URL, or newstide sources starter --enable"
        )
        emit_table(names, [_row(each, now) for each in found], empty=f"there are no sources {wanted}")


@app.command("add")
def add(  # noqa: PLR0913, PLR0917 - the parameters of a command are its options
    context: typer.Context,
    url: Annotated[str, typer.Argument(help="Its address.")],
    name: Annotated[str, typer.Option(help="Of your own; default its host. It becomes part of every story's id.")] = "",
    kind: KindOption = "feed",
    tier: Annotated[int, typer.Option(min=1, max=3, help="1: trusted more; 3: less.")] = 2,
    language: Annotated[str, typer.Option(help="en or zh, of stories whose script does not tell.")] = "",
    every: Annotated[float, typer.Option(min=EVERY_S_MIN, help="Seconds between two polls.")] = EVERY_S,
    options: Options = "",
    note: Annotated[str, typer.Option(help="Licence or terms, for people.")] = "",
    paused: Annotated[bool, typer.Option("--paused", help="Enter it, but do not poll it yet.")] = False,
    as_json: Json = False,
) -> None:
    """Add a source. It is polled from now on by every `newstide ingest feeds` that runs."""
    from ingest.roster import name_for
    from newstide.sources import host_of
    from newstide.store import registry

    database = database_of(context)
    known = {each.source.name for each in registry.load_all(database)}
    if name in known:
        raise UsageError(f"there is a source {name} already", fix="newstide sources import changes sources")
    given = {"name": name or name_for([host_of(url)], known), "url": url, "kind": kind, "tier": tier, "note": note}
    source = source_of(given | {"language": language, "every_s": every, "enabled": not paused}, options)
    put(context, [source], as_json)


@app.command("enable")
def enable_(context: typer.Context, names: Names, as_json: Json = False) -> None:
    """Poll these sources, from now on."""
    _switch(context, names, True, as_json)


@app.command("pause")
def pause(context: typer.Context, names: Names, as_json: Json = False) -> None:
    """Do not poll these sources until they are enabled again. Nothing is forgotten."""
    _switch(context, names, False, as_json)


@app.command("remove")
def remove(context: typer.Context, names: Names, as_json: Json = False) -> None:
    """Forget these sources, their counts and what was seen in them. Their stories stay."""
    from newstide.store import registry

    database = database_of(context)
    _tell_names({name: "removed" if registry.remove(database, name) else "not there" for name in names}, as_json)


@app.command("tier")
def tier_(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Any source of stories, polled or not.")],
    tier: Annotated[int, typer.Argument(min=1, max=3, help="1: trusted more; 3: less.")],
    as_json: Json = False,
) -> None:
    """How much a source is trusted. Processors take it up within a minute; stored stories keep the tier they have."""
    from newstide.store import registry

    registry.set_tier(database_of(context), name, tier, datetime.now(UTC))
    _tell_names({name: f"tier {tier}"}, as_json)


def _row(each: Registered, now: datetime) -> Sequence[Any]:
    source, state = each.source, each.state
    new = state.last_new_at and f"{state.last_new_at:%Y-%m-%d %H:%M}"
    condition = each.condition(now).replace("_", " ")
    return (
        source.name,
        condition,
        source.kind,
        source.tier,
        f"{source.every_s:g}",
        state.published,
        new,
        state.last_error,
    )


def _switch(context: typer.Context, names: Sequence[str], enabled: bool, as_json: bool) -> None:
    from newstide.store import registry

    found = registry.enable(database_of(context), names, datetime.now(UTC), enabled=enabled)
    said = "enabled" if enabled else "paused"
    _tell_names({name: said if name in found else "not there" for name in names}, as_json)


def _tell_names(outcomes: dict[str, str], as_json: bool) -> None:
    if as_json:
        emit_json(outcomes)
    else:
        emit_pairs(outcomes)
    if "not there" in outcomes.values():
        raise UsageError("some of these sources are not there", fix="newstide sources list")
