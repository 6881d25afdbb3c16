"""Dates as people write them."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.dates import read_date


@pytest.mark.parametrize(
    ("text", "expected", "zoned"),
    [
        ("2016-06-20", "2016-06-20T00:00", False),
        ("20150126", "2015-01-26T00:00", False),
        ("26-FEB-1987 15:01:01.79", "1987-02-26T15:01:01.790000", False),
        ("7:51  PM ET Fri, 17 July 2020", "2020-07-17T23:51", True),
        ("12:05 AM ET Fri, 17 Jan 2020", "2020-01-17T05:05", True),
        ("18-Jul-20", "2020-07-18T00:00", False),
        ("Jul 18 2020", "2020-07-18T00:00", False),
        ("AUG 17, 2022", "2022-08-17T00:00", False),
        ("2022-03-29 12:36:00+00:00", "2022-03-29T12:36", True),
        ("2026-03-02T09:30:00.123456789Z", "2026-03-02T09:30:00.123456", True),
        ("Mon, 02 Mar 2026 09:30:00 GMT", "2026-03-02T09:30", True),
        ("Mon, 02 Mar 2026 09:30:00 +0800", "2026-03-02T01:30", True),
        ("Mon, 2 Mar 26 09:30 PST", "2026-03-02T17:30", True),
        ("Mon, 02 Mar 2026 09:30:00 CST", "2026-03-02T09:30", False),
        ("2026年3月2日 09:30", "2026-03-02T09:30", False),
        ("13/04/2020", "2020-04-13T00:00", False),
        ("04/13/2020", "2020-04-13T00:00", False),
        ("1583141400", "2020-03-02T09:30", True),
        ("1583141400000", "2020-03-02T09:30", True),
    ],
)
def test_a_date_is_read(text: str, expected: str, zoned: bool) -> None:
    assert read_date(text) == (datetime.fromisoformat(expected).replace(tzinfo=UTC), zoned)


@pytest.mark.parametrize(
    "text",
    ["", "14 HOURS AGO", "yesterday", "03/04/2020", "9999-99-99", "31 Feb 2020", "9999-12-31T23:59:59-05:00", "x" * 500,
     "Mon, 02 Mar 2026 25:30:00 GMT", "2026-03-02 13:30 PM", "1", "12345678901234567890"],
)  # fmt: skip
def test_what_names_no_moment_or_two_is_no_date(text: str) -> None:
    assert read_date(text) is None


@given(st.one_of(st.text(max_size=90), st.text("0123456789-/:., TZAPMJanFeb年月日", max_size=40)))
def test_any_text_is_a_date_or_none(text: str) -> None:
    found = read_date(text)
    assert found is None or found.at.utcoffset() is not None


@given(st.datetimes(datetime(1980, 1, 1), datetime(2099, 12, 31)))  # noqa: DTZ001 - the zone is added
def test_what_machines_write_is_read_back(moment: datetime) -> None:
    at = moment.replace(microsecond=0, tzinfo=UTC)
    for form in ("%Y-%m-%dT%H:%M:%SZ", "%a, %d %b %Y %H:%M:%S GMT", "%Y-%m-%d %H:%M:%S+00:00"):
        assert read_date(at.strftime(form)) == (at, True)
