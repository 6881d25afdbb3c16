"""A planted lead is found, and noise is let be."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from newstide.index.study import (
    EVENTS_MIN,
    EventStudy,
    LeadLag,
    event_study,
    events_of,
    lead_lag,
    returns_of,
    rolling_z,
    surrogates,
)

Series = NDArray[np.float64]


def noise(seed: int, n: int = 400, rhythm: float = 0.0) -> Series:
    """Normal noise; with `rhythm` each value remembers the one before."""
    steps = np.random.default_rng(seed).normal(size=n)
    for i in range(1, n):
        steps[i] += rhythm * steps[i - 1]
    return steps


def by_lag(found: list[LeadLag]) -> dict[int, LeadLag]:
    return {each.lag: each for each in found}


def test_a_planted_lead_is_found_where_it_is() -> None:
    signal = noise(1, rhythm=0.3)
    returns = 0.01 * noise(2)
    returns[2:] += 0.006 * signal[:-2]
    found = by_lag(lead_lag(signal, returns))
    assert found[2].p_corrected is not None
    assert found[2].p_corrected <= 0.01
    assert found[2].correlation is not None
    assert found[2].correlation > 0.3
    low, high = found[2].low or 0, found[2].high or 0
    assert 0 < low < found[2].correlation < high
    assert found[2].n == 398
    for lag in (-5, -4, -3, -2, -1, 0):
        assert (found[lag].p_corrected or 0) > 0.05, "nothing was planted there"


def test_a_lag_is_counted_from_the_news_to_the_return() -> None:
    signal, returns = noise(3), np.zeros(400)
    returns[1:] = signal[:-1]
    assert by_lag(lead_lag(signal, returns))[1].correlation == pytest.approx(1.0)
    assert by_lag(lead_lag(returns, signal))[-1].correlation == pytest.approx(1.0)


def test_noise_has_no_lead_however_many_lags_are_tried() -> None:
    """Signal and returns both wander, which is what makes naive tests find leads everywhere."""
    false = 0
    for seed in range(100):
        found = lead_lag(noise(seed, 250, rhythm=0.8), noise(1_000 + seed, 250, rhythm=0.5), lag_max=5)
        false += min(each.p_corrected or 1.0 for each in found) <= 0.05
    assert false <= 10, "5 of 100 are to be expected at 5 %"


def test_placebos_keep_the_values_and_the_rhythm_of_the_returns() -> None:
    returns = noise(9, rhythm=0.7)
    returns[0] = np.nan
    rows = surrogates(returns, 50, 1)
    assert np.isnan(rows[:, 0]).all()
    assert np.array_equal(np.sort(rows[:, 1:], axis=1)[7], np.sort(returns[1:]))
    own = [np.corrcoef(row[1:-1], row[2:])[0, 1] for row in rows]
    assert np.mean(own) == pytest.approx(np.corrcoef(returns[1:-1], returns[2:])[0, 1], abs=0.08)
    assert abs(np.mean([np.corrcoef(row[1:], returns[1:])[0, 1] for row in rows])) < 0.05


def test_gaps_are_no_data() -> None:
    signal, returns = noise(4), noise(5)
    with_gaps = signal.copy()
    with_gaps[::3] = np.nan
    found = by_lag(lead_lag(with_gaps, returns))
    kept = ~np.isnan(with_gaps)
    assert found[0].correlation == pytest.approx(np.corrcoef(signal[kept], returns[kept])[0, 1])
    assert found[0].n == kept.sum()
    nothing = lead_lag(np.full(100, np.nan), noise(6, 100))
    assert all(each.correlation is None and each.p is None and each.p_corrected is None for each in nothing)
    short = lead_lag(noise(7, 15), noise(8, 15))
    assert all(each.correlation is None and each.p is None for each in short)
    still = lead_lag(np.zeros(100), noise(6, 100))
    assert all(each.correlation is None for each in still)


# --- events -------------------------------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1, 1), min_size=30, max_size=90), st.integers(0, 89), st.floats(-50, 50))
def test_a_surprise_never_knows_what_comes_after(values: list[float], place: int, changed: float) -> None:
    signal = np.array(values)
    place %= len(signal)
    before = rolling_z(signal)
    signal[place] = changed
    assert np.array_equal(before[:place], rolling_z(signal)[:place], equal_nan=True)


def test_events_that_follow_each_other_are_one() -> None:
    z = np.zeros(60)
    z[[10, 12, 15, 16, 40]] = 3.0
    z[30] = -3.0
    assert events_of(z, 2.0, 1) == [10, 16, 40]
    assert events_of(z, 2.0, -1) == [30]


def planted(seed: int, effect: float) -> tuple[Series, Series]:
    """Bad news every 25 intervals; the return of the next interval falls by `effect`."""
    signal, returns = 0.1 * noise(seed, 600), 0.01 * noise(seed + 500, 600)
    for place in range(80, 590, 25):
        signal[place] = -1.0
        returns[place + 1] -= effect
    return signal, returns


def pick(found: list[EventStudy], kind: str, first: int, last: int) -> EventStudy:
    return next(each for each in found if (each.kind, each.first, each.last) == (kind, first, last))


def test_planted_events_are_found_after_the_news_and_not_before() -> None:
    found = event_study(*planted(1, 0.02), threshold=3.0)
    after = pick(found, "bad", 1, 1)
    assert after.n >= 18
    assert after.mean == pytest.approx(-0.02, abs=0.006)
    assert after.low is not None
    assert after.high is not None
    assert after.low < -0.02 + 0.006
    assert after.high < 0
    assert after.p_corrected is not None
    assert after.p_corrected <= 0.02
    for window in ((-5, -1), (0, 0)):
        assert (pick(found, "bad", *window).p_corrected or 0) > 0.05
    good = pick(found, "good", 1, 1)
    assert good.n < EVENTS_MIN
    assert good.p is None


def test_events_without_an_effect_are_not_found() -> None:
    false = 0
    for seed in range(15):
        found = event_study(*planted(seed, 0.0), threshold=3.0)
        false += min(each.p_corrected or 1.0 for each in found) <= 0.05
    assert false <= 3


def test_too_few_events_have_a_count_and_no_claim() -> None:
    found = event_study(np.zeros(100), noise(1, 100))
    assert all((each.n, each.mean, each.p, each.p_corrected) == (0, None, None, None) for each in found)


def test_returns_are_logarithmic_and_the_first_has_none() -> None:
    found = returns_of([100.0, 110.0, 99.0])
    assert np.isnan(found[0])
    assert found[1:] == pytest.approx([np.log(1.1), np.log(0.9)])
