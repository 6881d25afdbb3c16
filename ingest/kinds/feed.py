"""RSS, Atom, RDF and JSON Feed; and how often the feed itself says that it changes."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from ingest.entry import Parsed
from ingest.kinds.port import Document, Kind, NoOptions, as_it_is
from ingest.parse import parse as parse_feed

_HEAD_BYTES: Final = 64 << 10
_FIRST_ITEM: Final = re.compile(rb"<(?:[\w.-]+:)?(?:item|entry)[\s>]", re.IGNORECASE)
_TTL: Final = re.compile(rb"<ttl>\s*(\d{1,6})\s*</ttl>", re.IGNORECASE)
_PERIOD: Final = re.compile(
    rb"<(?:[\w.-]+:)?updatePeriod[^>]*>\s*(hourly|daily|weekly|monthly|yearly)\s*<", re.IGNORECASE
)
_FREQUENCY: Final = re.compile(rb"<(?:[\w.-]+:)?updateFrequency[^>]*>\s*(\d{1,6})\s*<", re.IGNORECASE)
_PERIOD_S: Final = {
    b"hourly": 3_600.0, b"daily": 86_400.0, b"weekly": 604_800.0, b"monthly": 2_592_000.0, b"yearly": 31_536_000.0,
}  # fmt: skip


def parse(document: Document, _options: NoOptions) -> Parsed:
    parsed = parse_feed(document.body, document.content_type, document.url)
    return msgspec.structs.replace(parsed, ttl_s=ttl_s(document.body))


def ttl_s(body: bytes) -> float | None:
    """What the channel asks for between two polls: `ttl` in minutes, or `sy:updatePeriod` through its frequency."""
    head = body[:_HEAD_BYTES].replace(b"\x00", b"")
    first = _FIRST_ITEM.search(head)
    head = head[: first.start()] if first else head
    minutes = _TTL.search(head)
    if minutes:
        return 60.0 * int(minutes[1]) or None
    period = _PERIOD.search(head)
    if period is None:
        return None
    frequency = _FREQUENCY.search(head)
    return _PERIOD_S[period[1].lower()] / max(1, int(frequency[1]) if frequency else 1)


FEED: Final = Kind("feed", NoOptions, as_it_is, parse)
