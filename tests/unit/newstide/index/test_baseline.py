"""Volume against the subject's own usual at that hour of the week, and sentiment against its own mean."""

from math import sqrt
from random import Random

import pytest

from newstide.index.baseline import HOURS_A_WEEK, exposure, hour_of_week, profile, volume
from newstide.index.formulas import estimate
from newstide.index.moments import Moments, Opinion, contribution, total
from newstide.index.surprise import surprise

MONDAY = (4 + 7 * 2_900) * 24  # 1970-01-05 was a Monday
WEEKS = 8 * HOURS_A_WEEK
FIRST = MONDAY - WEEKS


def office(hour: int) -> bool:
    """Monday to Friday, 8 to 18 UTC."""
    return hour_of_week(hour) // 24 < 5 and 8 <= hour_of_week(hour) % 24 < 18


def test_the_week_begins_on_monday() -> None:
    assert hour_of_week(MONDAY) == 0
    assert hour_of_week(MONDAY - 1) == 167


def test_a_flat_stream_by_hand() -> None:
    shape = profile({hour: 2 for hour in range(FIRST, MONDAY)}, FIRST, MONDAY)
    assert shape == pytest.approx([1.0] * HOURS_A_WEEK)
    counts = {hour: 1 for hour in range(FIRST, MONDAY)} | {MONDAY + 3: 60}
    found = volume(counts, shape, (FIRST, MONDAY, MONDAY + 24))
    expected = (1_344 + 0.5) / 1_344 * 24
    assert found.expected == pytest.approx(expected)
    assert found.z == pytest.approx(2 * (sqrt(60.375) - sqrt(expected + 0.375)) / sqrt(1 + 24 / 1_344))
    assert found.ratio_low is not None
    assert found.ratio_high is not None
    assert 1.5 < found.ratio_low < 60 / expected < found.ratio_high < 4


def test_monday_morning_is_held_against_monday_mornings() -> None:
    stream = {hour: 40 for hour in range(FIRST, MONDAY + 48) if office(hour)}
    subject = {hour: 4 for hour in range(FIRST, MONDAY + 48) if office(hour)}
    morning = (FIRST, MONDAY + 8, MONDAY + 10)
    shape = profile({h: n for h, n in stream.items() if h < morning[1]}, FIRST, morning[1])
    found = volume(subject, shape, morning)
    assert found.z is not None
    assert abs(found.z) < 1
    flat = volume(subject, [1.0] * HOURS_A_WEEK, morning)
    assert flat.z is not None
    assert flat.z > found.z + 0.5, "without the hours of the week it stands out"
    night = volume(subject, shape, (FIRST, MONDAY + 20, MONDAY + 22))
    assert night.z is None, "nothing was to be expected, and nothing came"


def test_an_injected_burst_is_flagged_and_noise_is_not() -> None:
    random = Random(3)  # noqa: S311 - not a secret
    counts = {hour: n for hour in range(FIRST, MONDAY + 24) if (n := sum(random.random() < 0.02 for _ in range(50)))}
    shape = profile(counts, FIRST, MONDAY)
    calm = volume(counts, shape, (FIRST, MONDAY, MONDAY + 24))
    assert calm.z is not None
    assert abs(calm.z) < 3
    burst = volume(counts | {MONDAY + 5: 60}, shape, (FIRST, MONDAY, MONDAY + 24))
    assert burst.z is not None
    assert burst.z > 4


def test_a_subject_that_comes_in_bursts_needs_a_larger_one() -> None:
    shape = [1.0] * HOURS_A_WEEK
    steady = {hour: 2 for hour in range(FIRST, MONDAY, 2)}
    bursts = {hour: 84 for hour in range(FIRST, MONDAY, 84)}
    window = {MONDAY + 1: 50}
    calm, wild = (volume(c | window, shape, (FIRST, MONDAY, MONDAY + 24)).z for c in (steady, bursts))
    assert calm is not None
    assert wild is not None
    assert calm > 3 > wild


def test_too_little_history_or_too_few_stories_have_no_value() -> None:
    short = MONDAY - 2 * HOURS_A_WEEK + 1
    assert profile({MONDAY - 1: 5}, short, MONDAY) is None
    assert profile({}, FIRST, MONDAY) is None
    counts = {MONDAY + 1: 9}
    assert volume(counts, None, (FIRST, MONDAY, MONDAY + 24)).z is None
    assert volume(counts, [1.0] * 168, (short, MONDAY, MONDAY + 24)).z is None
    few = volume({MONDAY: 2}, [1.0] * 168, (FIRST, MONDAY, MONDAY + 24))
    assert (few.count, few.z) == (2, None)
    new = volume(counts, [1.0] * 168, (FIRST, MONDAY, MONDAY + 24))
    assert new.z is not None
    assert new.z > 3, "a subject that was never in the news is a surprise when it is"


def test_exposure_sums_the_shape() -> None:
    shape = [float(hour % 3) for hour in range(HOURS_A_WEEK)]
    span = (MONDAY - 400, MONDAY + 77)
    by_hand = sum(shape[hour_of_week(hour)] for hour in range(*span))
    assert exposure([s * 168 / sum(shape) for s in shape], *span) == pytest.approx(by_hand * 168 / sum(shape))


# --- sentiment ----------------------------------------------------------------------------------------------------


def told(score: float, times: int = 1) -> Moments:
    one = contribution(Opinion(max(0.0, -score), 1 - abs(score), max(0.0, score), "neutral"))
    return total([one] * times)


def test_surprise_by_hand() -> None:
    baseline = told(0.8, 10) + told(-0.8, 10)  # w = 0.7 each: mean 0, deviation 0.8, 20 effective stories
    window = told(0.8, 5)
    found = surprise(window, baseline, baseline)
    assert found is not None
    assert found.difference == pytest.approx(0.8)
    error = 0.8 * sqrt(1 / 5 + 1 / 30)
    assert found.z == pytest.approx(0.8 / error)
    assert (found.high - found.low) / 2 == pytest.approx(2.045 * error, rel=0.005)  # Student's t of 29


def test_a_thin_baseline_is_drawn_to_the_stream() -> None:
    stream = told(0.8, 500) + told(-0.8, 500)
    own = told(0.8, 10)
    found = surprise(told(0.8, 5), own, stream)
    assert found is not None
    assert found.difference == pytest.approx(0.8 - 0.5 * 0.8), "ten stories against ten of the prior"


def test_surprise_needs_evidence_on_both_sides() -> None:
    plenty = told(0.8, 50) + told(-0.8, 50)
    assert surprise(told(0.8, 2), plenty, plenty) is None
    assert surprise(told(0.8, 9), told(0.1, 5), plenty) is None
    assert surprise(Moments(count=9, unsure=9), plenty, plenty) is None


def test_agreement_to_the_last_digit_makes_no_infinite_surprise() -> None:
    same = told(0.5, 100)
    found = surprise(told(0.51, 5), same, same)
    assert found is not None
    assert abs(found.z) < 1


def test_the_interval_of_a_surprise_covers_as_often_as_it_says() -> None:
    random = Random(11)  # noqa: S311 - not a secret

    def draw(times: int) -> Moments:
        return total(
            contribution(Opinion(p, 0.9 - p, 0.1, "neutral"))  # |score| and weight both vary
            for p in (random.uniform(0.05, 0.85) for _ in range(times))
        )

    stream = draw(4_000)
    hits = 0
    for _ in range(300):
        found = surprise(draw(8), draw(200), stream)
        assert found is not None
        hits += found.low <= 0 <= found.high
    assert estimate(stream) is not None
    assert 0.90 <= hits / 300 <= 0.99
