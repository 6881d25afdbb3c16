"""The wait that an answer asks for: a number or a date, in each form of RFC 9110, bounded."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from newstide.outbound.waits import RETRY_AFTER_S_MAX, retry_after_s

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        ("-5", 0.0),
        ("999999999999", RETRY_AFTER_S_MAX),
        (format_datetime(NOW + timedelta(minutes=2), usegmt=True), 120.0),
        (format_datetime(NOW - timedelta(days=400), usegmt=True), 0.0),
        (format_datetime(NOW + timedelta(days=3_650), usegmt=True), RETRY_AFTER_S_MAX),
        ("Mon Mar  2 12:02:00 2026", 120.0),
        ("", None),
        ("soon", None),
        ("1e9", None),
        ("Mon, 99 Foo 2026 99:99:99 GMT", None),
        ("\x00" * 50, None),
    ],
)
def test_the_wait_that_is_asked_for_is_bounded(header: str, seconds: float | None) -> None:
    assert retry_after_s(header, NOW) == seconds
