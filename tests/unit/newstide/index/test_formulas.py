"""Each formula against figures that were worked out by hand."""

from math import sqrt
from random import Random

import pytest

from newstide.index.formulas import breadth, decayed, estimate, student
from newstide.index.moments import NOTHING, Moments, Opinion, contribution, total

A = contribution(Opinion(0.0, 0.4, 0.6, "positive"))  # w = 0.4, s = 0.6
B = contribution(Opinion(0.0, 0.8, 0.2, "neutral"))  # w = 0.7, s = 0.2
C = contribution(Opinion(0.2, 0.8, 0.0, "neutral"))  # w = 0.7, s = -0.2


def test_the_weighted_mean_of_a_window() -> None:
    found = estimate(total([A, B, C]))
    assert found is not None
    assert found.mean == pytest.approx(0.24 / 1.8)
    assert found.effective_stories == pytest.approx(1.8**2 / 1.14)
    assert found.dispersion == pytest.approx(sqrt(0.2 / 1.8 - (0.24 / 1.8) ** 2))
    assert found.standard_error == pytest.approx(found.dispersion / sqrt(1.8**2 / 1.14 - 1))


def test_equal_weights_give_the_textbook_error() -> None:
    found = estimate(total([B, B, C, C]))
    assert found is not None
    assert found.standard_error == pytest.approx(sqrt(4 / 3 * 0.04) / sqrt(4))  # s of 0.2 0.2 -0.2 -0.2, over root n
    reach = 3.182 * sqrt(4 / 3 * 0.04) / 2
    assert found.interval == pytest.approx((-reach, reach), rel=0.01)


def test_no_data_is_no_value_and_one_story_has_no_error() -> None:
    assert estimate(NOTHING) is None
    assert decayed([], 24.0) is None
    assert estimate(Moments(count=3, copies=2, unsure=3)) is None
    one = estimate(A)
    assert one is not None
    assert one.mean == pytest.approx(0.6)
    assert one.standard_error is None
    assert one.interval is None


def test_the_decayed_mean() -> None:
    # Half-life 1: weights 0.4, 0.7 / 2, 0.7 / 4.
    found = decayed([(0, A), (1, B), (2, C)], 1.0)
    assert found is not None
    assert found.mean == pytest.approx((0.24 + 0.07 - 0.035) / (0.4 + 0.35 + 0.175))
    squares = 0.16 + 0.49 / 4 + 0.49 / 16
    assert found.effective_stories == pytest.approx(0.925**2 / squares)
    assert decayed([(-1, A)], 1.0) is None, "the future has no weight"


def test_breadth_counts_risers_less_fallers_of_those_with_a_value() -> None:
    means = {"a": 0.4, "b": 0.3, "c": -0.2, "d": 0.05, "e": None, "f": None}
    sectors = {"a": "tech", "b": "tech", "c": "tech", "d": "tech", "e": "tech", "f": "energy"}
    assert breadth(means, sectors.__getitem__) == {"tech": (0.25, 4)}


@pytest.mark.parametrize(
    ("degrees", "quantile"), [(3, 3.182), (4, 2.776), (10, 2.228), (30, 2.042), (1e9, 1.960), (1, 12.71), (2, 4.303)]
)
def test_students_quantiles_are_those_of_the_tables(degrees: float, quantile: float) -> None:
    assert student(degrees) == pytest.approx(quantile, rel=0.005)


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    random = Random(5)  # noqa: S311 - not a secret
    hits = 0
    for _ in range(400):
        some = []
        for _ in range(12):
            score = max(-0.9, min(0.9, random.gauss(0.2, 0.3)))
            some.append(contribution(Opinion(0.05 + max(0, -score), 0.1, 0.05 + max(0, score), "neutral")))
        # All shares scaled to sum 1 is not needed: only their difference and their largest are read.
        truth = total(some)
        found = estimate(truth)
        assert found is not None
        low, high = found.interval or (1, -1)
        hits += low <= _weighted_truth() <= high
    assert 0.91 <= hits / 400 <= 0.985


def _weighted_truth(samples: int = 60_000) -> float:
    """The mean that the weighted estimator aims at, by simulation, once."""
    if not _CACHE:
        random = Random(99)  # noqa: S311 - not a secret
        some = []
        for _ in range(samples):
            score = max(-0.9, min(0.9, random.gauss(0.2, 0.3)))
            some.append(contribution(Opinion(0.05 + max(0, -score), 0.1, 0.05 + max(0, score), "neutral")))
        found = estimate(total(some))
        assert found is not None
        _CACHE.append(found.mean)
    return _CACHE[0]


_CACHE: list[float] = []
