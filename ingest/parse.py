"""Bytes of a feed to entries: RSS 0.9x, 1.0, 2.0, Atom, JSON Feed. Pure (no network, no file), never raises on content.

Runs in `ingest.worker`, a process that may be killed: however odd a document is, it costs ten seconds at most.
"""

from __future__ import annotations

import io
import json
import re
from calendar import timegm
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import feedparser

from ingest.entry import Entry, Parsed, Problem
from ingest.outline import DEPTH_MAX, ITEMS_MAX, outline

BODY_BYTES_MAX: Final = 15 << 20
"""As the fetcher allows."""
FIELD_CHARS_MAX: Final = 100_000
"""Of one field of an entry: more than `normalise` looks at."""

_HEAD_BYTES: Final = 64 << 10
"""A prolog longer than this belongs to no feed."""
_ROOT: Final = re.compile(rb"<(?:[\w.-]+:)?(?:rss|feed|rdf|channel)[\s>]", re.IGNORECASE)
_HTML: Final = re.compile(rb"(?:<!--.{0,5000}?-->\s*)*<(?:!doctype\s+html|html)[\s>]", re.IGNORECASE | re.DOTALL)
_MARKS: Final = b"\xef\xbb\xbf\xff\xfe \t\r\n"


def parse(body: bytes, content_type: str = "", url: str = "") -> Parsed:
    """The entries of a document and what is wrong with it. `url` is what relative links are relative to."""
    if len(body) > BODY_BYTES_MAX:
        return _failed("malformed", f"{len(body):,} bytes; the limit is {BODY_BYTES_MAX:,}")
    head = body[:_HEAD_BYTES].replace(b"\x00", b"").lstrip(_MARKS)
    if not head:
        return _failed("empty", "the document has no content")
    try:
        if head[:1] == b"{" or "json" in content_type.lower():
            return _json_feed(body)
        if _HTML.match(head) or not _ROOT.search(head):
            return _failed("not_a_feed", "a web page" if _HTML.match(head) else "neither RSS nor Atom nor a JSON feed")
        return _xml_feed(body, content_type, url)
    except Exception as error:  # the tolerant parser fails on strangers' bytes in ways nobody has listed
        return _failed("malformed", f"{type(error).__name__}: {error}"[:500])


def _failed(kind: Any, detail: str) -> Parsed:
    return Parsed((), (Problem(kind, detail),))


def _xml_feed(body: bytes, content_type: str, url: str) -> Parsed:
    seen = outline(body)
    if seen.entities:
        return _failed("doctype", "it declares entities, which no feed needs")
    if seen.too_deep:
        return _failed("too_deep", f"elements are nested more than {DEPTH_MAX} deep")
    headers = {"content-location": url} if url else {}
    if content_type:
        headers["content-type"] = content_type
    # Markup is taken out later, by our own rules; links are resolved against `url`.
    found = feedparser.parse(
        io.BytesIO(seen.cut or body), response_headers=headers, sanitize_html=False, resolve_relative_uris=False
    )
    entries = [_entry(entry) for entry in found.entries[:ITEMS_MAX]]
    entries += [Entry(id=ref, published=when[:200], withdrawn=True) for ref, when in seen.tombstones]
    problems = [] if found.version or entries else [Problem("not_a_feed", "no RSS or Atom feed was recognised in it")]
    problems += _bozo_problems(found)
    if seen.cut or len(found.entries) > ITEMS_MAX:
        problems.append(Problem("truncated", f"more than {ITEMS_MAX:,} items; the first {ITEMS_MAX:,} were taken"))
    return Parsed(tuple(entries), tuple(problems))


def _bozo_problems(found: Mapping[str, Any]) -> list[Problem]:
    """feedparser's complaints, without those about headers that harm nobody."""
    error = found.get("bozo_exception") if found.get("bozo") else None
    if error is None or isinstance(error, feedparser.NonXMLContentType):
        return []
    if isinstance(error, feedparser.CharacterEncodingOverride):
        return [Problem("encoding_guessed", str(error)[:500])]
    return [Problem("malformed", f"{type(error).__name__}: {error}"[:500])]


def _entry(found: Mapping[str, Any]) -> Entry:
    bodies = [content.get("value", "") for content in found.get("content", ())]
    return Entry(
        id=_text(found.get("id"), whole=True),
        url=_text(found.get("link")),
        title=_text(found.get("title")),
        body=_text(max([found.get("summary") or "", *bodies], key=len)),
        published=_text(_date(found, ""))[:200],
        published_at=_moment(_date(found, "_parsed")),
    )


def _date(found: Mapping[str, Any], form: str) -> Any:
    """feedparser answers for a missing `updated` with `published`, and complains: so ask first whether it is there."""
    names = (f"published{form}", f"updated{form}")
    return next((found[name] for name in names if name in found and found[name]), None)


def _text(value: object, *, whole: bool = False) -> str:
    text = value if isinstance(value, str) else "" if value is None else str(value)
    return text if whole else text[:FIELD_CHARS_MAX]


def _moment(parts: Any) -> datetime | None:
    if parts is None:
        return None
    try:
        return datetime.fromtimestamp(timegm(parts), UTC)
    except (ValueError, OverflowError, OSError, TypeError):
        return None


def _json_feed(body: bytes) -> Parsed:
    try:
        document = json.loads(body.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError) as error:
        return _failed("malformed", f"not JSON: {error}"[:500])
    items = document.get("items") if isinstance(document, dict) else None
    if not isinstance(items, list):
        return _failed("not_a_feed", "JSON, but no JSON feed: it has no list of items")
    entries = tuple(_json_entry(item) for item in items[:ITEMS_MAX] if isinstance(item, dict))
    problems = []
    if len(entries) < len(items[:ITEMS_MAX]):
        problems.append(Problem("malformed", f"{len(items[:ITEMS_MAX]) - len(entries)} items are no objects"))
    if len(items) > ITEMS_MAX:
        problems.append(Problem("truncated", f"{len(items):,} items; the first {ITEMS_MAX:,} were taken"))
    return Parsed(entries, tuple(problems))


def _json_entry(item: Mapping[str, Any]) -> Entry:
    def first(*names: str) -> str:
        return next((value for name in names if isinstance(value := item.get(name), str) and value), "")

    number = item.get("id")
    return Entry(
        id=str(number) if isinstance(number, int | float) else first("id"),
        url=first("url", "external_url")[:FIELD_CHARS_MAX],
        title=first("title")[:FIELD_CHARS_MAX],
        body=first("content_text", "content_html", "summary")[:FIELD_CHARS_MAX],
        published=first("date_published", "date_modified")[:200],
        language=first("language")[:35],
    )
