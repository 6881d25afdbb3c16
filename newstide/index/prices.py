"""A user's price series, and which news was known at each price. Pure."""

from __future__ import annotations

import csv
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time, timedelta, tzinfo
from math import isfinite
from typing import Final, NamedTuple

from newstide.errors import DataInvalid, UsageError
from newstide.index.moments import Moments, total

PRICES_MAX: Final = 200_000
"""Of one study: two years of minutes in trading hours."""
_TIMES: Final = ("datetime", "timestamp", "time", "date", "at")
_PRICES: Final = ("adjclose", "adjustedclose", "close", "price", "last", "value")


class Prices(NamedTuple):
    """In order of time; `times` are when each price was known, in UTC."""

    times: list[datetime]
    prices: list[float]


class Known(NamedTuple):
    """What a story adds to the index, from when on it was known."""

    at: datetime
    moments: Moments


def read(lines: Iterable[str], zone: tzinfo | None, close: time | None) -> Prices:
    """A CSV file with a header, a column of times and one of prices.

    A time without an offset is in `zone`, by default UTC. A date alone does not say when its price was known; `close`
    does. Raises UsageError without it, DataInvalid for what is no price series.
    """
    rows = csv.DictReader(lines)
    at_name, price_name = _columns(rows.fieldnames or ())
    found: dict[datetime, float] = {}
    try:
        for row in rows:
            number = rows.line_num
            if None in row:
                raise DataInvalid(f"line {number} has more cells than the header", why="its price may be cut in two")
            at = _when(row[at_name] or "", zone, close, number)
            price = _price(row[price_name] or "", number)
            if at in found:
                raise DataInvalid(f"line {number}: a second price for {at.isoformat()}")
            found[at] = price
            if len(found) > PRICES_MAX:
                raise DataInvalid(f"more than {PRICES_MAX:,} prices", fix="study a shorter time, or longer intervals")
    except csv.Error as error:
        raise DataInvalid("the prices are no CSV file", why=str(error)) from error
    if len(found) < 2:
        raise DataInvalid("there are no two prices, so no return")
    times = sorted(found)
    return Prices(times, [found[at] for at in times])


def _columns(names: Sequence[str]) -> tuple[str, str]:
    forms = ["".join(c for c in (name or "").lower() if c.isalnum()) for name in names]
    spelt = dict(zip(forms, names, strict=True))
    chosen = [next((spelt[guess] for guess in guesses if guess in spelt), None) for guesses in (_TIMES, _PRICES)]
    if chosen[0] is None or chosen[1] is None:
        fix = f"name one of its columns {_TIMES[0]} or date, and one close or price"
        raise DataInvalid(f"the price file has the columns {', '.join(names) or 'none'}", fix=fix)
    twice = next((name for form, name in spelt.items() if name in chosen and forms.count(form) > 1), None)
    if twice is not None:
        raise DataInvalid(f"the price file has two columns {twice}", fix="leave one of them")
    return chosen[0], chosen[1]


def _when(text: str, zone: tzinfo | None, close: time | None, number: int) -> datetime:
    try:
        at = datetime.fromisoformat(text.strip())
        if len(text.strip()) <= 10:
            if close is None:
                fix = "say when a day's price was known: --close 16:00 --zone America/New_York"
                raise UsageError("the prices have dates and no times", fix=fix)
            at = datetime.combine(at.date(), close)
        return (at if at.tzinfo else at.replace(tzinfo=zone or UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise DataInvalid(
            f"line {number}: {text!r} is no time", fix="write it as 2026-03-01 or 2026-03-01T16:00"
        ) from error


def _price(text: str, number: int) -> float:
    try:
        price = float(text)
    except ValueError:
        price = float("nan")
    if not isfinite(price) or price <= 0:
        raise DataInvalid(f"line {number}: {text!r} is no price", why="a price is a positive number")
    return price


def known_by(stories: Iterable[Known], times: Sequence[datetime]) -> list[Moments]:
    """What became known in each interval (times[i-1], times[i]]; the first one holds nothing: it has no beginning.

    A story that became known after a price is never in that price's interval.
    """
    held: list[list[Moments]] = [[] for _ in times]
    for at, moments in stories:
        place = bisect_left(times, at)  # the first price at or after it
        if 0 < place < len(times):
            held[place].append(moments)
    return [total(some) for some in held]


def end_of_day(published_at: datetime) -> datetime:
    """When a story was known whose stamp is all there is: a stamp at exactly midnight is a date, and a date is over
    at its end."""
    at = published_at.astimezone(UTC)
    return at + timedelta(days=1) if at.time() == time.min else at
