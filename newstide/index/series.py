"""A subject's index over time, and which subjects moved most. Pure; everything in whole hours since 1970, UTC."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from newstide.index.baseline import HOURS_A_WEEK, WEEKS, Volume, profile, volume
from newstide.index.formulas import Estimate, decayed, estimate
from newstide.index.moments import NOTHING, Moments, values
from newstide.index.surprise import Surprise, surprise

HALF_LIVES: Final = 10
"""How far back a decayed index looks: what is older weighs less than a thousandth."""
BASELINE_H: Final = WEEKS * HOURS_A_WEEK

Hourly = Mapping[int, Moments]
"""Moments by hour since 1970. An hour without stories is not in it."""


class Steps(NamedTuple):
    """Where an index is asked for: at the end of each step of [start, end), over the `window` before it. In hours."""

    start: int
    end: int
    step: int = 24
    window: int = 24
    half_life: float = 24.0

    def ends(self) -> Iterator[int]:
        return iter(range(self.start + self.step, self.end + 1, self.step))

    @property
    def reach(self) -> int:
        """The first hour that any of it needs."""
        back = max(self.window + BASELINE_H, int(self.half_life * HALF_LIVES))
        return self.start + self.step - back


@dataclass(frozen=True, slots=True)
class IndexPoint:
    """An index at one time; None wherever there is no, or not enough, data."""

    hour: int
    """The end of the window."""
    count: int
    copies: int
    estimate: Estimate | None
    decayed: Estimate | None
    volume: Volume
    surprise: Surprise | None


@dataclass(frozen=True, slots=True)
class Mover:
    """A subject's last window; `point` compares it with its own baseline."""

    entity_id: str
    point: IndexPoint


class History:
    """Sums over any stretch of hours in one subtraction: whole numbers, so exact."""

    def __init__(self, hourly: Hourly) -> None:
        self.hourly = hourly
        self._hours = np.array(sorted(hourly), dtype=np.int64)
        rows = [values(NOTHING), *(values(hourly[hour]) for hour in self._hours.tolist())]
        self._sums = np.cumsum(np.array(rows, dtype=np.int64), axis=0)

    def between(self, first: int, end: int) -> Moments:
        low, high = np.searchsorted(self._hours, [first, end])
        return Moments(*(self._sums[high] - self._sums[low]).tolist())

    def within(self, first: int, end: int) -> Iterator[tuple[int, Moments]]:
        """The hours that have stories."""
        low, high = np.searchsorted(self._hours, [first, end])
        for hour in self._hours[low:high].tolist():
            yield hour, self.hourly[hour]

    def counts(self, first: int, end: int) -> dict[int, int]:
        return {hour: moments.count for hour, moments in self.within(first, end)}


def index_points(subject: Hourly, stream: Hourly, begin: int | None, steps: Steps) -> list[IndexPoint]:
    """The index at each step. `begin` is the hour of the first story of all: before it there is no record to compare
    with, which is not the same as no news. None: there is none at all."""
    own, all_ = History(subject), History(stream)
    return [_point(own, all_, begin, end, steps) for end in steps.ends()]


def _point(own: History, stream: History, begin: int | None, end: int, steps: Steps) -> IndexPoint:
    start = end - steps.window
    first = min(start, max(start - BASELINE_H, start if begin is None else begin))
    now = own.between(start, end)
    back = own.within(end - int(steps.half_life * HALF_LIVES), end)
    shape = profile(stream.counts(first, start), first, start)
    return IndexPoint(
        hour=end,
        count=now.count,
        copies=now.copies,
        estimate=estimate(now),
        decayed=decayed(((end - 1 - hour, moments) for hour, moments in back), steps.half_life),
        volume=volume(own.counts(first, end), shape, (first, start, end)),
        surprise=surprise(now, own.between(first, start), stream.between(first, start)),
    )


def movers(subjects: Mapping[str, Hourly], stream: Hourly, begin: int | None, steps: Steps) -> list[Mover]:
    """Each subject with stories in the last window of `steps`, in no particular order."""
    all_ = History(stream)
    found = []
    for entity_id, hourly in subjects.items():
        point = _point(History(hourly), all_, begin, steps.end, steps)
        if point.count or point.copies:
            found.append(Mover(entity_id, point))
    return found


def ranked(some: Sequence[Mover], by: str) -> list[Mover]:
    """Largest first, those without a value last: by `volume`, how much more than usual there is to read, or by
    `sentiment`, how far from its usual it is, either way."""

    def key(mover: Mover) -> tuple[bool, float, int, str]:
        point = mover.point
        sentiment = None if point.surprise is None else abs(point.surprise.z)
        z = point.volume.z if by == "volume" else sentiment
        return z is None, -(z or 0.0), -point.count, mover.entity_id

    return sorted(some, key=key)
