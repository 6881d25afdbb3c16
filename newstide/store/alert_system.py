"""newstide's own measures, as its rules ask for them: read from rows, by the wall clock."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, func, select

from newstide.alerting.rules import Measure
from newstide.alerting.watching import Asked, Reading
from newstide.index.moments import Moments, total
from newstide.sources import TROUBLED
from newstide.store import registry, sending
from newstide.store.filters import Filters
from newstide.store.schema import dead_letters, streams
from newstide.store.source_schema import sources
from newstide.store.summing import sums

WHOLE: Final = "newstide"
"""The part that a measure of everything belongs to."""
DRIFT_BEFORE: Final = timedelta(weeks=4)
DRIFT_STORIES_MIN: Final = 100
"""On each side: with fewer, shares of four labels differ by chance alone by a tenth."""


def read(connection: Connection, asked: Collection[Asked], now: datetime) -> list[Reading]:
    """What these rows tell. Lag is the bus's to tell."""
    found: list[Reading] = []
    for measure, window_s in sorted(asked):
        since = now - timedelta(seconds=window_s)
        if measure is Measure.DEAD_LETTERS:
            count = connection.execute(select(func.count()).where(dead_letters.c.at > since)).scalar_one()
            found.append(Reading(WHOLE, measure, window_s, float(count)))
        elif measure is Measure.SILENCE:
            silent = _silence(connection, now)
            found += [Reading(source, measure, window_s, seconds) for source, seconds in silent.items()]
        elif measure is Measure.TROUBLE:
            found += [
                Reading(each.source.name, measure, window_s, float(each.condition(now) in TROUBLED))
                for each in registry.all_by(connection)
            ]
        elif measure is Measure.UNDELIVERED:
            found.append(Reading(WHOLE, measure, window_s, float(sending.undelivered(connection, now))))
        elif measure is Measure.DRIFT:
            drift = _drift(connection, since, now)
            found += [] if drift is None else [Reading(WHOLE, measure, window_s, drift)]
    return found


def positions(connection: Connection) -> dict[tuple[str, str], dict[int, int]]:
    """By consumer and topic, the next offset of each partition."""
    found: dict[tuple[str, str], dict[int, int]] = {}
    for row in connection.execute(select(streams)):
        found.setdefault((row.consumer, row.topic), {})[row.partition] = row.next_offset
    return found


def _silence(connection: Connection, now: datetime) -> dict[str, float]:
    """Seconds since each source that is polled was last read with success; one that is paused has none."""
    polled = select(sources.c.source, sources.c.last_success_at).where(
        sources.c.every_s.is_not(None), sources.c.enabled
    )
    return {
        row.source: (now - row.last_success_at).total_seconds()
        for row in connection.execute(polled)
        if row.last_success_at is not None
    }


def _drift(connection: Connection, since: datetime, now: datetime) -> float | None:
    """Total variation distance of the shares of the four labels from those of the weeks before: 0 is the same."""
    within = _labels(connection, since, now)
    before = _labels(connection, since - DRIFT_BEFORE, since)
    here, past = sum(within.values()), sum(before.values())
    if min(here, past) < DRIFT_STORIES_MIN:
        return None
    return sum(abs(within[label] / here - before[label] / past) for label in within) / 2


def _labels(connection: Connection, since: datetime, until: datetime) -> Mapping[str, int]:
    moments: Moments = total(each.moments for each in sums(connection, Filters(since=since, until=until)))
    return {name: getattr(moments, name) for name in ("negative", "neutral", "positive", "unsure")}
