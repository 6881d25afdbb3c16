"""The figures of a Chinese notice by what they measure, and whether those of two notices can both be true. Pure.

One outlet gives the sum and another the growth; one gives 4.87亿元 and another 近5亿元. Such headlines tell the same.
Two sums of money, two shares or two days that differ do not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_FIGURE: Final = re.compile(
    r"(\d{1,15})(?:·(\d{1,9}))?(万亿|亿|万|%|倍)?\s?([多余]?)\s?([\u4e00-\u9fff]?)"
)  # what is before it is looked up: an expression that begins with a digit is found ten times faster
_TOKEN: Final = re.compile(r"(\d{1,12})(?:·(\d{1,12}))?(\D*)")
_FACTORS: Final = {"万亿": 1e12, "亿": 1e8, "万": 1e4, "%": 0.01, "倍": 1.0, None: 1.0}
_MORE: Final = frozenset("超逾")
_MONEY_AFTER: Final = frozenset("元美港欧日英")
_COUNTED_AFTER: Final = frozenset("股份吨人户辆台套件例平只张家名位个座平千次")
WHEN: Final = frozenset("年月日号季qh")
"""Kinds that say when, and nothing of how much."""
_OPEN: Final = 1 - 1e-6
"""Of the last digit that is not zero: 超5亿 may be 5.99亿 and not 6亿."""
_NEARLY: Final = 0.5
"""Of it: 近5亿 may be 4.6亿."""
_ROUND_DIGITS_MIN: Final = 2
"""Digits that a rounded figure still has: with one, 2.4 and 2 would be the same."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of a canonical text: what it measures, and between which values it lies; equal where it is exact."""

    kind: str
    low: float
    high: float
    ulp: float
    """One of the last digit that is written."""
    digits: int
    """That are written."""


def figures_of(plain: str) -> tuple[Figure, ...]:
    """The figures of a canonical text, in order; digits within a word (5g, a300) are none, but q1 and h1 say when."""
    return tuple(figure for found in _FIGURE.finditer(plain) if (figure := _figure(found)))


def _figure(found: re.Match[str]) -> Figure | None:
    whole, part, unit, more, after = found.groups()
    before = found.string[max(0, found.start() - 3) : found.start()]
    if before.endswith(("q", "h")):
        number = float(whole)
        return Figure(before[-1], number, number, 1.0, _ROUND_DIGITS_MIN)
    if before[-1:].isascii() and before[-1:].isalnum():
        return None
    before = before.rstrip()
    vague = "" if before[-2:-1] == "不" else before[-1:]
    factor, part = _FACTORS[unit], part or ""
    value = float(f"{whole}.{part or 0}") * factor
    ulp = 10.0 ** -len(part) * factor
    step = ulp if part else 10.0 ** (len(whole) - len(whole.rstrip("0"))) * factor
    low = value - step * _NEARLY if vague == "近" else value
    high = value + step * _OPEN if more or vague in _MORE else value
    return Figure(_kind(unit, after), low, high, ulp, len(whole) + len(part))


def _kind(unit: str | None, after: str) -> str:
    if unit in ("%", "倍"):
        return "%"
    if after in _MONEY_AFTER or (unit and after not in _COUNTED_AFTER):
        return "元"
    return "股" if after == "份" else after


def agree(one: Figure, other: Figure) -> bool:
    """Whether both can be true: one lies where the other vaguely says, or is the other rounded."""
    near = 1e-9 * max(abs(one.high), abs(other.high), 1e-3)
    if one.kind == other.kind and one.low <= other.high + near and other.low <= one.high + near:
        return True
    if one.kind != other.kind or one.low != one.high or other.low != other.high:
        return False
    short = max(one, other, key=lambda figure: figure.ulp)
    return short.digits >= _ROUND_DIGITS_MIN and abs(one.low - other.low) <= short.ulp / 2 + near


def contradict(some: Iterable[Figure], others: Iterable[Figure]) -> bool:
    """Whether of one measure each headline has a figure that the other lacks."""
    some, others = tuple(some), tuple(others)
    for kind in {figure.kind for figure in some} & {figure.kind for figure in others}:
        mine = [figure for figure in some if figure.kind == kind]
        yours = [figure for figure in others if figure.kind == kind]
        if any(not any(agree(m, y) for y in yours) for m in mine) and any(
            not any(agree(m, y) for m in mine) for y in yours
        ):
            return True
    return False


def in_common(some: Iterable[Figure], others: Iterable[Figure]) -> bool:
    """Whether two headlines have a figure in common that says how much."""
    others = tuple(others)
    return any(agree(m, y) for m in some if m.kind not in WHEN for y in others)


def refigured(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether each has a figure that the other lacks, be it rounded."""
    mine, yours = one - other, other - one
    if not mine or not yours:
        return False
    return any(not _rounded_in(n, other) for n in mine) and any(not _rounded_in(n, one) for n in yours)


def _rounded_in(number: str, others: Iterable[str]) -> bool:
    """Whether one of the others is the number with fewer or more decimals: 14.63 and 14.6, 285.24 and 285."""
    return any(_rounds(number, other) or _rounds(other, number) for other in others)


def _rounds(exact: str, short: str) -> bool:
    a, b = _TOKEN.fullmatch(exact), _TOKEN.fullmatch(short)
    if (
        not a
        or not b
        or a[3] != b[3]
        or len(b[2] or "") >= len(a[2] or "")
        or len(b[1] + (b[2] or "")) < _ROUND_DIGITS_MIN
    ):
        return False
    places = len(b[2] or "")
    whole, kept = int(a[1] + (a[2] or "")), int(b[1] + (b[2] or ""))
    step = int(10 ** (len(a[2] or "") - places))
    return (whole + step // 2) // step == kept
