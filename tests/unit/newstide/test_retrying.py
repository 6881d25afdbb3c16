"""What follows an attempt: the published schedule, what a receiver asks for, and where it ends."""

from datetime import UTC, datetime, timedelta

import pytest

from newstide.alerting.retrying import (
    ATTEMPTS_MAX,
    JITTER,
    SCHEDULE_S,
    Attempt,
    Next,
    Verdict,
    follows,
    judged,
    shown,
)

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
FAILED = Attempt(False, 500)


def test_the_schedule_is_that_of_standard_webhooks() -> None:
    minutes, hours = 60, 3_600
    assert (
        0, 5, 5 * minutes, 30 * minutes, 2 * hours, 5 * hours, 10 * hours, 14 * hours, 20 * hours, 24 * hours,
    ) == SCHEDULE_S  # fmt: skip


@pytest.mark.parametrize("number", range(1, ATTEMPTS_MAX))
def test_each_wait_is_as_published_with_some_jitter(number: int) -> None:
    for chance in (0.0, 0.5, 0.999):
        found = follows(FAILED, number, NOW, chance)
        assert found.verdict is Verdict.RETRY and found.at is not None
        wait_s = (found.at - NOW).total_seconds()
        assert SCHEDULE_S[number] <= wait_s <= SCHEDULE_S[number] * (1 + JITTER)


def test_the_last_attempt_is_the_last() -> None:
    assert follows(FAILED, ATTEMPTS_MAX, NOW, 0) == Next(Verdict.EXHAUSTED)
    assert follows(Attempt(True, 200), ATTEMPTS_MAX, NOW, 0) == Next(Verdict.SENT)


def test_the_longer_of_two_waits_holds() -> None:
    assert follows(Attempt(False, 429, "", 60.0), 1, NOW, 0).at == NOW + timedelta(minutes=1)
    assert follows(Attempt(False, 429, "", 1.0), 1, NOW, 0).at == NOW + timedelta(seconds=5)


@pytest.mark.parametrize(
    ("status", "ok", "gone"),
    [(200, True, False), (204, True, False), (299, True, False), (301, False, False), (304, False, False),
     (404, False, False), (410, False, True), (429, False, False), (503, False, False), (199, False, False)],
)  # fmt: skip
def test_what_a_status_means(status: int, ok: bool, gone: bool) -> None:
    found = judged(status)
    assert (found.ok, found.gone, found.status) == (ok, gone, status)


def test_outside_words_are_one_bounded_line() -> None:
    assert shown("a\r\nb\x1b[31m") == "a  b [31m"
    assert len(shown("x" * 10_000)) == 300
