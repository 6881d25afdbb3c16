"""A first look at an XML document, by Expat alone: what must be refused before anything builds a tree of it. Pure.

The document is UTF-8 here. What is longer than the tolerant parser can be trusted with is cut after its last whole
item.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final
from xml.parsers import expat

DEPTH_MAX: Final = 100
"""Real feeds stay below 20; XHTML bodies below 50."""
ITEMS_MAX: Final = 1_000
"""Real feeds list 10 to 200."""
ELEMENTS_MAX: Final = 100_000
"""Of one document, attributes included: a thousand items of a hundred. The tolerant parser takes 15 us for each."""

NAMESPACES_MAX: Final = 100
"""Prefixes declared. The tolerant parser looks through all of them at each element; real feeds have up to 20."""
TAG_BYTES_MAX: Final = 64 << 10
"""Of one tag with its attributes: Expat holds it whole, and ten times that in names and values."""
BROKEN_BYTES_MAX: Final = 3 << 19
BROKEN_ATTRIBUTES_MAX: Final = 30_000
"""Of a document that is not well-formed: what reads those takes 100 bytes for each of theirs, and ten seconds for 10
MiB."""

_ENTITY_DECLARED: Final = re.compile(rb"<!\s*ENTITY", re.IGNORECASE)
_ITEMS: Final = frozenset({"item", "entry"})
_ITEM_ENDS: Final = re.compile(rb"</(?:[\w.-]+:)?(?:item|entry)\s*>", re.IGNORECASE)
_ITEM_STARTS: Final = re.compile(rb"<(?:[\w.-]+:)?(?:item|entry)[\s>]", re.IGNORECASE)
_ROOT_END: Final = re.compile(rb"</(?:[\w.-]+:)?(?:rss|feed|rdf|channel)\s*>", re.IGNORECASE)
_PREFIX: Final = re.compile(rb"xmlns:[\w.-]{1,100}")
_LONG_TAG: Final = re.compile(rb"<(?!!)[^<>]{%d}" % TAG_BYTES_MAX)
_TAIL_BYTES: Final = 4_096
"""Where the end of the root must stand: behind it only comments of a server."""


Tombstone = tuple[str, str]
"""The id of an entry that was taken back, and when (RFC 6721, `at:deleted-entry`). The feed parser does not know
them."""


@dataclass(frozen=True, slots=True)
class Outline:
    """`cut` is the document up to the last item that may be read, closed properly, where it cannot be read whole."""

    entities: bool = False
    too_deep: bool = False
    too_large: bool = False
    """It has more items or elements than a feed has."""
    unfinished: bool = False
    """It ends in the middle."""
    cut: bytes | None = None
    tombstones: tuple[Tombstone, ...] = ()


class _Enough(Exception):
    """Stops the parser from within."""


@dataclass(slots=True)
class _Walk:
    body: bytes
    parser: Any
    open_elements: list[str] = field(default_factory=list)
    items: int = 0
    elements: int = 0
    entities: bool = False
    too_deep: bool = False
    too_large: bool = False
    cut_at: int = 0
    """Just behind the last whole item."""
    closing: bytes = b""
    tombstones: list[Tombstone] = field(default_factory=list)

    def doctype(self, _name: str, _system: str | None, _public: str | None, has_internal_subset: int) -> None:
        if has_internal_subset:
            self.entities = True
            raise _Enough

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.open_elements.append(name)
        self.elements += 1 + len(attributes)
        if name.rpartition(":")[2] == "deleted-entry" and attributes.get("ref") and len(self.tombstones) < ITEMS_MAX:
            self.tombstones.append((attributes["ref"], attributes.get("when", "")))
        self.too_deep = len(self.open_elements) > DEPTH_MAX
        self.too_large = self.elements > ELEMENTS_MAX or (self.items >= ITEMS_MAX and _local(name) in _ITEMS)
        if self.too_deep or self.too_large:
            raise _Enough

    def end(self, name: str) -> None:
        self.open_elements.pop()
        if _local(name) not in _ITEMS:
            return
        self.items += 1
        self.cut_at = self.body.find(b">", self.parser.CurrentByteIndex) + 1
        self.closing = "".join(f"</{element}>" for element in reversed(self.open_elements)).encode("utf-8")


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def outline(body: bytes) -> Outline:
    """Looks until the first thing that is wrong; of what lies behind broken XML only the size is judged."""
    if _ENTITY_DECLARED.search(body):
        return Outline(entities=True)
    if _LONG_TAG.search(body) or len(set(_PREFIX.findall(body))) > NAMESPACES_MAX:
        return Outline(too_large=True, cut=b"")
    broken = False
    parser = expat.ParserCreate("utf-8")
    walk = _Walk(body, parser)
    parser.StartDoctypeDeclHandler = walk.doctype
    parser.StartElementHandler = walk.start
    parser.EndElementHandler = walk.end
    try:
        with suppress(_Enough):
            parser.Parse(body, True)
    except (expat.ExpatError, ValueError):
        broken = True  # the tolerant parser decides
    if broken:
        return _roughly(body, tuple(walk.tombstones))
    cut = body[: walk.cut_at] + walk.closing if walk.too_large else None
    return Outline(walk.entities, walk.too_deep, walk.too_large, cut=cut, tombstones=tuple(walk.tombstones))


def items_closed(body: bytes) -> int:
    """How many items end in it, by their tags alone."""
    return len(_ITEM_ENDS.findall(body))


def _roughly(body: bytes, tombstones: tuple[Tombstone, ...]) -> Outline:
    """A broken document up to its last whole item that may be read. Its end is open: the tolerant parser needs none."""
    ends = [found.end() for found in _ITEM_ENDS.finditer(body)]
    limit = min(_place_of(body, b"<", ELEMENTS_MAX), _place_of(body, b"=", BROKEN_ATTRIBUTES_MAX))
    starts = [found.start() for found in islice(_ITEM_STARTS.finditer(body), ITEMS_MAX + 1)]
    limit = min(limit, BROKEN_BYTES_MAX, *starts[ITEMS_MAX:])
    kept = [end for end in ends[:ITEMS_MAX] if end <= limit]
    too_large = len(kept) < len(ends) or limit < len(body)
    unfinished = not _ROOT_END.search(body[-_TAIL_BYTES:])
    cut = body[: kept[-1] if kept else 0] if too_large or unfinished else None
    return Outline(too_large=too_large, unfinished=unfinished, cut=cut, tombstones=tombstones)


def _place_of(body: bytes, mark: bytes, count: int) -> int:
    """Where `mark` stands for the `count`th time; the end where it does not."""
    if body.count(mark) < count:
        return len(body)
    place = -1
    for _ in range(count):
        place = body.find(mark, place + 1)
    return place
