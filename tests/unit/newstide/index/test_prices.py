"""Prices as users have them, and news that is never known before its time."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newstide.errors import DataInvalid, UsageError
from newstide.index.moments import Moments
from newstide.index.prices import Known, end_of_day, known_by, read

NEW_YORK = ZoneInfo("America/New_York")


def test_a_date_is_the_moment_at_which_its_price_was_known() -> None:
    found = read(["Date,Adj Close", "2018-03-12,100.5", "2018-03-09,100"], NEW_YORK, time(16))
    # Daylight saving began on the 11th: 16:00 is 21:00 UTC before, and 20:00 UTC after.
    assert found.times == [datetime(2018, 3, 9, 21, tzinfo=UTC), datetime(2018, 3, 12, 20, tzinfo=UTC)]
    assert found.prices == [100.0, 100.5]


def test_a_date_without_a_close_is_refused() -> None:
    with pytest.raises(UsageError, match="dates and no times"):
        read(["date,close", "2018-03-12,100", "2018-03-13,100"], None, None)


def test_times_keep_their_own_offset() -> None:
    found = read(["time,price", "2018-03-12T10:00:00+08:00,1", "2018-03-12T10:00:00,2"], None, None)
    assert found.times == [datetime(2018, 3, 12, 2, tzinfo=UTC), datetime(2018, 3, 12, 10, tzinfo=UTC)]


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["a,b", "1,2"],
        ["time,price", "yesterday,2"],
        ["time,price", "2018-03-12T10:00,0", "2018-03-12T11:00,1"],
        ["time,price", "2018-03-12T10:00,nan", "2018-03-12T11:00,1"],
        ["time,price", "2018-03-12T10:00,1", "2018-03-12T10:00Z,1"],
        ["time,price", "2018-03-12T10:00,1"],
        ["time,price", "2018-03-12T10:00"],
        ["time,price", '"' + "x" * 200_000],
        ["time,price", "0001-01-01T00:00+14:00,1", "2018-03-12T11:00,1"],
        ["time,price", "2018-03-12T10:00,1,5", "2018-03-12T11:00,1,6"],
        ["time,price,price", "2018-03-12T10:00,1,5", "2018-03-12T11:00,1,6"],
        ["time,price,Price", "2018-03-12T10:00,1,5", "2018-03-12T11:00,1,6"],
    ],
)
def test_what_is_no_price_series_is_refused(lines: list[str]) -> None:
    with pytest.raises(DataInvalid):
        read(lines, None, None)


def test_a_refusal_names_the_line_of_the_file() -> None:
    with pytest.raises(DataInvalid, match="^line 5: 'x' is no price"):
        read(["time,price\n", "2018-03-12T10:00,1\n", "\n", "\n", "2018-03-12T11:00,x\n"], None, None)


HOUR = timedelta(hours=1)
START = datetime(2018, 3, 12, tzinfo=UTC)
TIMES = [START + n * HOUR for n in range(6)]


@given(st.lists(st.integers(-7_200, 30_000), max_size=40))
def test_news_is_in_the_interval_in_which_it_became_known(seconds: list[int]) -> None:
    stories = [Known(START + timedelta(seconds=s), Moments(count=1)) for s in seconds]
    found = [moments.count for moments in known_by(stories, TIMES)]
    expected = [0] + [
        sum(TIMES[i - 1] < story.at <= TIMES[i] for story in stories)  # never one that came after the price
        for i in range(1, len(TIMES))
    ]
    assert found == expected


def test_a_stamp_at_midnight_is_a_date_and_counts_when_it_is_over() -> None:
    assert end_of_day(START) == START + timedelta(days=1)
    assert end_of_day(START + HOUR) == START + HOUR
