"""When to ask a feed again. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

BACK_OFF_S_MAX: Final = 24 * 3600.0
"""A feed that is away for weeks is still asked once a day."""
JITTER: Final = 0.1
"""Of the wait, up or down, so that feeds added together do not stay together."""


def next_due_at(*, every_s: float, failures: int, retry_after_s: float | None, draw: float, now: datetime) -> datetime:
    """After `failures` failures in a row (0: it went well) and with `draw` in [0, 1) for the jitter.

    Doubles the feed's own interval with each failure, up to a day. What the publisher asked for is the least.
    """
    doubled_s = every_s * 2.0 ** min(failures, 20)
    wait_s = min(doubled_s, max(BACK_OFF_S_MAX, every_s)) * (1 - JITTER + 2 * JITTER * draw)
    return now + timedelta(seconds=min(max(wait_s, retry_after_s or 0.0), max(BACK_OFF_S_MAX, every_s)))
