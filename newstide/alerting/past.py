"""What is usual for a subject, as rules need it: its eight weeks before a window, read once an hour. Pure.

The formulas are those of `newstide.index`; a window begins at any moment, its baseline ends at the full hour before.
A Monday morning is held against Monday mornings, so the weekend's silence before it is no reason to fire.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate
from math import floor
from typing import Final

from newstide.index.baseline import (
    HOURS_A_WEEK,
    PRIOR_STORIES,
    WEEKS_MIN,
    Volume,
    beside,
    clustering,
    exposure,
    hour_of_week,
    profile,
)
from newstide.index.moments import Moments
from newstide.index.series import BASELINE_H, History, Hourly
from newstide.index.surprise import Surprise, surprise

Read = Callable[[str, int, int], Hourly]
"""Moments of a subject's key by hour since 1970, of hours [first, end)."""

MARGIN_H: Final = 14 * 24
"""Read before the baseline as well: windows of two weeks and of an hour are served by one reading."""
KEPT_MAX: Final = 20_000
"""Baselines in memory: each subject's of an hour, for some thousand subjects and a few lengths of window."""


class Past:
    """A subject's baseline [first, start), in hours since 1970."""

    def __init__(self, own: History, stream: History, first: int, start: int) -> None:
        self.moments, self._stream = own.between(first, start), stream.between(first, start)
        self._counts, self._first, self._start = own.counts(first, start), first, start
        enough = start - first >= WEEKS_MIN * HOURS_A_WEEK
        self._shape = profile(stream.counts(first, start), first, start) if enough else None
        if self._shape is not None:
            self._known = exposure(self._shape, first, start)
            self._rate = (self.moments.count + PRIOR_STORIES) / self._known
            self._heights = [0.0, *accumulate(self._shape)]
        self._dispersion: dict[int, float] = {}

    def volume(self, seen: int, from_h: float, to_h: float) -> Volume:
        """Of a window of so many hours since 1970, to which `seen` stories belong."""
        if self._shape is None:
            return Volume(seen, None, None, None, None)
        length = max(1, round(to_h - from_h))
        if length not in self._dispersion:
            span = (self._first, self._start, self._start + length)
            self._dispersion[length] = clustering(self._counts, self._shape, self._rate, span)
        wanted = self._height(to_h) - self._height(from_h)
        return beside(seen, self._rate, wanted, self._known, self._dispersion[length])

    def _height(self, hour: float) -> float:
        """Average hours up to that one, since a Monday."""
        whole = floor(hour)
        place = hour_of_week(whole)
        week = (whole - place) // HOURS_A_WEEK
        assert self._shape is not None  # noqa: S101 - asked by `volume` alone
        return week * HOURS_A_WEEK + self._heights[place] + (hour - whole) * self._shape[place]

    def surprise(self, window: Moments) -> Surprise | None:
        return surprise(window, self.moments, self._stream)


class Histories:
    """Baselines of any subject at any hour. Hours are read when they are first asked for, and are then final: a window
    that begins in them is over. `horizon`: read up to that hour at once, for a stretch of time that is known whole."""

    def __init__(self, read: Read, begin: Callable[[], int | None], horizon: int = 0) -> None:
        self._read, self._begin, self._horizon = read, begin, horizon
        self._known: dict[str, tuple[int, int, History]] = {}
        self._pasts: dict[tuple[str, int], Past] = {}

    def past(self, key: str, start: int) -> Past:
        """Of the subject of that key, before the hour `start`."""
        found = self._pasts.get((key, start))
        if found is None:
            if len(self._pasts) >= KEPT_MAX:
                self._pasts.clear()
            begin = self._begin()
            first = min(start, max(start - BASELINE_H, start if begin is None else begin))
            found = Past(self._history(key, start), self._history("", start), first, start)
            self._pasts[key, start] = found
        return found

    def _history(self, key: str, start: int) -> History:
        first, end = start - BASELINE_H, max(start, self._horizon)
        known = self._known.get(key)
        if known is not None and known[0] <= first and start <= known[1]:
            return known[2]
        reach = first - MARGIN_H
        if known is not None and known[0] <= first and known[1] >= reach:
            kept = {hour: moments for hour, moments in known[2].hourly.items() if hour >= reach}
            hourly = {**kept, **self._read(key, known[1], end)}
        else:
            hourly = dict(self._read(key, reach, end))
        history = History(hourly)
        self._known[key] = (reach, end, history)
        return history
