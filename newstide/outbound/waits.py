"""How long an answer asks us to wait before the next try: Retry-After (RFC 9110, 10.2.3). Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

RETRY_AFTER_S_MAX: Final = 86_400.0
"""Whatever is asked for, we try again the next day."""
_SECONDS: Final = re.compile(r"-?\d{1,18}")


def retry_after_s(header: str, now: datetime) -> float | None:
    """Seconds to wait, from a number or a date, within 0 and a day; None when nothing sensible was asked for."""
    text = header.strip()
    if _SECONDS.fullmatch(text):
        seconds = float(text)
    else:
        try:
            at = parsedate_to_datetime(text)
        except (ValueError, TypeError, IndexError, OverflowError):
            return None
        if at.tzinfo is None:  # the form of asctime, one of the three of RFC 9110, names no zone and means GMT
            at = at.replace(tzinfo=UTC)
        seconds = (at - now).total_seconds()
    return min(max(seconds, 0.0), RETRY_AFTER_S_MAX)
