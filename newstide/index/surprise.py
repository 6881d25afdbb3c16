"""Whether a subject's news is better or worse than its own usual. Pure.

Raw averages lean: some subjects, languages and models always read a little positive. The surprise of a window is
therefore its distance from the subject's own baseline, in standard errors, with an interval, and only where there is
evidence on both sides.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Final

from newstide.index.formulas import Estimate, estimate, student
from newstide.index.moments import Moments

WINDOW_MIN: Final = 3.0
"""Effective stories of the window: below, one story is the whole index."""
BASELINE_MIN: Final = 10.0
"""Effective stories of the baseline."""
PRIOR_STORIES: Final = 10.0
"""Stories of the whole stream that the subject's baseline is mixed with: a thin one is drawn to what is usual for all
(shrinkage as of Efron & Morris 1975, with a fixed prior weight)."""
DEVIATION_MIN: Final = 0.05
"""Of one story's score: a baseline whose stories all agree must not make a trifle infinitely surprising."""


@dataclass(frozen=True, slots=True)
class Surprise:
    """Of the window against the baseline, in units of the score; z is their difference in standard errors."""

    difference: float
    low: float
    high: float
    z: float


def surprise(window: Moments, baseline: Moments, stream: Moments) -> Surprise | None:
    """None below the minimum of evidence. `stream` is the baseline of the whole stream.

    With n_w and n_b effective stories, k prior stories, shrunk mean m and deviation s of the baseline:
    d = mean(window) - m and z = d / (s sqrt(1/n_w + 1/(n_b + k))). The stories of a window may tell of one event, which
    makes z larger than chance alone would: copies are left out, rewrites by others are not.
    """
    now, usual, all_ = estimate(window), estimate(baseline), estimate(stream)
    if now is None or usual is None or all_ is None:
        return None
    if now.effective_stories < WINDOW_MIN or usual.effective_stories < BASELINE_MIN:
        return None
    mean, deviation = _shrunk(usual, all_)
    error = deviation * sqrt(1 / now.effective_stories + 1 / (usual.effective_stories + PRIOR_STORIES))
    difference = now.mean - mean
    reach = student(usual.effective_stories + PRIOR_STORIES - 1) * error
    return Surprise(difference, difference - reach, difference + reach, difference / error)


def _shrunk(own: Estimate, stream: Estimate) -> tuple[float, float]:
    share = own.effective_stories / (own.effective_stories + PRIOR_STORIES)
    mean = share * own.mean + (1 - share) * stream.mean
    variance = share * own.dispersion**2 + (1 - share) * stream.dispersion**2
    return mean, max(DEVIATION_MIN, sqrt(variance))
