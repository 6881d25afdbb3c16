"""What an attempt to deliver came to, and what follows: done, again later, given up, or the channel is closed. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

SCHEDULE_S: Final = (0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Before each attempt, since the one before: the schedule of Standard Webhooks 1.0.0. Some three days in all."""
ATTEMPTS_MAX: Final = len(SCHEDULE_S)
JITTER: Final = 0.2
"""Of a wait, added at random: receivers that came back must not be asked by all at once."""
DETAIL_CHARS_MAX: Final = 300


class Verdict(StrEnum):
    """What an attempt came to. The words are stored, shown and counted: never rename one."""

    SENT = "sent"
    RETRY = "retry"
    EXHAUSTED = "exhausted"
    """No attempt is left. It stays in the record, and can be sent again by hand."""
    DISABLED = "disabled"
    """The receiver is gone for good, or must not be asked: the channel is switched off until a person looks at it."""
    CANCELLED = "cancelled"
    """We were stopped. It is tried again at once, by whoever runs next."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came back. `status` is of HTTP or SMTP; None: no answer."""

    ok: bool
    status: int | None = None
    detail: str = ""
    retry_after_s: float | None = None
    gone: bool = False
    """The receiver wants no more, ever, or its address must not be visited."""
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class Next:
    verdict: Verdict
    at: datetime | None = None
    """Of the next attempt."""


def follows(attempt: Attempt, number: int, now: datetime, chance: float) -> Next:
    """What follows attempt `number`, the first of which is 1. `chance` in [0, 1) decides the jitter."""
    if attempt.ok:
        return Next(Verdict.SENT)
    if attempt.cancelled:
        return Next(Verdict.CANCELLED)
    if attempt.gone:
        return Next(Verdict.DISABLED)
    if number >= ATTEMPTS_MAX:
        return Next(Verdict.EXHAUSTED)
    wait_s = SCHEDULE_S[number] * (1 + JITTER * chance)
    return Next(Verdict.RETRY, now + timedelta(seconds=max(wait_s, attempt.retry_after_s or 0.0)))


def judged(status: int, wait_s: float | None = None) -> Attempt:
    """What an HTTP answer means, which asked for `wait_s`. A redirect is a failure: it is never followed."""
    if 200 <= status < 300:
        return Attempt(True, status)
    return Attempt(False, status, f"status {status}", wait_s, gone=status == 410)


def shown(text: object) -> str:
    """Outside words for the delivery log: one line, bounded, without control characters."""
    return "".join(c if c.isprintable() else " " for c in str(text)[:DETAIL_CHARS_MAX])
