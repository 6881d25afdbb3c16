"""Bytes of a feed to entries: RSS 0.9x, 1.0, 2.0, Atom, JSON Feed. Pure (no network, no file), never raises on content.

Runs in `ingest.worker`, a process that may be killed: however odd a document is, it costs five seconds at most.
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

from ingest.decoding import READ_BYTES_MAX, decode, valid_characters, without_declaration
from ingest.entry import Entry, Parsed, Problem, ProblemKind
from ingest.outline import DEPTH_MAX, ITEMS_MAX, items_closed, outline

FIELD_CHARS_MAX: Final = 100_000
"""Of one field of an entry: more than `normalise` looks at."""
TEXT_CHARS_MAX: Final = 4_000_000
"""Of all entries together: what crosses to the program that polls."""
JSON_VALUES_MAX: Final = 500_000
"""Commas and brackets: a thousand items of five hundred values. A tree of empty lists is fifty times its text."""

_HEAD_CHARS: Final = 64 << 10
"""A prolog longer than this belongs to no feed."""
_ROOT: Final = re.compile(r"<(?:[\w.-]+:)?(?:rss|feed|rdf|channel|entry)[\s>]", re.IGNORECASE)
_HTML: Final = re.compile(
    r"(?:<!--(?:(?!-->).){0,5000}-->\s*)*<(?:!doctype\s+html|html)[\s>]", re.IGNORECASE | re.DOTALL
)
_DECODED: Final = {"content-type": "application/xml; charset=utf-8"}


def parse(body: bytes, content_type: str = "", url: str = "") -> Parsed:
    """The entries of a document and what is wrong with it. `url` is what relative links are relative to.

    Of a document larger than `READ_BYTES_MAX` the items are taken that end before.
    """
    cut = len(body) > READ_BYTES_MAX
    # Behind a tag, where no character is cut in two; a document that has none there is no feed.
    decoded = decode(body[: body.rfind(b">", 0, READ_BYTES_MAX) + 1 or READ_BYTES_MAX] if cut else body, content_type)
    text = without_declaration(valid_characters(decoded.text))
    if not text:
        return _failed("empty", "the document has no content")
    head = text[:_HEAD_CHARS]
    try:
        if head[0] in "{[":
            read = _failed("malformed", f"JSON of more than {READ_BYTES_MAX:,} bytes") if cut else _json_feed(text)
        elif _HTML.match(head) or not _ROOT.search(head):
            return _failed("not_a_feed", "a web page" if _HTML.match(head) else "neither RSS nor Atom nor a JSON feed")
        else:
            read = _xml_feed(text.encode("utf-8", "replace"), url, cut=cut)
    except Exception as error:  # the tolerant parser fails on strangers' bytes in ways nobody has listed
        return _failed("malformed", f"{type(error).__name__}: {error}"[:500])
    read = _within(read)
    if decoded.guessed or decoded.damaged:
        detail = f"read as {decoded.encoding}" + (", which some of its bytes are not" if decoded.damaged else "")
        return Parsed(read.entries, (*read.problems, Problem("encoding_guessed", detail)))
    return read


def _failed(kind: Any, detail: str) -> Parsed:
    return Parsed((), (Problem(kind, detail),))


def _within(read: Parsed) -> Parsed:
    """As many entries as the limit of their text allows."""
    chars = 0
    for number, entry in enumerate(read.entries):
        chars += len(entry.id) + len(entry.url) + len(entry.title) + len(entry.body)
        if chars > TEXT_CHARS_MAX:
            cut = Problem("truncated", f"more than {TEXT_CHARS_MAX:,} characters; {number} items were taken")
            return Parsed(read.entries[:number], (*read.problems, cut))
    return read


def _xml_feed(body: bytes, url: str, *, cut: bool) -> Parsed:
    seen = outline(body)
    if seen.entities:
        return _failed("doctype", "it declares entities, which no feed needs")
    if seen.too_deep:
        return _failed("too_deep", f"elements are nested more than {DEPTH_MAX} deep")
    if seen.cut == b"":
        why = "it ends within its first item" if seen.unfinished else "its first item is larger than a feed may be"
        return _failed("malformed", why)
    headers = _DECODED | ({"content-location": url} if url else {})
    # Markup is taken out later, by our own rules; links are resolved against `url`.
    found = feedparser.parse(
        io.BytesIO(seen.cut or body), response_headers=headers, sanitize_html=False, resolve_relative_uris=False
    )
    language = _text(found.feed.get("language"))[:35]
    entries = [_entry(entry, language) for entry in found.entries[:ITEMS_MAX]]
    entries += [Entry(id=ref, published=when[:200], withdrawn=True) for ref, when in seen.tombstones]
    problems = [] if found.version or entries else [Problem("not_a_feed", "no RSS or Atom feed was recognised in it")]
    if seen.too_large or cut:
        problems.append(
            Problem("truncated", f"it is larger than a feed; its first {len(found.entries):,} items were taken")
        )
    elif seen.unfinished:
        problems.append(Problem("malformed", "it ends in the middle; an item that was not whole is left out"))
    elif found.bozo and found.version:
        problems.append(Problem(*_bozo(found, body)))
    return Parsed(tuple(entries), tuple(problems))


def _bozo(found: Mapping[str, Any], body: bytes) -> tuple[ProblemKind, str]:
    """What the tolerant parser complained of, and whether it read every item all the same."""
    error = found.get("bozo_exception")
    whole = len(found["entries"]) == items_closed(body)
    return "repaired" if whole else "malformed", f"{type(error).__name__}: {error}"[:500]


def _entry(found: Mapping[str, Any], language: str) -> Entry:
    bodies = [content.get("value", "") for content in found.get("content", ())]
    return Entry(
        id=_text(found.get("id"), whole=True),
        url=_text(found.get("link")),
        title=_text(found.get("title")),
        body=_text(max([found.get("summary") or "", *bodies], key=len)),
        published=_text(_date(found, ""))[:200],
        published_at=_moment(_date(found, "_parsed")),
        language=language,
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


def too_many_values(text: str) -> bool:
    return sum(map(text.count, ",[{")) > JSON_VALUES_MAX


def _json_feed(text: str) -> Parsed:
    if too_many_values(text):
        return _failed("malformed", f"JSON of more than {JSON_VALUES_MAX:,} values")
    try:
        document = json.loads(text, strict=False)
    except (ValueError, RecursionError) as error:
        return _failed("malformed", f"not JSON: {error}"[:500])
    items = document.get("items") if isinstance(document, dict) else None
    if not isinstance(items, list):
        return _failed("not_a_feed", "JSON, but no JSON feed: it has no list of items")
    language = document.get("language")
    entries = tuple(_json_entry(item, language) for item in items[:ITEMS_MAX] if isinstance(item, dict))
    problems = []
    if len(entries) < len(items[:ITEMS_MAX]):
        problems.append(Problem("malformed", f"{len(items[:ITEMS_MAX]) - len(entries)} items are no objects"))
    if len(items) > ITEMS_MAX:
        problems.append(Problem("truncated", f"{len(items):,} items; the first {ITEMS_MAX:,} were taken"))
    return Parsed(entries, tuple(problems))


def _json_entry(item: Mapping[str, Any], language: object) -> Entry:
    def first(*names: str) -> str:
        return next((value for name in names if isinstance(value := item.get(name), str) and value), "")

    number, name = item.get("id"), first("id")
    is_number = isinstance(number, int | float) and not isinstance(number, bool)
    return Entry(
        id=str(number) if is_number else name,
        url=(first("url", "external_url") or (name if name.startswith("http") else ""))[:FIELD_CHARS_MAX],
        title=first("title")[:FIELD_CHARS_MAX],
        body=first("content_text", "content_html", "summary")[:FIELD_CHARS_MAX],
        published=first("date_published", "date_modified")[:200],
        language=(first("language") or _text(language))[:35],
    )
