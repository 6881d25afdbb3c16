"""Deliveries on their way out: claimed with a lease, marked with what became of them, counted, sent again.

A sender claims a channel, not a message: so each receiver is asked by one at a time, in the order in which things were
said, and a slow one holds up nobody else. Sending happens outside of any transaction.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, and_, exists, func, insert, or_, select, update

from newstide.alerting.channel import Channel
from newstide.alerting.firing import Firing
from newstide.alerting.retrying import Attempt, Next, Verdict
from newstide.store.alert_tables import firings
from newstide.store.database import Database
from newstide.store.delivery_schema import channels, deliveries, delivery_attempts
from newstide.store.people import channel_of

LEASE_S: Final = 60.0
"""Four times the longest attempt. A sender that has not spoken by then is gone, or will find its lease taken."""
DIGEST_MAX: Final = 200
"""Firings that one digest tells of; the rest are counted in it and stand in the inbox."""
UNKNOWN: Final = "unknown"
"""Verdict of an attempt that has not ended, or never will: its sender was killed."""


@dataclass(frozen=True, slots=True)
class Job:
    """One attempt at one delivery, leased to one sender."""

    delivery_id: str
    channel: Channel
    number: int
    """Of the attempt, ever; the first is 1."""
    step: int
    """Of the attempt within the schedule: those do not count that we broke off, or that came before a replay."""
    due_at: datetime
    lease: str
    """Of the channel, for this attempt alone."""
    firings: tuple[Firing, ...] = field(repr=False)
    """One, or those of a digest, oldest first."""
    left_out: int = 0
    is_digest: bool = False


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is due and not sent."""

    count: int
    oldest_due_at: datetime | None


def claim(database: Database, sender: str, now: datetime, count: int) -> list[Job]:
    """Lease up to `count` channels that have something due, and take the first of each. Raises StoreUnavailable."""
    due = exists().where(_of_channel(), _due(now))
    ready = select(channels).where(channels.c.disabled_at.is_(None), channels.c.free_at <= now, due)
    free = ready.order_by(channels.c.free_at).limit(count).with_for_update(skip_locked=True)
    with database.reading() as connection:  # an empty outbox must not cost the evaluator its write lock
        if connection.execute(ready.limit(1)).first() is None:
            return []
    with database.transaction() as connection:
        return [
            job for row in connection.execute(free).all() if (job := _claimed(connection, row, sender, now)) is not None
        ]


def _claimed(connection: Connection, row: Any, sender: str, now: datetime) -> Job | None:
    mine = deliveries.c.owner == row.owner, deliveries.c.channel == row.name
    order = deliveries.c.due_at, deliveries.c.created_at, deliveries.c.delivery_id
    first = connection.execute(select(deliveries).where(*mine, _due(now)).order_by(*order).limit(1)).one_or_none()
    if first is None:
        return None
    own = channels.c.owner == row.owner, channels.c.name == row.name
    lease = uuid.uuid4().hex
    leased = {"free_at": now + timedelta(seconds=LEASE_S), "leased_by": lease}
    connection.execute(update(channels).where(*own).values(**leased))
    number = first.attempts + 1
    connection.execute(_row(first.delivery_id).values(attempts=number))
    begun = {"delivery_id": first.delivery_id, "number": number, "started_at": now, "sender": sender}
    connection.execute(insert(delivery_attempts), [begun | {"verdict": UNKNOWN, "detail": ""}])
    firings, total = _told(connection, first)
    return Job(
        delivery_id=first.delivery_id,
        channel=channel_of(row),
        number=number,
        step=number - first.uncounted,
        due_at=first.due_at,
        lease=lease,
        firings=firings,
        left_out=total - len(firings),
        is_digest=not first.firing_id,
    )


def _told(connection: Connection, delivery: Any) -> tuple[tuple[Firing, ...], int]:
    """What a delivery tells of, and how many that would be without a limit."""
    query = select(firings.c.payload)
    if delivery.firing_id:
        query, total = query.where(firings.c.firing_id == delivery.firing_id), 1
    else:
        member = and_(deliveries.c.firing_id == firings.c.firing_id, deliveries.c.digest_id == delivery.delivery_id)
        order = firings.c.at, firings.c.firing_id
        query = query.join_from(firings, deliveries, member).order_by(*order).limit(DIGEST_MAX)
        members = select(func.count()).where(deliveries.c.digest_id == delivery.delivery_id)
        total = int(connection.execute(members).scalar_one())
    payloads: Sequence[str] = connection.execute(query).scalars().all()
    return tuple(msgspec.json.decode(payload, type=Firing) for payload in payloads), total


