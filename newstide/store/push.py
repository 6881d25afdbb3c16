"""What became of pushed messages, shared by all push processes: an id is taken once, for one body."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, delete, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from newstide.store.push_tables import push_messages
from newstide.store.source_schema import sources

REMEMBER: Final = timedelta(hours=26)
"""The schedule of Standard Webhooks ends with a retry after 24 hours; and some."""
FORGET_ROWS: Final = 20_000
"""At a time: a quarter of a second of work. Called every ten seconds it keeps up with 2,000 messages/s."""

MessageKey = tuple[str, str]
"""Source and message id."""


@dataclass(frozen=True, slots=True)
class Handled:
    """A message, the body that it had, and what it was answered."""

    source: str
    message_id: str
    digest: str
    status: int
    published: int = 0
    unchanged: int = 0
    rejected: int = 0

    @property
    def key(self) -> MessageKey:
        return self.source, self.message_id


def lock(connection: Connection, names: Iterable[str]) -> None:
    """Keep other processes from these sources until the end of the transaction, so that of two texts of one story one
    is the later. In one order everywhere, so that nobody waits in a circle; SQLite's transactions do it anyway."""
    query = select(sources.c.source).where(sources.c.source.in_(sorted(names)))
    connection.execute(query.order_by(sources.c.source).with_for_update()).all()


def handled(connection: Connection, keys: Iterable[MessageKey]) -> dict[MessageKey, Handled]:
    """What is remembered of these messages."""
    ids: dict[str, list[str]] = {}
    for source, message_id in keys:
        ids.setdefault(source, []).append(message_id)
    columns = [push_messages.c[name] for name in Handled.__dataclass_fields__]
    found: dict[MessageKey, Handled] = {}
    for source, some in ids.items():
        query = select(*columns).where(push_messages.c.source == source, push_messages.c.message_id.in_(some))
        found |= {one.key: one for one in (Handled(*row) for row in connection.execute(query))}
    return found


def keep(connection: Connection, messages: Sequence[Handled], now: datetime) -> None:
    """Remember them; one that was refused before and came with another body is what it is now."""
    if not messages:
        return
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(push_messages)
    fresh = {column.name: statement.excluded[column.name] for column in push_messages.c if not column.primary_key}
    upsert = statement.on_conflict_do_update(index_elements=["source", "message_id"], set_=fresh)
    connection.execute(upsert, [asdict(message) | {"received_at": now} for message in messages])


def count(connection: Connection, source: str, counts: Handled, error: str, now: datetime) -> None:
    """Add to the counts of a source, under its lock; `counts` are those of a turn, `error` what was wrong in it."""
    given = {name: getattr(counts, name) for name in ("published", "unchanged", "rejected")}
    added = {name: sources.c[name] + number for name, number in given.items()}
    received = sources.c.received + sum(given.values())
    told = {"last_error": error, "last_success_at": now, "updated_at": now}
    connection.execute(update(sources).where(sources.c.source == source).values(**added, received=received, **told))


def forget(connection: Connection, now: datetime) -> int:
    """Let go of what is older than REMEMBER, at most FORGET_ROWS; returns how many."""
    columns = (push_messages.c.source, push_messages.c.message_id)
    old = select(*columns).where(push_messages.c.received_at < now - REMEMBER).limit(FORGET_ROWS)
    if connection.dialect.name == "postgresql":
        old = old.with_for_update(skip_locked=True)
    return connection.execute(delete(push_messages).where(tuple_(*columns).in_(old))).rowcount
