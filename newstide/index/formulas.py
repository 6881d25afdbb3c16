"""Indices of sentiment, as functions of moments. Pure. None is "no data", and never 0. docs/indices.md has the maths.

Means and intervals are in units of the score, [-1, 1]; weights in stories. Sums over several moments use `math.fsum`,
which rounds once: an index does not depend on the order in which its parts come.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import fsum, sqrt
from statistics import NormalDist
from typing import Final

from newstide.index.moments import MICRO, Moments

CONFIDENCE: Final = 0.95
"""Of every interval."""
_Z: Final = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A weighted mean with what is known of its error."""

    mean: float
    effective_stories: float
    """Kish (1965): (sum w)^2 / sum w^2. Equal weights: how many there are."""
    dispersion: float
    """Weighted standard deviation of the scores: how much the stories disagree."""

    @property
    def standard_error(self) -> float | None:
        """Of the mean; None where one story carries it, which has no spread. Equal weights: s / sqrt(n)."""
        n = self.effective_stories
        return self.dispersion / sqrt(n - 1) if n - 1 > 1e-9 else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Student's, with n_eff - 1 degrees of freedom, within [-1, 1]."""
        error = self.standard_error
        if error is None:
            return None
        reach = student(self.effective_stories - 1) * error
        return max(-1.0, self.mean - reach), min(1.0, self.mean + reach)


def estimate(moments: Moments) -> Estimate | None:
    """The confidence-weighted mean of a window: sum w s / sum w. None where no story has a weight."""
    return _estimate(moments.weight, moments.weight_squares, moments.score_sum, moments.score_squares)


def decayed(bins: Iterable[tuple[float, Moments]], half_life: float) -> Estimate | None:
    """The exponentially weighted mean of (age, moments): a story of age a weighs w 2^(-a / half_life).

    Ages and the half-life are in one unit. Ages below 0 are in the future and left out.
    """
    some = [(2.0 ** (-age / half_life), moments) for age, moments in bins if age >= 0]
    return _estimate(
        fsum(decay * m.weight for decay, m in some),
        fsum(decay**2 * m.weight_squares for decay, m in some),
        fsum(decay * m.score_sum for decay, m in some),
        fsum(decay * m.score_squares for decay, m in some),
    )


def _estimate(weight: float, weight_squares: float, score_sum: float, score_squares: float) -> Estimate | None:
    if weight <= 0 or weight_squares <= 0:
        return None
    mean = score_sum / weight
    variance = max(0.0, score_squares / weight - mean**2)
    return Estimate(mean, weight**2 / (weight_squares * MICRO), sqrt(variance))


def breadth(
    means: Mapping[str, float | None], sector_of: Callable[[str], str], neutral: float = 0.1
) -> dict[str, tuple[float, int]]:
    """For each sector (risers - fallers) / entities with a value, in [-1, 1], and how many those are.

    A riser's mean lies above `neutral`, a faller's below its negative. A sector without a value is left out.
    """
    signs: dict[str, list[int]] = {}
    for entity, mean in means.items():
        if mean is not None:
            signs.setdefault(sector_of(entity), []).append((mean > neutral) - (mean < -neutral))
    return {sector: (sum(some) / len(some), len(some)) for sector, some in sorted(signs.items())}


def student(degrees: float, confidence: float = CONFIDENCE) -> float:
    """The two-sided quantile of Student's t.

    Abramowitz & Stegun 26.7.5, good to 0.5 % from 3 degrees on; below, where the series fails, that of 2 (4.30) and
    of 1 (12.7), between them on the safe side.
    """
    if degrees < 3:
        return 12.706 if degrees < 2 else 4.303
    z = _Z if confidence == CONFIDENCE else NormalDist().inv_cdf((1 + confidence) / 2)
    terms: Sequence[float] = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92_160,
    )
    return z + sum(term / degrees**power for power, term in enumerate(terms, 1))