def mark(database: Database, job: Job, attempt: Attempt, following: Next, now: datetime, *, rest_s: float) -> bool:
    """Write down what an attempt came to, and let go of the channel, which then rests for `rest_s`.

    False when the lease was lost meanwhile: somebody else has tried the same since, and what they say holds.
    """
    log = delivery_attempts.c.delivery_id == job.delivery_id, delivery_attempts.c.number == job.number
    own = channels.c.owner == job.channel.owner, channels.c.name == job.channel.name
    held = channels.c.leased_by == job.lease, channels.c.free_at > now
    with database.transaction() as connection:
        started_at = connection.execute(select(delivery_attempts.c.started_at).where(*log)).scalar_one()
        seconds = (now - started_at).total_seconds()
        told = {"verdict": following.verdict.value, "status": attempt.status, "seconds": seconds}
        connection.execute(update(delivery_attempts).where(*log).values(**told, detail=attempt.detail))
        freed = {"leased_by": "", "free_at": now + timedelta(seconds=rest_s)}
        if not connection.execute(update(channels).where(*own, *held).values(**freed)).rowcount:
            return False
        _settle(connection, job, following, now)
        if following.verdict is Verdict.DISABLED:
            why = {"disabled_at": now, "disabled_why": attempt.detail}
            connection.execute(update(channels).where(*own).values(**why))
    return True


def _settle(connection: Connection, job: Job, following: Next, now: datetime) -> None:
    waits = following.verdict in (Verdict.RETRY, Verdict.CANCELLED)
    values: dict[str, Any] = {"state": "pending" if waits else following.verdict.value}
    if following.verdict is Verdict.CANCELLED:
        values["uncounted"] = deliveries.c.uncounted + 1  # and it keeps its place
    else:
        values |= {"due_at": following.at} if following.at is not None else {"ended_at": now}
    connection.execute(_row(job.delivery_id).values(**values))
    if job.is_digest and not waits:
        members = update(deliveries).where(deliveries.c.digest_id == job.delivery_id)
        connection.execute(members.values(state=following.verdict.value, ended_at=now))


def replay(database: Database, owner: str, delivery_id: str | None, now: datetime) -> int:
    """Begin the schedule anew for what was given up: one delivery of this person's, or all for None; returns how many.

    One that is named is sent again even if it had been sent. Its id stays the same.
    """
    mine = [deliveries.c.owner == owner, deliveries.c.digest_id.is_(None)]
    if delivery_id is None:
        mine.append(deliveries.c.state.in_((Verdict.EXHAUSTED.value, Verdict.DISABLED.value)))
    else:
        mine += [deliveries.c.delivery_id == delivery_id, deliveries.c.state.not_in(("pending", "suppressed"))]
    again = {"state": "pending", "due_at": now, "ended_at": None, "uncounted": deliveries.c.attempts}
    with database.transaction() as connection:
        return connection.execute(update(deliveries).where(*mine).values(**again)).rowcount


def waiting(database: Database, now: datetime) -> Waiting:
    """What is due on channels that are in use."""
    in_use = and_(_of_channel(), channels.c.disabled_at.is_(None))
    query = select(func.count(), func.min(deliveries.c.due_at)).join_from(deliveries, channels, in_use).where(_due(now))
    with database.transaction() as connection:
        count, oldest = connection.execute(query).one()
    return Waiting(int(count), oldest)


def undelivered(connection: Connection, now: datetime) -> int:
    """Messages that wait for a receiver which failed or is switched off, or were given up within a day."""
    waits = deliveries.c.state == "pending"
    troubled = or_(deliveries.c.attempts > deliveries.c.uncounted, channels.c.disabled_at.is_not(None))
    stuck = select(func.count()).join_from(deliveries, channels, _of_channel()).where(waits, troubled)
    given_up = deliveries.c.state.in_((Verdict.EXHAUSTED.value, Verdict.DISABLED.value))
    lost = select(func.count()).where(given_up, deliveries.c.ended_at > now - timedelta(days=1))
    return int(connection.execute(stuck).scalar_one()) + int(connection.execute(lost).scalar_one())


def _of_channel() -> Any:
    return and_(deliveries.c.owner == channels.c.owner, deliveries.c.channel == channels.c.name)


def _due(now: datetime) -> Any:
    return and_(deliveries.c.state == "pending", deliveries.c.due_at <= now)


def _row(delivery_id: str) -> Any:
    return update(deliveries).where(deliveries.c.delivery_id == delivery_id)
