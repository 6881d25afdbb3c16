"""Dates as people write them. Pure. What could mean two things is no date."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache
from typing import Final, NamedTuple

DATE_CHARS_MAX: Final = 80
"""The longest form below has about 40."""

_MONTHS: Final = {
    name: number
    for number, names in enumerate(
        (
            "jan january|feb february|mar march|apr april|may|jun june|jul july|aug august|sep sept september|"
            "oct october|nov november|dec december"
        ).split("|"),
        start=1,
    )
    for name in names.split()
}
_MONTH: Final = r"(?P<month>[A-Za-z]{3,9})"
_YEAR_MONTH_DAY: Final = re.compile(r"(?<!\d)(?P<year>\d{4})[-/.年](?P<month>\d{1,2})[-/.月](?P<day>\d{1,2})日?(?!\d)")
_DAY_MONTH_YEAR: Final = re.compile(
    rf"(?<!\d)(?P<day>\d{{1,2}})[-\s./]{_MONTH}[-\s.,/]+(?P<year>\d{{4}}|\d{{2}})(?![\d:])"
)
_MONTH_DAY_YEAR: Final = re.compile(rf"\b{_MONTH}\.?\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<year>\d{{4}})(?!\d)")
_SLASHED: Final = re.compile(r"(?<!\d)(?P<first>\d{1,2})[/.-](?P<second>\d{1,2})[/.-](?P<year>\d{4})(?!\d)")
_TIME: Final = re.compile(
    r"(?<!\d)(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"\s*(?P<half>[ap]\.?m\b\.?)?\s*(?P<zone>Z\b|[+-]\d{2}:?\d{2}|[A-Z]{2,4}\b)?",
    re.IGNORECASE,
)
# Names that mean one thing. CST and IST do not.
_ZONES_H: Final = {
    "z": 0, "ut": 0, "utc": 0, "gmt": 0, "est": -5, "edt": -4, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7,
    "bst": 1, "cet": 1, "cest": 2, "jst": 9, "hkt": 8,
}  # fmt: skip
_EPOCH: Final = re.compile(r"\d{9,10}(?:\.\d+)?|\d{13}")


class Read(NamedTuple):
    at: datetime
    zoned: bool
    """Whether the text named its zone. Where it did not, UTC was taken."""


@lru_cache(maxsize=4_096)  # neighbours in a file share their dates; the function is pure
def read_date(text: str) -> Read | None:
    """The moment that `text` names, in UTC; None where it names none, or could name two."""
    text = text.strip()
    if not text or len(text) > DATE_CHARS_MAX:
        return None
    try:
        return _iso(text) or _epoch(text) or _written(text)
    except (ValueError, OverflowError):
        return None


def _iso(text: str) -> Read | None:
    if not text[:4].isdecimal() or _EPOCH.fullmatch(text):
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return Read(found.replace(tzinfo=UTC), False) if found.tzinfo is None else Read(found.astimezone(UTC), True)


def _epoch(text: str) -> Read | None:
    if not _EPOCH.fullmatch(text):
        return None
    number = float(text)
    seconds = number / 1000 if len(text) == 13 and "." not in text else number
    return Read(datetime.fromtimestamp(seconds, UTC), True)


def _written(text: str) -> Read | None:
    day = _day(text)
    if day is None:
        return None
    found = _TIME.search(text)
    if found is None:
        return None if ":" in text else Read(datetime(day.year, day.month, day.day, tzinfo=UTC), False)
    hour = _hour(int(found["hour"]), found["half"])
    fraction_us = int((found["fraction"] or "0").ljust(6, "0")[:6])
    local = datetime(  # noqa: DTZ001 - the zone follows
        day.year, day.month, day.day, hour, int(found["minute"]), min(int(found["second"] or 0), 59), fraction_us
    )
    offset = _offset(found["zone"], local)
    if offset is None:
        return Read(local.replace(tzinfo=UTC), False)
    return Read(local.replace(tzinfo=timezone(offset)).astimezone(UTC), True)


def _day(text: str) -> date | None:
    for pattern in (_YEAR_MONTH_DAY, _DAY_MONTH_YEAR, _MONTH_DAY_YEAR):
        found = pattern.search(text)
        if found is None:
            continue
        month = int(found["month"]) if found["month"].isdecimal() else _MONTHS.get(found["month"].lower(), 0)
        if month:
            return date(_full_year(found["year"]), month, int(found["day"]))
    found = _SLASHED.search(text)
    if found is None:
        return None
    first, second, year = int(found["first"]), int(found["second"]), int(found["year"])
    if first <= 12 and second <= 12 and first != second:
        return None  # the third of April here, the fourth of March there
    return date(year, second, first) if first > 12 else date(year, first, second)


def _full_year(digits: str) -> int:
    year = int(digits)
    if len(digits) == 4:
        return year
    return year + (1900 if year >= 69 else 2000)  # as POSIX reads two digits


def _hour(hour: int, half: str | None) -> int:
    if half is None:
        return hour
    if not 1 <= hour <= 12:
        raise ValueError("no hour of a half day")
    return hour % 12 + (12 if half[0] in "pP" else 0)


def _offset(zone: str | None, local: datetime) -> timedelta | None:
    if not zone:
        return None
    name = zone.lower()
    if name[0] in "+-":
        minutes = int(name[1:3]) * 60 + int(name[-2:])
        return timedelta(minutes=-minutes if name[0] == "-" else minutes)
    if name == "et" and local.year >= 2007:  # the rule in force since then
        return timedelta(hours=-4 if _us_summer(local) else -5)
    hours = _ZONES_H.get(name)
    return None if hours is None else timedelta(hours=hours)


def _us_summer(local: datetime) -> bool:
    """From 02:00 on the second Sunday of March to 02:00 on the first of November."""
    march, november = datetime(local.year, 3, 8, 2), datetime(local.year, 11, 1, 2)  # noqa: DTZ001 - local by meaning
    starts = march + timedelta(days=(6 - march.weekday()) % 7)
    ends = november + timedelta(days=(6 - november.weekday()) % 7)
    return starts <= local < ends
