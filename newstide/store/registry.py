"""The registry of polled sources: what operators want of each. Where a source stands is not theirs to say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from newstide.sources import Registered, Source
from newstide.store.database import Database
from newstide.store.schema import Row
from newstide.store.source_schema import source_items, sources
from newstide.store.sources import state_of

SPREAD_S_MAX: Final = 60.0
"""Sources that come together are first asked one after the other over this time, or over their own interval."""

_ANOTHER_DOCUMENT: Final = ("kind", "url", "options")
"""A change of these makes the cursor worthless, and whoever asks the source right now asks for the wrong thing."""


@dataclass(slots=True)
class PutOutcome:
    """Names of what was put, by what became of it. `refused`: stories of that name come from elsewhere already."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def load(database: Database, name: str) -> Registered | None:
    with database.transaction() as connection:
        row = connection.execute(
            select(sources).where(sources.c.source == name, sources.c.every_s.is_not(None))
        ).first()
        return None if row is None else registered(row._mapping)


def load_all(database: Database) -> list[Registered]:
    """Every polled source, by name."""
    with database.transaction() as connection:
        return all_by(connection)


def all_by(connection: Connection) -> list[Registered]:
    """As `load_all`, within a transaction that goes on."""
    query = select(sources).where(sources.c.every_s.is_not(None)).order_by(sources.c.source)
    return [registered(row._mapping) for row in connection.execute(query)]


def put(database: Database, wanted: Sequence[tuple[Source, str]], now: datetime, *, replace: bool = True) -> PutOutcome:
    """Enter sources, each with the key of its rate; `replace` changes those that are there to what is wanted now."""
    outcome = PutOutcome()
    with database.transaction() as connection:
        rows = connection.execute(select(sources))
        known: dict[str, Mapping[str, Any]] = {row.source: dict(row._mapping) for row in rows}
        for place, (source, rate_key) in enumerate(wanted):
            row = _definition(source, rate_key)
            spread_s = min(source.every_s, SPREAD_S_MAX) * place / len(wanted)
            first = {"next_due_at": now + timedelta(seconds=spread_s), "updated_at": now}
            _put_one(connection, row, first, known.get(source.name), outcome, replace)
            known[source.name] = row | first
    return outcome


def _put_one(
    connection: Connection, row: Row, first: Row, known: Mapping[str, Any] | None, outcome: PutOutcome, replace: bool
) -> None:
    name = row["source"]
    if known is None:
        connection.execute(insert(sources).values(row | first | {"added_at": first["updated_at"]}))
        outcome.added.append(name)
        return
    polled = known["every_s"] is not None
    if not polled and known["kind"] != row["kind"] and known["received"]:
        outcome.refused.append(name)
        return
    if all(known[key] == value for key, value in row.items()) or (polled and not replace):
        outcome.unchanged.append(name)
        return
    changed = row | {"updated_at": first["updated_at"]}
    if not polled:
        changed["added_at"] = first["updated_at"]
    elif known["every_s"] != row["every_s"]:  # it does not wait for the end of an interval that nobody wants any more
        changed["next_due_at"] = min(known["next_due_at"], first["updated_at"] + timedelta(seconds=row["every_s"]))
    if not polled or any(known[key] != row[key] for key in _ANOTHER_DOCUMENT):
        cursor = {
            "etag": "",
            "last_modified": "",
            "failures": 0,
            "last_error": "",
            "lease_owner": "",
            "lease_until": None,
        }
        changed |= first | cursor | {"lease_epoch": sources.c.lease_epoch + 1}
    connection.execute(update(sources).where(sources.c.source == name).values(changed))
    outcome.changed.append(name)


def enable(database: Database, names: Sequence[str], now: datetime, *, enabled: bool) -> list[str]:
    """Start or pause sources; those that are started are due now, many one after the other. Returns those there are."""
    found = []
    with database.transaction() as connection:
        for place, name in enumerate(names):
            of_it = sources.c.source == name, sources.c.every_s.is_not(None)
            if connection.execute(update(sources).where(*of_it).values(enabled=enabled, updated_at=now)).rowcount:
                found.append(name)
                if enabled:
                    due_at = now + timedelta(seconds=SPREAD_S_MAX * place / len(names))
                    late = sources.c.next_due_at < due_at
                    connection.execute(update(sources).where(*of_it, late).values(next_due_at=due_at))
    return found


def remove(database: Database, name: str) -> bool:
    """Forget a source, its counts and its memory of stories. What it published stays. False when there is none."""
    with database.transaction() as connection:
        gone = delete(sources).where(sources.c.source == name, sources.c.every_s.is_not(None))
        if not connection.execute(gone).rowcount:
            return False
        connection.execute(delete(source_items).where(source_items.c.source == name))
        return True


def set_tier(database: Database, name: str, tier: int, now: datetime) -> None:
    """For any source, polled or not; one that is not there yet is entered as one that comes from files."""
    with database.transaction() as connection:
        moved = update(sources).where(sources.c.source == name).values(tier=tier, updated_at=now)
        if not connection.execute(moved).rowcount:
            row = {"source": name, "kind": "file", "url": "", "tier": tier, "updated_at": now, "added_at": now}
            connection.execute(insert(sources).values(row))


def registered(row: RowMapping) -> Registered:
    source = Source(
        name=row["source"],
        **{key: row[key] for key in Source.__struct_fields__ if key != "name"},
    )
    return Registered(source, state_of(row), row["added_at"], row["lease_owner"], row["lease_until"])


def _definition(source: Source, rate_key: str) -> Row:
    row = {key: getattr(source, key) for key in Source.__struct_fields__ if key != "name"}
    return row | {"source": source.name, "options": dict(source.options), "rate_key": rate_key}
