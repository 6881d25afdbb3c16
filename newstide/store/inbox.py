"""What people were told, for those who look: the inbox with what became of each message. Every answer has a limit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Select, func, select

from newstide.alerting.firing import Firing, Kind
from newstide.alerting.subscription import Mute
from newstide.store.alert_tables import firings
from newstide.store.database import Database
from newstide.store.delivery_schema import deliveries, delivery_attempts, inbox
from newstide.store.people import mutes_of

ROWS_MAX: Final = 1_000
"""Of one list."""
ANSWERS_MAX: Final = 10_000
"""Firings among which the ends of the alerts of a list are sought."""


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """One message to one channel, or one digest, and how far it is."""

    delivery_id: str
    owner: str
    channel: str
    subscription: str
    firing_id: str
    """Empty: a digest."""
    outcome: str
    reason: str
    state: str
    attempts: int
    planned_at: datetime
    due_at: datetime
    created_at: datetime
    ended_at: datetime | None
    digest_id: str | None


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """`verdict` is `unknown` where the sender was killed, or is at it."""

    number: int
    started_at: datetime
    sender: str
    verdict: str
    status: int | None
    seconds: float | None
    detail: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A firing as it lies in somebody's inbox."""

    owner: str
    stored_at: datetime
    firing: Firing
    deliveries: tuple[DeliveryRow, ...]
    ended_by: Kind | None
    """What was said of it since: that it resolved, or does not hold. None: it stands, or is an answer itself."""


def entries(
    database: Database, owner: str | None, kinds: Collection[Kind] = (), limit: int = 50, offset: int = 0
) -> list[Entry]:
    """The newest first; one person's, or everybody's for None."""
    query = _of(owner, kinds, inbox.c.owner, inbox.c.stored_at, firings.c.payload)
    newest = query.order_by(inbox.c.stored_at.desc(), inbox.c.owner, inbox.c.firing_id)
    with database.transaction() as connection:
        rows = connection.execute(newest.limit(min(limit, ROWS_MAX)).offset(offset)).all()
        found = [(row.owner, row.stored_at, msgspec.json.decode(row.payload, type=Firing)) for row in rows]
        said = [firing for _owner, _at, firing in found]
        sent, ends = _deliveries(connection, said), _ends(connection, said)
    return [
        Entry(who, at, firing, tuple(sent[who, firing.firing_id]), ends.get(firing.firing_id))
        for who, at, firing in found
    ]


def entry(database: Database, owner: str | None, firing_id: str) -> list[Entry]:
    """One firing, as it lies in each inbox that may be looked at; nothing when it lies in none."""
    query = _of(owner, (), inbox.c.owner, inbox.c.stored_at, firings.c.payload).where(inbox.c.firing_id == firing_id)
    with database.transaction() as connection:
        rows = connection.execute(query.order_by(inbox.c.owner).limit(ROWS_MAX)).all()
        said = [msgspec.json.decode(row.payload, type=Firing) for row in rows]
        sent, ends = _deliveries(connection, said), _ends(connection, said)
    return [
        Entry(row.owner, row.stored_at, firing, tuple(sent[row.owner, firing_id]), ends.get(firing_id))
        for row, firing in zip(rows, said, strict=True)
    ]


def count(database: Database, owner: str | None, kinds: Collection[Kind] = ()) -> int:
    with database.transaction() as connection:
        return int(connection.execute(_of(owner, kinds, func.count())).scalar_one())


def delivery_rows(database: Database, owner: str, limit: int = 50, state: str = "") -> list[DeliveryRow]:
    """One person's messages, the newest first."""
    query = _delivery_rows().where(deliveries.c.owner == owner)
    if state:
        query = query.where(deliveries.c.state == state)
    newest = query.order_by(deliveries.c.created_at.desc(), deliveries.c.delivery_id).limit(min(limit, ROWS_MAX))
    with database.transaction() as connection:
        return [DeliveryRow(*row) for row in connection.execute(newest)]


def attempts(database: Database, owner: str, delivery_id: str) -> list[AttemptRow]:
    """What was tried, first to last; nothing when the delivery is not that person's."""
    columns = [delivery_attempts.c[name] for name in AttemptRow.__dataclass_fields__]
    query = (
        select(*columns)
        .join_from(delivery_attempts, deliveries, deliveries.c.delivery_id == delivery_attempts.c.delivery_id)
        .where(deliveries.c.delivery_id == delivery_id, deliveries.c.owner == owner)
        .order_by(delivery_attempts.c.number)
        .limit(ROWS_MAX)
    )
    with database.transaction() as connection:
        return [AttemptRow(*row) for row in connection.execute(query)]


def spared(database: Database, owners: Sequence[str], now: datetime) -> list[Mute]:
    """What these people asked to be spared, as it holds now."""
    with database.transaction() as connection:
        return mutes_of(connection, owners, now)


def _of(owner: str | None, kinds: Collection[Kind], *columns: Any) -> Select[Any]:
    query = select(*columns).select_from(inbox.join(firings, inbox.c.firing_id == firings.c.firing_id))
    if owner is not None:
        query = query.where(inbox.c.owner == owner)
    return query.where(firings.c.kind.in_([kind.value for kind in kinds])) if kinds else query


def _delivery_rows() -> Select[Any]:
    return select(*(deliveries.c[name] for name in DeliveryRow.__dataclass_fields__))


def _deliveries(connection: Connection, said: Sequence[Firing]) -> dict[tuple[str, str], list[DeliveryRow]]:
    found: dict[tuple[str, str], list[DeliveryRow]] = defaultdict(list)
    wanted = sorted({firing.firing_id for firing in said})
    query = (
        _delivery_rows().where(deliveries.c.firing_id.in_(wanted)).order_by(deliveries.c.owner, deliveries.c.channel)
    )
    for row in connection.execute(query):
        found[row.owner, row.firing_id].append(DeliveryRow(*row))
    return found


def _ends(connection: Connection, said: Sequence[Firing]) -> dict[str, Kind]:
    """By firing, what answered it: a correction before a resolution."""
    stands = [firing for firing in said if not firing.answers]
    if not stands:
        return {}
    query = (
        select(firings.c.payload)
        .where(
            firings.c.rule_id.in_(sorted({firing.rule_id for firing in stands})),
            firings.c.at >= min(firing.at for firing in stands),
            firings.c.kind.in_((Kind.RESOLVED.value, Kind.CORRECTED.value)),
        )
        .order_by(firings.c.at)
        .limit(ANSWERS_MAX)
    )
    answers = [msgspec.json.decode(payload, type=Firing) for payload in connection.execute(query).scalars()]
    ends = {each.answers: each.kind for each in answers if each.kind is Kind.RESOLVED}
    return ends | {each.answers: each.kind for each in answers if each.kind is Kind.CORRECTED}
