"""What the engine remembers, row by row, and who evaluates. Moved in the transaction of the offsets and the firings."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Connection, and_, bindparam, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from newstide.store.alert_tables import alert_engines, alert_state
from newstide.store.bulk import insert_new
from newstide.store.database import Database, Transaction

LEASE: Final = timedelta(seconds=20)
"""After which a standby takes over from a process that is no longer heard of; twice a bus session."""
NOBODY: Final = ""
_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


def claim(database: Database, consumer: str, holder: str, now: datetime) -> bool:
    """Whether `holder` may evaluate until LEASE from now: nobody else does. Repeated, it goes on holding.

    It saves work and guards nothing: two that evaluate at once are kept apart by `advance` and the offsets.
    """
    fresh = {"consumer": consumer, "version": 0, "holder": NOBODY, "held_until": _NEVER}
    free = or_(alert_engines.c.holder.in_((holder, NOBODY)), alert_engines.c.held_until <= now)
    with database.transaction() as connection:
        insert_new(connection, alert_engines, [fresh], ("consumer",))
        taken = connection.execute(
            update(alert_engines)
            .where(alert_engines.c.consumer == consumer, free)
            .values(holder=holder, held_until=now + LEASE)
        )
        return taken.rowcount == 1


def let_go(database: Database, consumer: str, holder: str) -> None:
    """A standby need not wait."""
    mine = and_(alert_engines.c.consumer == consumer, alert_engines.c.holder == holder)
    with database.transaction() as connection:
        connection.execute(update(alert_engines).where(mine).values(holder=NOBODY))


def advance(transaction: Transaction, consumer: str, expected: int) -> bool:
    """Move the state's version on from the expected one; False: somebody else has, and what we remember is stale."""
    moved = transaction.execute(
        update(alert_engines)
        .where(alert_engines.c.consumer == consumer, alert_engines.c.version == expected)
        .values(version=expected + 1)
    )
    return moved.rowcount == 1


def take(transaction: Transaction, consumer: str) -> int:
    """The version, moved on; others wait until this transaction ends."""
    fresh = {"consumer": consumer, "version": 0, "holder": NOBODY, "held_until": _NEVER}
    insert_new(transaction, alert_engines, [fresh], ("consumer",))
    mine = alert_engines.c.consumer == consumer
    transaction.execute(update(alert_engines).where(mine).values(version=alert_engines.c.version + 1))
    return int(transaction.execute(select(alert_engines.c.version).where(mine)).scalar_one())


def rows(connection: Connection, consumer: str) -> list[tuple[str, str, str]]:
    query = select(alert_state.c.kind, alert_state.c.key, alert_state.c.payload)
    return [tuple(row) for row in connection.execute(query.where(alert_state.c.consumer == consumer))]


def write(transaction: Transaction, consumer: str, changes: Iterable[tuple[str, str, str | None]]) -> None:
    """Rows as `alerting.memory` gives them: new, changed, or None for gone."""
    kept, gone = [], []
    for kind, key, payload in changes:
        place = {"consumer": consumer, "kind": kind, "key": key}
        if payload is None:
            gone.append({f"of_{name}": value for name, value in place.items()})
        else:
            kept.append({**place, "payload": payload})
    if kept:
        made = sqlite if transaction.dialect.name == "sqlite" else postgresql
        statement = made.insert(alert_state)
        primary = [column.name for column in alert_state.primary_key]
        transaction.execute(
            statement.on_conflict_do_update(index_elements=primary, set_={"payload": statement.excluded.payload}), kept
        )
    if gone:
        here = (alert_state.c[column.name] == bindparam(f"of_{column.name}") for column in alert_state.primary_key)
        transaction.execute(delete(alert_state).where(*here), gone)
