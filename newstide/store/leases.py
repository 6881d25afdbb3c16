"""Who asks which source: leases that workers take, renew and lose, and the settling of a poll under one.

A lease is a number that grows each time a source changes hands. Whatever a worker writes of a source says which number
it holds; with another one in the row it has lost the source, by silence or by an operator's change, and writes nothing.
Times are those of the workers' own clocks: skew lets a lease end early, which costs a poll, and no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, and_, exists, func, or_, select, text, update

from newstide.errors import Fenced
from newstide.sources import Source, SourceState
from newstide.store.database import Database
from newstide.store.registry import registered
from newstide.store.source_schema import sources
from newstide.store.sources import state_row

_ONE_CLAIMS: Final = 0x6E657774
"""Key of the PostgreSQL advisory lock. Claims are short, and what a host may be asked depends on all of its sources."""
_DEFINED: Final = ("source", "kind", "url")


@dataclass(frozen=True, slots=True)
class Leased:
    """A source that this worker asks now, as it stood when the lease was taken."""

    source: Source
    state: SourceState
    epoch: int
    gap_s: float


@dataclass(frozen=True, slots=True)
class Claiming:
    """What a worker would take. `gaps_s`: by kind, the least time from the end of a poll to the next of its rate key.

    `unasked_since` takes every source that was not asked since then, due or not.
    """

    owner: str
    gaps_s: Mapping[str, float]
    lease_s: float
    limit: int
    unasked_since: datetime | None = None


def claim(database: Database, claiming: Claiming, now: datetime) -> list[Leased]:
    """Take the sources that have waited longest, at most one of each rate key, and only if nobody asks that key now."""
    with database.transaction() as connection:
        if not database.is_sqlite:  # SQLite's write lock, which we hold already, does the same
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_ONE_CLAIMS})"))
        taken = []
        for row in connection.execute(_claimable(claiming, now)).mappings().all():
            epoch, gap_s = row["lease_epoch"] + 1, claiming.gaps_s[row["kind"]]
            lease = {
                "lease_owner": claiming.owner,
                "lease_until": now + timedelta(seconds=claiming.lease_s),
                "lease_epoch": epoch,
                "rate_free_at": now + timedelta(seconds=gap_s),
            }
            if _write(connection, row["source"], row["lease_epoch"], lease):
                known = registered(row)
                taken.append(Leased(known.source, known.state, epoch, gap_s))
        return taken


def _claimable(claiming: Claiming, now: datetime) -> Any:
    other = sources.alias()
    busy = exists().where(
        other.c.rate_key == sources.c.rate_key, or_(other.c.lease_until > now, other.c.rate_free_at > now)
    )
    since = claiming.unasked_since
    due = sources.c.next_due_at <= now
    if since is not None:
        due = or_(sources.c.polled_at.is_(None), sources.c.polled_at < since)
    order = (sources.c.next_due_at, sources.c.source)
    place = func.row_number().over(partition_by=sources.c.rate_key, order_by=order).label("place")
    wanted = _wanted(claiming.gaps_s), due, ~busy
    first = select(sources, place).where(and_(*wanted)).subquery()
    return select(first).where(first.c.place == 1).order_by(first.c.next_due_at, first.c.source).limit(claiming.limit)


def _wanted(kinds: Iterable[str]) -> Any:
    return and_(sources.c.every_s.is_not(None), sources.c.enabled, sources.c.kind.in_(list(kinds)))


def unasked(database: Database, kinds: Iterable[str], since: datetime) -> int:
    """How many sources were not asked since then, by anybody."""
    waiting = or_(sources.c.polled_at.is_(None), sources.c.polled_at < since)
    with database.transaction() as connection:
        return int(connection.execute(select(func.count()).where(_wanted(kinds), waiting)).scalar_one())


def renew(database: Database, held: Mapping[str, int], now: datetime, until: datetime) -> set[str]:
    """Keep leases, by name and number; returns the names that are still ours. One that has ended is lost, even if
    nobody took the source: its host may be asked by another worker for another source."""
    with database.transaction() as connection:
        return {
            name
            for name, epoch in sorted(held.items())
            if _write(connection, name, epoch, {"lease_until": until}, sources.c.lease_until > now)
        }


def release(database: Database, held: Mapping[str, int]) -> None:
    """Give leases back, for another worker to go on at once."""
    with database.transaction() as connection:
        for name, epoch in sorted(held.items()):
            _write(connection, name, epoch, {"lease_until": None})


def settle(connection: Connection, leased: Leased, state: SourceState, now: datetime) -> None:
    """Where the source stands after the poll, and the end of the lease. Raises Fenced when the lease is lost.

    The gap counts from here, for nobody knows when exactly the publisher was asked.
    """
    row = {name: value for name, value in state_row(state, now).items() if name not in _DEFINED}
    row["rate_free_at"] = now + timedelta(seconds=leased.gap_s)
    if not _write(connection, leased.source.name, leased.epoch, row | {"lease_until": None}):
        raise Fenced(
            f"the source {leased.source.name} is asked by another worker", why="this one was silent for too long"
        )


def _write(connection: Connection, name: str, epoch: int, values: Mapping[str, Any], *also: Any) -> bool:
    ours = sources.c.source == name, sources.c.lease_epoch == epoch, *also
    return bool(connection.execute(update(sources).where(*ours).values(**values)).rowcount)
