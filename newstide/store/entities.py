"""The entity master in the database: read whole, changed one entity at a time, every change kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Final

import msgspec
from sqlalchemy import Connection, Table, delete, func, insert, select, text

from newstide.entities.merging import Change, Outcome
from newstide.entities.starter import entities as starter_list
from newstide.entities.vocabulary import Edit, Entity, Kind, Listing, Name
from newstide.store.database import Database
from newstide.store.entity_schema import entities, entity_edits, entity_listings, entity_names

EDITS_MAX: Final = 1_000
"""Of one entity's history that is shown."""
IDS_A_QUERY: Final = 500
STARTER: Final = "newstide"
"""Who edits when the list that ships is taken in."""

Decide = Callable[[Sequence[Entity]], Outcome]


def load(database: Database) -> tuple[Entity, ...]:
    """The master as it stands, by id."""
    with database.transaction() as connection:
        return read(connection)


def mark(database: Database) -> int:
    """A number that grows with every change of the master; 0 where there never was one."""
    with database.transaction() as connection:
        return int(connection.execute(select(func.max(entity_edits.c.id))).scalar_one() or 0)


def read(connection: Connection) -> tuple[Entity, ...]:
    names: dict[str, list[Name]] = {}
    for row in connection.execute(select(entity_names).order_by(entity_names.c.entity_id, entity_names.c.place)):
        name = Name(
            text=row.text, language=row.language, weak=row.weak, valid_from=row.valid_from, valid_to=row.valid_to
        )
        names.setdefault(row.entity_id, []).append(name)
    listings: dict[str, list[Listing]] = {}
    query = select(entity_listings).order_by(entity_listings.c.entity_id, entity_listings.c.place)
    for row in connection.execute(query):
        listing = Listing(exchange=row.exchange, symbol=row.symbol, valid_from=row.valid_from, valid_to=row.valid_to)
        listings.setdefault(row.entity_id, []).append(listing)
    return tuple(
        Entity(
            entity_id=row.entity_id,
            kind=Kind(row.kind),
            names=tuple(names.get(row.entity_id, ())),
            country=row.country,
            sector=row.sector,
            listings=tuple(listings.get(row.entity_id, ())),
        )
        for row in connection.execute(select(entities).order_by(entities.c.entity_id))
    )


def names_of(database: Database, ids: Sequence[str]) -> dict[str, str]:
    """The name to show of each of a story's entities, the English one where there is one."""
    columns = (entity_names.c.entity_id, entity_names.c.text)
    query = select(*columns).where(entity_names.c.entity_id.in_(ids)).order_by(entity_names.c.place.desc())
    with database.transaction() as connection:
        return {row.entity_id: row.text for row in connection.execute(query)}


def sectors_of(connection: Connection, ids: Sequence[str], as_of: datetime | None = None) -> dict[str, str]:
    """The sector of each of these entities, now or as it was written before `as_of`."""
    found: dict[str, str] = {}
    for first in range(0, len(ids), IDS_A_QUERY):
        some = ids[first : first + IDS_A_QUERY]
        if as_of is None:
            query = select(entities.c.entity_id, entities.c.sector).where(entities.c.entity_id.in_(some))
            found |= {row.entity_id: row.sector for row in connection.execute(query)}
            continue
        edits = select(entity_edits.c.entity_id, entity_edits.c.after).where(entity_edits.c.entity_id.in_(some))
        for row in connection.execute(edits.where(entity_edits.c.at <= as_of).order_by(entity_edits.c.id)):
            after = _entity(row.after)
            found[row.entity_id] = after.sector if after else ""
    return found


def change(database: Database, decide: Decide, who: str, now: datetime) -> Outcome:
    """Change the master by what `decide` makes of it, in one transaction; two who do so come one after the other."""
    with database.transaction() as connection:
        if not database.is_sqlite:  # SQLite's write lock, which we hold already, does the same; readers go on
            connection.execute(text("LOCK TABLE entities IN SHARE ROW EXCLUSIVE MODE"))
        outcome = decide(read(connection))
        _apply(connection, list(outcome.changes.values()), who, now)
        return outcome


def seed(connection: Connection, now: datetime) -> None:
    """Take in what is new of the list that ships. What is there, edited or not, stays as it is."""
    known = set(connection.execute(select(entities.c.entity_id)).scalars())
    new = [Change(None, entity) for entity in starter_list() if entity.entity_id not in known]
    _apply(connection, new, STARTER, now)


def history(database: Database, entity_id: str) -> list[Edit]:
    """The changes of an entity, the newest first."""
    query = (
        select(entity_edits)
        .where(entity_edits.c.entity_id == entity_id)
        .order_by(entity_edits.c.id.desc())
        .limit(EDITS_MAX)
    )
    with database.transaction() as connection:
        rows = connection.execute(query).all()
    return [
        Edit(entity_id=row.entity_id, at=row.at, who=row.who, before=_entity(row.before), after=_entity(row.after))
        for row in rows
    ]


def _entity(written: str | None) -> Entity | None:
    return None if written is None else msgspec.json.decode(written, type=Entity)


def _apply(connection: Connection, changes: Sequence[Change], who: str, now: datetime) -> None:
    if not changes:
        return
    changed = [each.after.entity_id for each in changes if each.before is not None]
    for first in range(0, len(changed), IDS_A_QUERY):
        some = changed[first : first + IDS_A_QUERY]
        for table in (entities, entity_names, entity_listings):
            connection.execute(delete(table).where(table.c.entity_id.in_(some)))
    after = [each.after for each in changes]
    _insert(
        connection,
        entities,
        [
            {
                "entity_id": e.entity_id,
                "kind": e.kind.value,
                "country": e.country,
                "sector": e.sector,
                "updated_at": now,
            }
            for e in after
        ],
    )
    _insert(connection, entity_names, _parts(after, "names"))
    _insert(connection, entity_listings, _parts(after, "listings"))
    _insert(
        connection,
        entity_edits,
        [
            {
                "entity_id": c.after.entity_id,
                "at": now,
                "who": who,
                "before": _written(c.before),
                "after": _written(c.after),
            }
            for c in changes
        ],
    )


def _parts(after: Iterable[Entity], part: str) -> list[dict[str, object]]:
    """Names or listings as rows, each with its place."""
    return [
        {"entity_id": entity.entity_id, "place": place, **{n: getattr(each, n) for n in each.__struct_fields__}}
        for entity in after
        for place, each in enumerate(getattr(entity, part))
    ]


def _insert(connection: Connection, table: Table, rows: list[dict[str, object]]) -> None:
    if rows:
        connection.execute(insert(table), rows)


def _written(entity: Entity | None) -> str | None:
    return None if entity is None else msgspec.json.encode(entity).decode()
