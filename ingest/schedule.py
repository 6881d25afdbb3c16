"""When to ask a source again, and what its rhythm is. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

BACK_OFF_S_MAX: Final = 24 * 3600.0
"""A source that is away for weeks is still asked once a day."""
JITTER: Final = 0.1
"""Of the wait, up or down, so that sources added together do not stay together."""
SLOWER_MAX: Final = 4.0
"""Times its own interval: so much later at most is a source asked that rarely has anything new."""
LOOKS_A_RHYTHM: Final = 4.0
"""A source is asked this often between two new items, so that an item waits an eighth of the time between two."""
WISH_S_MAX: Final = 3_600.0
"""Of `ttl`, `sy:updatePeriod` and `max-age`: software writes them, often `daily` into feeds that change all day."""
RHYTHM_S_MIN: Final = 1.0
RHYTHM_WEIGHT: Final = 0.2
"""Of the latest gap: five gaps make a new rhythm."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a publisher said of the next time: `retry_after_s` is an order, the others are hints."""

    retry_after_s: float | None = None
    ttl_s: float | None = None
    max_age_s: float | None = None


def next_due_at(
    *,
    every_s: float,
    failures: int,
    wishes: Wishes = Wishes(),  # noqa: B008 - frozen
    rhythm_s: float | None = None,
    draw: float,
    now: datetime,
) -> datetime:
    """After `failures` failures in a row (0: it went well) and with `draw` in [0, 1) for the jitter.

    `every_s` is the operator's: the least wait, but for the jitter. A rhythm makes it up to SLOWER_MAX times longer, a
    hint up to WISH_S_MAX, each failure doubles it up to a day, and what the publisher ordered is the least then.
    """
    longest_s = max(BACK_OFF_S_MAX, every_s)
    if failures:
        wait_s = every_s * 2.0 ** min(failures, 20)
    else:
        wait_s = min(max(every_s, (rhythm_s or 0.0) / LOOKS_A_RHYTHM), SLOWER_MAX * every_s)
    wait_s = min(wait_s, longest_s) * (1 - JITTER + 2 * JITTER * draw)
    hint_s = 0.0 if failures else min(max(wishes.ttl_s or 0.0, wishes.max_age_s or 0.0), WISH_S_MAX)
    wait_s = max(wait_s, hint_s * (1 + JITTER * draw), wishes.retry_after_s or 0.0)
    return now + timedelta(seconds=min(wait_s, longest_s))


def rhythm_after(rhythm_s: float | None, last_new_at: datetime | None, new: int, now: datetime) -> float | None:
    """The mean time between two new items after a poll that found `new` of them."""
    if not new or last_new_at is None:
        return rhythm_s  # the first poll finds what was there, which tells nothing
    gap_s = max((now - last_new_at).total_seconds() / new, RHYTHM_S_MIN)
    return gap_s if rhythm_s is None else (1 - RHYTHM_WEIGHT) * rhythm_s + RHYTHM_WEIGHT * gap_s
