"""What the clauses of a rule come to for one subject at one moment. Pure; None is no data, and never 0."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from newstide.alerting.past import Histories
from newstide.alerting.rules import HOUR, Measure, WindowClause
from newstide.alerting.windows import EVIDENCE_MAX, MICROS, Seen, Window
from newstide.index.formulas import estimate
from newstide.index.moments import Moments
from newstide.index.surprise import WINDOW_MIN

_HOUR_US: Final = HOUR * MICROS


class Measured:
    """One subject at one moment. Values are worked out when they are first asked for, once for all its rules."""

    def __init__(self, key: str, window: Window, now_us: int, histories: Histories) -> None:
        self.key, self.now_us = key, now_us
        self._window, self._histories = window, histories
        self._moments: dict[int, Moments] = {}
        self._values: dict[tuple[Measure, int], float | None] = {}

    def moments(self, window_s: int) -> Moments:
        """Of the last `window_s` seconds, this moment included."""
        if window_s not in self._moments:
            self._moments[window_s] = self._window.between(self.now_us - window_s * MICROS, self.now_us)
        return self._moments[window_s]

    def value(self, clause: WindowClause) -> float | None:
        asked = (clause.measure, clause.window_s)
        if asked not in self._values:
            self._values[asked] = self._value(*asked)
        return self._values[asked]

    def _value(self, measure: Measure, window_s: int) -> float | None:
        now = self.moments(window_s)
        if not (now.count or now.copies):
            return None
        match measure:
            case Measure.STORIES | Measure.COPIES:
                return float(now.count if measure is Measure.STORIES else now.copies)
            case Measure.NEGATIVE_SHARE:
                return now.negative / now.count if now.count else None
            case Measure.SCORE | Measure.CHANGE:
                return self._mean(measure, now, window_s)
            case Measure.SURPRISE:
                return self._surprise(now, window_s)
            case _:
                return self._volume(measure, now, window_s)

    def _mean(self, measure: Measure, now: Moments, window_s: int) -> float | None:
        mean = _mean(now)
        if mean is None or measure is Measure.SCORE:
            return mean
        length = window_s * MICROS
        before = _mean(self._window.between(self.now_us - 2 * length, self.now_us - length))
        return None if before is None else mean - before

    def _surprise(self, now: Moments, window_s: int) -> float | None:
        here = estimate(now)
        if here is None or here.effective_stories < WINDOW_MIN:
            return None  # before the baseline is read: most windows are too thin
        found = self._histories.past(self.key, self._start_hour(window_s)).surprise(now)
        return None if found is None else found.z

    def _volume(self, measure: Measure, now: Moments, window_s: int) -> float | None:
        end = self.now_us / _HOUR_US
        past = self._histories.past(self.key, self._start_hour(window_s))
        found = past.volume(now.count, end - window_s / HOUR, end)
        if measure is Measure.VOLUME_Z or found.z is None:
            return found.z
        return found.count / found.expected if found.expected else None

    def _start_hour(self, window_s: int) -> int:
        return (self.now_us - window_s * MICROS) // _HOUR_US

    def stories(self, window_s: int) -> list[Seen]:
        return list(self._window.within(self.now_us - window_s * MICROS, self.now_us))


def _mean(moments: Moments) -> float | None:
    found = estimate(moments)
    return None if found is None else found.mean


def most_telling(some: Sequence[Seen], falling: bool) -> list[Seen]:
    """The stories that pulled furthest in the direction, one of each cluster, copies last."""
    sign = -1.0 if falling else 1.0

    def pull(seen: Seen) -> tuple[bool, float, float, int, str]:
        score = seen.evidence.score
        return seen.copy, -sign * (score or 0.0) * seen.relevance, -seen.relevance, seen.at_us, seen.evidence.story_id

    found: dict[str, Seen] = {}
    for seen in sorted(some, key=pull):
        found.setdefault(seen.evidence.cluster_id, seen)
    return list(found.values())[:EVIDENCE_MAX]
