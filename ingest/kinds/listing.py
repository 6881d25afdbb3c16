"""Any JSON list over HTTP, through a mapping of paths. Flash services publish such; docs/sources.md has examples."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

import msgspec

from ingest.dates import read_date
from ingest.entry import Entry, Parsed, Problem
from ingest.kinds.paths import PATH, NoJson, at, each, load, text_of
from ingest.kinds.port import Document, Kind, as_it_is, failed
from ingest.outline import ITEMS_MAX
from ingest.parse import FIELD_CHARS_MAX

Path = Annotated[str, msgspec.Meta(pattern=PATH, max_length=640)]

_SLASHED: Final = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})((?:\D.*)?)")
_ORIGIN: Final = re.compile(r"(?P<scheme>https?:)//[^/?#]+", re.IGNORECASE)
_HOLE: Final = re.compile(r"\{([^{}\s]{1,64})\}")


class Mapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where things lie. All but `items` count from one item of the list; an empty path is a thing that is not there."""

    items: Path
    """The list; empty when the document is one."""
    title: Path = ""
    body: Path = ""
    id: Path = ""
    url: Path = ""
    date: Path = ""
    """Text, or seconds or milliseconds since 1970."""
    language: Path = ""
    symbols: Path = ""
    url_template: Annotated[str, msgspec.Meta(max_length=500)] = ""
    """For items without an address: `https://example.com/a/{id}`, with a path in each pair of braces."""
    zone: Annotated[str, msgspec.Meta(pattern=r"\A(?:[+-]\d\d:\d\d|)\Z")] = ""
    """Of dates that name none: `+08:00` for Beijing. Without it such a date is not believed."""
    day_first: bool | None = None
    """How 03/04/2026 is meant; without it such a date is not believed either."""

    def __post_init__(self) -> None:
        if not (self.title or self.body):
            raise ValueError("neither `title` nor `body` has a path")
        if self.url_template and not self.url_template.startswith(("http://", "https://")):
            raise ValueError("`url_template` is no web address")


def parse(document: Document, mapping: Mapping) -> Parsed:
    try:
        items = at(load(document.body), mapping.items) if document.body.strip() else None
    except NoJson as error:
        return failed("not_a_feed", str(error))
    if not document.body.strip():
        return failed("empty", "the document has no content")
    if not isinstance(items, list):
        return failed("not_a_feed", f"there is no list at {mapping.items or 'the root'}")
    return listed(items, lambda item: _entry(item, mapping, document.url))


def listed(items: list[Any], make: Any) -> Parsed:
    """Entries of the objects in a list, and what is wrong with it. `make` may pass an object over with None."""
    objects = [item for item in items[:ITEMS_MAX] if isinstance(item, dict)]
    entries = tuple(entry for item in objects if (entry := make(item)) is not None)
    problems = []
    if len(objects) < len(items[:ITEMS_MAX]):
        problems.append(Problem("malformed", f"{len(items[:ITEMS_MAX]) - len(objects)} items are no objects"))
    if len(items) > ITEMS_MAX:
        problems.append(Problem("truncated", f"{len(items):,} items; the first {ITEMS_MAX:,} were taken"))
    return Parsed(entries, tuple(problems))


def _entry(item: Any, mapping: Mapping, base: str) -> Entry:
    def text(path: str) -> str:
        return text_of(at(item, path)) if path else ""

    url = absolute(text(mapping.url), base)
    if not url and mapping.url_template:
        url = _HOLE.sub(lambda hole: _in_path(text(hole[1])), mapping.url_template)
    symbols = (text_of(symbol) for symbol in each(item, mapping.symbols)) if mapping.symbols else ()
    return Entry(
        id=text(mapping.id),
        url=url[:FIELD_CHARS_MAX],
        title=text(mapping.title)[:FIELD_CHARS_MAX],
        body=text(mapping.body)[:FIELD_CHARS_MAX],
        published=dated(text(mapping.date)[:200], mapping.zone, mapping.day_first),
        language=text(mapping.language)[:35],
        symbols=tuple(symbol[:64] for symbol in symbols if symbol),
    )


def dated(text: str, zone: str, day_first: bool | None = None) -> str:
    """The date as it can be read: with the zone of its source, where it names none itself."""
    slashed = _SLASHED.fullmatch(text.strip()) if day_first is not None else None
    if slashed:
        first, second, year, rest = slashed.groups()
        day, month = (first, second) if day_first else (second, first)
        text = f"{year}-{month:0>2}-{day:0>2}{rest}"
    read = read_date(text) if text and zone else None
    return text if read is None or read.zoned else f"{read.at:%Y-%m-%dT%H:%M:%S}{zone}"


def absolute(url: str, base: str) -> str:
    """An address that leaves out its scheme, or its host too, as it is meant on the page `base`."""
    found = _ORIGIN.match(base)
    if not url.startswith("/") or found is None:
        return url
    return f"{found['scheme']}{url}" if url.startswith("//") else f"{found[0]}{url}"


def _in_path(text: str) -> str:
    """What a stranger calls an item, as a part of an address: it adds neither a query nor a user name."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "/.-_~") else f"%{b:02X}" for c in text for b in _bytes(c))


def _bytes(character: str) -> bytes:
    return character.encode("utf-8", "replace")


JSON: Final = Kind("json", Mapping, as_it_is, parse)
