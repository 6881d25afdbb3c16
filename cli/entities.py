"""`newstide entities`: whom and what news is about."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli.context import Json, settings_of
from cli.given import person, read_text, require_text
from cli.output import emit_json, emit_pairs, emit_table, plain, say
from newstide.errors import DataInvalid, UsageError

if TYPE_CHECKING:
    from newstide.entities.merging import Outcome
    from newstide.entities.vocabulary import Entity
    from newstide.store.database import Database

app = typer.Typer(
    help="The entities that news is about: list, add, edit, import, and try the linking.", no_args_is_help=True
)

FILE_BYTES_MAX: Final = 64 << 20
"""Of one import: a hundred times the largest exchange's list."""
TOLD_MAX: Final = 20
"""Refused lines that are named one by one to a person; JSON names them all."""
LISTED_MAX: Final = 1_000
FIRST_CHARS_MAX: Final = 100
"""Of a first line that is quoted: all of any that we know."""

_APART: Final = re.compile(r" ;(?= |$)")
"""Between two columns, of which one may be empty: `Acme ; ; US`."""

Who = Annotated[str | None, typer.Option("--who", help="Who makes the change; default your login name.")]


@app.command("list")
def list_(
    context: typer.Context,
    kind: Annotated[str | None, typer.Option(help="company, index, commodity, currency, central_bank ...")] = None,
    search: Annotated[str, typer.Option(help="Words that a name or symbol holds.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1_000_000)] = LISTED_MAX,
    as_table: Annotated[bool, typer.Option("--table", help="As the table that `import` reads.")] = False,
    as_json: Json = False,
) -> None:
    """The entities, by id."""
    from newstide.entities.vocabulary import Kind

    if kind is not None and kind not in set(Kind):
        raise UsageError(f"{plain(kind)!r} is no kind of entity", fix=f"one of {', '.join(Kind)}")
    found = [each for each in _master(context) if (kind in (None, each.kind.value)) and _holds(each, search)][:limit]
    if as_table:
        from newstide.entities import table

        sys.stdout.write("\n".join(["\t".join(table.COLUMNS), *map(table.write, found)]) + "\n")
    elif as_json:
        emit_json([_shown(each) for each in found])
    else:
        rows = [
            (e.entity_id, e.kind.value, e.name("en"), e.name("zh"), _symbols(e), e.country, e.sector) for e in found
        ]
        columns = ("id", "kind", "English", "Chinese", "listings", "country", "sector")
        emit_table(columns, rows, empty="no entity is like that")


@app.command("show")
def show(
    context: typer.Context,
    entity_id: Annotated[str, typer.Argument(help="Its id; `list --search` finds it.")],
    as_json: Json = False,
) -> None:
    """One entity with all its names and listings."""
    entity = _known(_master(context), entity_id)
    if as_json:
        emit_json(_shown(entity))
        return
    emit_pairs({"id": entity.entity_id, "kind": entity.kind.value, "country": entity.country, "sector": entity.sector})
    names = [(n.text, n.language, "weak" if n.weak else "", n.valid_from, n.valid_to) for n in entity.names]
    emit_table(("name", "language", "", "from", "to"), names)
    if entity.listings:
        listings = [(each.exchange, each.symbol, each.valid_from, each.valid_to) for each in entity.listings]
        emit_table(("exchange", "symbol", "from", "to"), listings)


@app.command("add")
def add(
    context: typer.Context,
    row: Annotated[str, typer.Argument(help="A row of the table; see docs/linking.md.")],
    who: Who = None,
    as_json: Json = False,
) -> None:
    """Add an entity, written as a row of the table with its columns apart by tabs or ` ; `."""
    entity = _entity(row)

    def decide(master: Sequence[Entity]) -> Outcome:
        if any(each.entity_id == entity.entity_id for each in master):
            raise UsageError(f"there is an entity {entity.entity_id} already", fix="newstide entities edit")
        return _replaced(master, entity)

    _tell(_change(context, decide, who), as_json)


@app.command("edit")
def edit(
    context: typer.Context,
    row: Annotated[str, typer.Argument(help="The whole row as it shall be; `list --search ID --table` prints it.")],
    who: Who = None,
    as_json: Json = False,
) -> None:
    """Change an entity. What it was before is kept in its history; what was linked before stays as it was."""
    entity = _entity(row)

    def decide(master: Sequence[Entity]) -> Outcome:
        _known(master, entity.entity_id)
        return _replaced(master, entity)

    _tell(_change(context, decide, who), as_json)


@app.command("history")
def history(
    context: typer.Context,
    entity_id: Annotated[str, typer.Argument()],
    as_json: Json = False,
) -> None:
    """Every change of an entity, the newest first: who, when, before and after."""
    from newstide.entities import table
    from newstide.store import entities
    from newstide.store.connect import connect

    require_text(entity_id)
    found = entities.history(connect(settings_of(context), read_only=True), entity_id)
    if not found:
        raise _unknown(entity_id)
    if as_json:
        shown = [
            {"at": e.at, "who": e.who, "before": e.before and _shown(e.before), "after": e.after and _shown(e.after)}
            for e in found
        ]
        emit_json(shown)
        return
    rows = [(f"{e.at:%Y-%m-%d %H:%M:%S}", e.who, *(x and table.write(x) for x in (e.before, e.after))) for e in found]
    emit_table(("at (UTC)", "who", "before", "after"), rows)


@app.command("import")
def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A list of companies; docs/linking.md names the formats.")],
    form: Annotated[str | None, typer.Option("--format", help="Default: what its first line says.")] = None,
    who: Who = None,
    as_json: Json = False,
) -> None:
    """Take in a list. Others' lists only add; a table of ours replaces what it names. A second time changes nothing."""
    from newstide.entities import listings, merging, starter

    text = read_text(file, FILE_BYTES_MAX)
    kind = listings.format_of(text)
    if form is not None and form != kind:
        raise DataInvalid(f"{file} is no {form} file", why=f"its first line is that of {kind or 'none that we know'}")
    if kind is None:
        why = f"its first line is {listings.first_line(text)[:FIRST_CHARS_MAX]!r}"
        raise DataInvalid(f"{file} has none of the known formats", why=why, fix="docs/linking.md names theirs")
    rows = list(listings.read(text, kind, frozenset(starter.words("common_words"))))
    merge = merging.replace if kind == "table" else merging.add_to
    outcome = _change(context, lambda master: merge(master, rows), who)
    _tell(outcome, as_json)
    if rows and len(outcome.refused) == len(rows):
        raise DataInvalid(f"no line of {file} could be used", why=outcome.refused[0].why)


@app.command("link")
def link(
    context: typer.Context,
    title: Annotated[str, typer.Argument(help="A headline.")],
    body: Annotated[str, typer.Option(help="The story's text.")] = "",
    symbol: Annotated[list[str] | None, typer.Option(help="A symbol that the source gave.")] = None,
    on: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day whose names are meant.")] = None,
    as_json: Json = False,
) -> None:
    """What would be linked in a story, and why; with what was considered and is not linked."""
    from newstide.entities import starter

    linker = starter.linker(_master(context))
    given, day = tuple(symbol or ()), on.date() if on else date.today()  # noqa: DTZ011 - the user's own day
    links = linker.link(title, body, given, day)
    linked = {each.entity_id for each in links}
    others = [each for each in linker.candidates(title, body, given, day) if each.entity_id not in linked]
    if as_json:
        shown = [{**each._asdict(), "mention": each.mention._asdict()} for each in links]
        emit_json({"links": shown, "not_linked": [e._asdict() for e in others], "entities_version": linker.version})
        return
    rows = [
        (each.entity_id, f"{each.relevance:.2f}", f"{each.score:.2f}", each.mention.text, each.reason) for each in links
    ]
    rows += [(each.entity_id, "-", f"{each.score:.2f}", each.text, f"not linked: {each.reason}") for each in others]
    emit_table(("entity", "relevance", "score", "text", "reason"), rows)


def _master(context: typer.Context) -> tuple[Entity, ...]:
    settings = settings_of(context)
    from newstide.store import entities
    from newstide.store.connect import connect

    return entities.load(connect(settings))


def _change(context: typer.Context, decide: Callable[[Sequence[Entity]], Outcome], who: str | None) -> Outcome:
    settings = settings_of(context)
    from newstide.store import entities
    from newstide.store.connect import connect

    database: Database = connect(settings)
    return entities.change(database, decide, person(who), datetime.now(UTC))


def _replaced(master: Sequence[Entity], entity: Entity) -> Outcome:
    from newstide.entities import listings, merging

    return merging.replace(master, [listings.Row(1, entity)])


def _entity(row: str) -> Entity:
    from newstide.entities import table

    try:
        return table.entity_of(row.split("\t") if "\t" in row else _APART.split(row))
    except table.NoEntity as error:
        raise UsageError(
            "this is no entity", why=str(error), fix=f"the columns are {', '.join(table.COLUMNS)}"
        ) from error


def _known(master: Sequence[Entity], entity_id: str) -> Entity:
    for each in master:
        if each.entity_id == entity_id:
            return each
    raise _unknown(entity_id)


def _unknown(entity_id: str) -> UsageError:
    return UsageError(f"there is no entity {entity_id}", fix="newstide entities list --search NAME")


def _holds(entity: Entity, search: str) -> bool:
    words = search.lower().split()
    texts = [entity.entity_id, *(n.text.lower() for n in entity.names), *(e.symbol.lower() for e in entity.listings)]
    return all(any(word in text for text in texts) for word in words)


def _symbols(entity: Entity) -> str:
    return " ".join(f"{each.exchange}:{each.symbol}" for each in entity.listings if each.valid_to is None)


def _shown(entity: Entity) -> Any:
    import msgspec

    return msgspec.to_builtins(entity)


def _tell(outcome: Outcome, as_json: bool) -> None:
    """lines = added + changed + unchanged + refused"""
    counts = {"added": outcome.added, "changed": outcome.changed, "unchanged": outcome.unchanged}
    if as_json:
        emit_json(counts | {"refused": [each._asdict() for each in outcome.refused]})
        return
    emit_pairs(counts | {"refused": len(outcome.refused)})
    for each in outcome.refused[:TOLD_MAX]:
        say(f"line {each.line}: {each.why}")
