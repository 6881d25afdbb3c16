"""GDELT DOC 2.0: what the world's press wrote about a query, as a list of articles (mode ArtList)."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec

from ingest.entry import Entry, Parsed
from ingest.kinds.listing import listed
from ingest.kinds.paths import NoJson, load, text_of
from ingest.kinds.port import Document, Kind, failed

GAP_S: Final = 5.0
"""GDELT asks for one request in five seconds, from all of us."""

_LANGUAGES: Final = {"english": "en", "chinese": "zh"}
_PLAIN: Final = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~")


class Query(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`query` in GDELT's words, such as `"central bank" sourcelang:english`. `span_minutes`: how far to look back."""

    query: Annotated[str, msgspec.Meta(min_length=3, max_length=500)]
    records: Annotated[int, msgspec.Meta(ge=1, le=250)] = 75
    span_minutes: Annotated[int, msgspec.Meta(ge=15, le=10_080)] = 60


def ask(url: str, query: Query) -> str:
    """`url` is the service: https://api.gdeltproject.org/api/v2/doc/doc"""
    written = "".join(
        chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in query.query.encode("utf-8", "replace")
    )
    return (
        f"{url}?query={written}&mode=artlist&format=json&sort=datedesc"
        f"&maxrecords={query.records}&timespan={query.span_minutes}min"
    )


def parse(document: Document, _query: Query) -> Parsed:
    """An answer in words is how GDELT complains."""
    try:
        found = load(document.body) if document.body.strip() else {}
    except NoJson:
        return failed("not_a_feed", document.body.decode("utf-8", "replace").strip())
    articles = found.get("articles", []) if isinstance(found, dict) else None  # nothing found: an empty object
    if not isinstance(articles, list):
        return failed("not_a_feed", "there is no list at articles")
    return listed(articles, _article)


def _article(found: dict[str, Any]) -> Entry:
    url = text_of(found.get("url"))
    return Entry(
        id=url,
        url=url,
        title=text_of(found.get("title")),
        published=text_of(found.get("seendate")),
        language=_LANGUAGES.get(text_of(found.get("language")).lower(), ""),
    )


GDELT: Final = Kind("gdelt", Query, ask, parse, rate_key="gdelt", gap_s=GAP_S)
