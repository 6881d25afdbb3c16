"""Lists of sources: import, OPML, and the one that ships."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cli.context import Json
from cli.given import read_bytes
from cli.output import say
from cli.sources.common import app, database_of, put
from newstide.errors import DataInvalid, UsageError

if TYPE_CHECKING:
    from ingest.roster import Roster


FILE_BYTES_MAX: Final = 16 << 20
"""Of a list: ten thousand sources have some three megabytes."""


@app.command("import")
def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="One JSON object a line; - is standard input.", allow_dash=True)],
    as_json: Json = False,
) -> None:
    """Add sources, or change those that are there to what the file says. A second time changes nothing."""
    from ingest.roster import read_lines

    try:
        text = read_bytes(file, FILE_BYTES_MAX).decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataInvalid(f"{file} is not UTF-8", why=str(error)) from error
    _take_in(context, read_lines(text), file, as_json)


@app.command("import-opml")
def import_opml(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The list of another reader; - is standard input.", allow_dash=True)],
    as_json: Json = False,
) -> None:
    """Add the feeds of another reader's list. Addresses that are there already are passed over."""
    from ingest.roster import NoOpml, Roster, read_opml
    from newstide.store import registry

    known = registry.load_all(database_of(context))
    try:
        roster = read_opml(read_bytes(file, FILE_BYTES_MAX), [each.source.name for each in known])
    except NoOpml as error:
        raise DataInvalid(f"{file} is no OPML list", why=str(error)) from error
    urls = {each.source.url for each in known}
    fresh = tuple(source for source in roster.sources if source.url not in urls)
    _take_in(context, Roster(fresh, roster.refused), file, as_json)


@app.command("export-opml")
def export_opml(context: typer.Context) -> None:
    """The feeds as a list for another reader, on standard output. Other kinds have no place in it."""
    from ingest.roster import write_opml
    from newstide.store import registry

    sys.stdout.write(write_opml(each.source for each in registry.load_all(database_of(context))))


@app.command("starter")
def starter(
    context: typer.Context,
    enable: Annotated[bool, typer.Option("--enable", help="Poll them; else they are entered, paused.")] = False,
    language: Annotated[str, typer.Option(help="Only those in en or zh.")] = "",
    as_json: Json = False,
) -> None:
    """Enter the list that ships: public English and Chinese sources. What is there already stays as it is."""
    import msgspec

    from ingest.roster import starter as starter_list
    from newstide.store import registry

    chosen = [each for each in starter_list() if language in ("", each.language)]
    if not chosen:
        raise UsageError(f"the list has no sources in {language}", fix="--language en or zh")
    outcome = put(context, [msgspec.structs.replace(each, enabled=enable) for each in chosen], as_json, replace=False)
    if enable:
        registry.enable(database_of(context), outcome.unchanged, datetime.now(UTC), enabled=True)
    else:
        say("they are paused; newstide sources enable NAME..., or starter --enable")


def _take_in(context: typer.Context, roster: Roster, file: Path, as_json: bool) -> None:
    if not roster.sources and not roster.refused:
        raise DataInvalid(f"{file} holds no source that is not there already")
    put(context, roster.sources, as_json, refused=roster.refused)
