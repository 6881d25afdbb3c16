"""What the commands about sources share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli.context import settings_of
from cli.output import emit_json, emit_pairs, say
from newstide.errors import DataInvalid, UsageError
from newstide.sources import Registered, Source

if TYPE_CHECKING:
    from ingest.roster import Refused
    from newstide.store.database import Database
    from newstide.store.registry import PutOutcome

app = typer.Typer(help="The sources that are polled: list, add, try, pause, import, export.", no_args_is_help=True)

TOLD_MAX: Final = 20
"""Refused lines that are named one by one to a person; JSON names them all."""

KindOption = Annotated[str, typer.Option(help="feed, json, edgar or gdelt.")]
Options = Annotated[str, typer.Option(help="Of its kind, as a JSON object; docs/sources.md has examples.")]


def shown(each: Registered, now: datetime) -> dict[str, Any]:
    """A source for programs: what is wanted of it, where it stands, and how well it is."""
    import msgspec

    state = {name: value for name, value in asdict(each.state).items() if name not in ("source", "kind", "url")}
    lease = {"leased_by": each.lease_owner if each.leased(now) else None}
    return {**msgspec.to_builtins(each.source), "condition": each.condition(now), **state, **lease}


def database_of(context: typer.Context) -> Database:
    settings = settings_of(context)
    from newstide.store.connect import connect

    return connect(settings)


def source_of(given: dict[str, Any], options: str) -> Source:
    """Raises UsageError for a source that cannot be polled."""
    import msgspec

    from ingest.kinds.catalogue import problem_of

    try:
        source = msgspec.convert(given | {"options": msgspec.json.decode(options or "{}")}, Source)
        why = problem_of(source)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        why = str(error)
    if why:
        raise UsageError("this source cannot be polled", why=why, fix="docs/sources.md")
    return source


def enter(database: Database, wanted: Sequence[Source], *, replace: bool = True) -> PutOutcome:
    """Put sources into the registry, each under the key of its rate."""
    from ingest.kinds.catalogue import rate_key_of
    from newstide.store import registry

    rows = [(source, rate_key_of(source)) for source in wanted]
    return registry.put(database, rows, datetime.now(UTC), replace=replace)


def put(
    context: typer.Context,
    wanted: Sequence[Source],
    as_json: bool,
    *,
    replace: bool = True,
    refused: Sequence[Refused] = (),
) -> PutOutcome:
    """Enter them and tell what became of each. Raises DataInvalid when some could not be taken."""
    outcome = enter(database_of(context), wanted, replace=replace)
    if as_json:
        emit_json(asdict(outcome) | {"lines_refused": [each._asdict() for each in refused]})
    else:
        emit_pairs({name: len(names) for name, names in asdict(outcome).items()})
        for each in refused[:TOLD_MAX]:
            say(f"line {each.line}: {each.why}")
        for name in outcome.refused[:TOLD_MAX]:
            say(f"{name}: stories of that name come from elsewhere already")
    if outcome.refused or refused:
        raise DataInvalid("some sources could not be taken", why="they are named above; the others were taken")
    return outcome
