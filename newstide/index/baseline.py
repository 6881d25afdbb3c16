"""How much there is to read of a subject beside how much there usually is at such hours. Pure.

News follows the hours of the week, so a Monday morning is held against Monday mornings, not against the Sunday night
before it. A single subject has too few stories to learn 168 hours from: its rate is its own, the shape of its week is
that of the whole stream.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum, sqrt
from typing import Final

from newstide.index.formulas import student

HOURS_A_WEEK: Final = 168
WEEKS: Final = 8
"""Of the baseline: each hour of the week is seen eight times, and a quarter's earnings season is not yet the norm."""
WEEKS_MIN: Final = 2
"""Below this an hour of the week was seen once or never: no value."""
PSEUDO_WEEKS: Final = 1.0
"""Weeks of the average hour that are mixed into each hour's own: shrinkage, so that an hour without any story is
unlikely and not impossible."""
STORIES_MIN: Final = 3.0
"""Of what was seen or expected: below that there is nothing to be surprised by."""
PRIOR_STORIES: Final = 0.5
"""Jeffreys' prior of a Poisson rate: a subject that was never in the news has a small rate, not none."""
EPOCH_SHIFT_H: Final = 72
"""1970 began on a Thursday; hour 0 of a week is Monday, 00:00 UTC."""


@dataclass(frozen=True, slots=True)
class Volume:
    """Stories of a window beside what the baseline lets expect. None: too little history, or too few stories."""

    count: int
    expected: float | None
    z: float | None
    ratio_low: float | None
    ratio_high: float | None
    """Interval of count / expected."""


def hour_of_week(hour: int) -> int:
    """0 is Monday 00:00 UTC; `hour` counts from 1970."""
    return (hour + EPOCH_SHIFT_H) % HOURS_A_WEEK


def profile(stream: Mapping[int, int], first: int, end: int) -> list[float] | None:
    """The shape of the stream's week over hours [first, end): 168 factors with mean 1. None below WEEKS_MIN weeks.

    `stream` has the stories by hour since 1970; an hour that is not in it had none.
    """
    hours = end - first
    if hours < WEEKS_MIN * HOURS_A_WEEK:
        return None
    counts, seen = [0] * HOURS_A_WEEK, [0] * HOURS_A_WEEK
    for hour in range(first, end):
        counts[hour_of_week(hour)] += stream.get(hour, 0)
        seen[hour_of_week(hour)] += 1
    mean = sum(counts) / hours
    if mean == 0:
        return None
    rates = [(n + PSEUDO_WEEKS * mean) / (weeks + PSEUDO_WEEKS) for n, weeks in zip(counts, seen, strict=True)]
    return [rate * HOURS_A_WEEK / fsum(rates) for rate in rates]


def exposure(shape: Sequence[float], first: int, end: int) -> float:
    """Average hours that hours [first, end) are worth."""
    weeks, rest = divmod(end - first, HOURS_A_WEEK)
    return fsum([float(weeks * HOURS_A_WEEK), *(shape[hour_of_week(first + i)] for i in range(rest))])


def volume(counts: Mapping[int, int], shape: Sequence[float] | None, span: tuple[int, int, int]) -> Volume:
    """What the window [start, end) holds against the baseline [first, start); `span` is (first, start, end), in hours.

    `counts` has the subject's stories by hour since 1970, `shape` is the stream's `profile`.
    The z-score is Anscombe's (1948) for counts, 2 (sqrt(n + 3/8) - sqrt(mu + 3/8)), over the root of the dispersion of
    the subject's own blocks of that length (Pearson, at least 1: news comes in clusters) and of the doubt of mu.
    """
    first, start, end = span
    seen = sum(counts.get(hour, 0) for hour in range(start, end))
    if shape is None or start - first < WEEKS_MIN * HOURS_A_WEEK:
        return Volume(seen, None, None, None, None)
    before = sum(n for hour, n in counts.items() if first <= hour < start)
    known = exposure(shape, first, start)
    rate = (before + PRIOR_STORIES) / known
    return beside(seen, rate, exposure(shape, start, end), known, clustering(counts, shape, rate, span))


def beside(seen: int, rate: float, wanted: float, known: float, dispersion: float) -> Volume:
    """What was seen in `wanted` average hours beside a rate that `known` average hours gave."""
    expected = rate * wanted
    if max(seen, expected) < STORIES_MIN:
        return Volume(seen, expected, None, None, None)
    spread = sqrt(dispersion * (1 + wanted / known))
    root = sqrt(seen + 3 / 8)
    z = 2 * (root - sqrt(expected + 3 / 8)) / spread
    reach = student(1e9) * spread / 2
    low, high = max(0.0, root - reach) ** 2 - 3 / 8, (root + reach) ** 2 - 3 / 8
    return Volume(seen, expected, z, max(0.0, low) / expected, high / expected)


def clustering(counts: Mapping[int, int], shape: Sequence[float], rate: float, span: tuple[int, int, int]) -> float:
    """Pearson's chi-square a degree of freedom, over blocks of the window's length that tile the baseline."""
    first, start, end = span
    length = end - start
    blocks = (start - first) // length
    if blocks < 2:
        return 1.0
    sums = [0] * blocks
    for hour, n in counts.items():
        block = (start - 1 - hour) // length
        if first <= hour < start and block < blocks:
            sums[block] += n
    terms = []
    for block, n in enumerate(sums):
        fitted = rate * exposure(shape, start - (block + 1) * length, start - block * length)
        terms.append((n - fitted) ** 2 / fitted)
    return max(1.0, fsum(terms) / (blocks - 1))
