"""Which rollups answer for a stretch of time: few and coarse ones in its middle, fine ones at its ends. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

MINUTE: Final = 1
HOUR: Final = 60
DAY: Final = 1_440
LEVELS: Final = (DAY, HOUR, MINUTE)
"""Lengths of a rollup in minutes; each divides the one before."""


class Piece(NamedTuple):
    """Rollups of one level that begin in [start, end), minutes since 1970. `end` None: without end."""

    level: int
    start: int
    end: int | None


def pieces(start: int, end: int | None, step: int | None = None) -> list[Piece]:
    """Rollups that together are exactly [start, end), none longer than a step of time, none across two steps.

    Steps count from 1970; None stands for one step that holds everything.
    """
    usable = [level for level in LEVELS if step is None or step % level == 0]
    return _cut(start, end, usable)


def _cut(start: int, end: int | None, levels: Sequence[int]) -> list[Piece]:
    if end is not None and start >= end:
        return []
    level, finer = levels[0], levels[1:]
    if not finer:
        return [Piece(level, start, end)]
    first = -(-start // level) * level
    last = None if end is None else end // level * level
    if last is not None and first >= last:
        return _cut(start, end, finer)
    after = [] if last is None else _cut(last, end, finer)
    return [*_cut(start, first, finer), Piece(level, first, last), *after]
