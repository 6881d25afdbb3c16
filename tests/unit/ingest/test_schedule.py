"""When a source is asked again: by its own interval, its rhythm, its publisher's words, its failures."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ingest.schedule import BACK_OFF_S_MAX, JITTER, SLOWER_MAX, WISH_S_MAX, Wishes, next_due_at, rhythm_after

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
NONE = Wishes()

draws = st.floats(0, 1, exclude_max=True)
intervals = st.floats(1, 86_400)
hints = st.none() | st.floats(0, 1e7)


def wait_s(
    every_s: float = 300, failures: int = 0, wishes: Wishes = NONE, rhythm_s: float | None = None, draw: float = 0.5
) -> float:
    due = next_due_at(every_s=every_s, failures=failures, wishes=wishes, rhythm_s=rhythm_s, draw=draw, now=NOW)
    return (due - NOW).total_seconds()


@given(intervals, st.integers(0, 10_000), st.builds(Wishes, hints, hints, hints), st.none() | st.floats(0, 1e8), draws)
def test_the_next_poll_is_neither_at_once_nor_never(
    every_s: float, failures: int, wishes: Wishes, rhythm_s: float | None, draw: float
) -> None:
    found_s = wait_s(every_s, failures, wishes, rhythm_s, draw)
    assert 0.89 * every_s <= found_s <= BACK_OFF_S_MAX
    assert found_s >= min(wishes.retry_after_s or 0.0, BACK_OFF_S_MAX) - 0.001, "what was ordered is kept to"


@given(intervals, hints, hints, st.none() | st.floats(0, 1e8), draws)
def test_while_it_goes_well_the_longest_wait_is_known(
    every_s: float, ttl_s: float | None, max_age_s: float | None, rhythm_s: float | None, draw: float
) -> None:
    found_s = wait_s(every_s, 0, Wishes(None, ttl_s, max_age_s), rhythm_s, draw)
    assert found_s <= (1 + JITTER) * max(SLOWER_MAX * every_s, WISH_S_MAX)
    believed_s = min(max(ttl_s or 0.0, max_age_s or 0.0), WISH_S_MAX)
    assert found_s >= min(believed_s, BACK_OFF_S_MAX) - 0.001, "never sooner than the publisher's own word"


@given(intervals, st.integers(0, 40), draws)
def test_more_failures_never_mean_an_earlier_poll(every_s: float, failures: int, draw: float) -> None:
    assert wait_s(every_s, failures + 1, draw=draw) >= wait_s(every_s, failures, draw=draw)


def test_failures_double_the_wait() -> None:
    waits = [wait_s(failures=n) for n in range(12)]
    assert waits[:4] == [300, 600, 1_200, 2_400]
    assert waits[-1] == BACK_OFF_S_MAX


def test_a_rhythm_slows_down_and_never_hurries() -> None:
    assert [wait_s(rhythm_s=rhythm) for rhythm in (10, 1_200, 2_400, 1e6)] == [300, 300, 600, 1_200]
    assert wait_s(every_s=60, rhythm_s=10) == 60


def test_hints_are_kept_to_within_reason_and_not_by_who_fails() -> None:
    assert wait_s(wishes=Wishes(ttl_s=600)) == 600 * (1 + JITTER / 2)
    assert wait_s(wishes=Wishes(ttl_s=86_400, max_age_s=60)) == WISH_S_MAX * (1 + JITTER / 2)
    assert wait_s(failures=1, wishes=Wishes(ttl_s=86_400)) == 600
    assert wait_s(wishes=Wishes(retry_after_s=7_200)) == 7_200


def test_the_rhythm_is_learned() -> None:
    at = NOW - timedelta(minutes=10)
    assert rhythm_after(None, None, 30, NOW) is None, "what was there at first tells nothing"
    assert rhythm_after(None, at, 2, NOW) == 300
    assert rhythm_after(300.0, at, 1, NOW) == 360
    assert rhythm_after(300.0, at, 0, NOW) == 300, "nothing new is no gap yet"
    assert rhythm_after(None, NOW + timedelta(hours=1), 1, NOW) == 1, "a clock that went back"


@given(st.lists(st.tuples(st.integers(0, 50), st.floats(0.1, 1e6)), max_size=40))
def test_the_rhythm_stays_within_the_gaps_that_were_seen(polls: list[tuple[int, float]]) -> None:
    rhythm_s: float | None = None
    last: datetime | None = None
    gaps: list[float] = []
    now = NOW
    for new, later_s in polls:
        now += timedelta(seconds=later_s)
        rhythm_s = rhythm_after(rhythm_s, last, new, now)
        if new:
            if last is not None:
                gaps.append(max((now - last).total_seconds() / new, 1.0))
            last = now
    assert (rhythm_s is None) == (not gaps)
    assert rhythm_s is None or min(gaps) * 0.999 <= rhythm_s <= max(gaps) * 1.001
