"""A first look at an XML document, by Expat alone: what must be refused before anything builds a tree of it. Pure."""

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

_ENTITY_DECLARED: Final = re.compile(rb"<!\s*ENTITY", re.IGNORECASE)
_ITEMS: Final = frozenset({"item", "entry"})
_ITEM_ENDS: Final = re.compile(rb"</(?:[\w.-]+:)?(?:item|entry)\s*>", re.IGNORECASE)


Tombstone = tuple[str, str]
"""The id of an entry that was taken back, and when (RFC 6721, `at:deleted-entry`). The feed parser does not know
them."""


@dataclass(frozen=True, slots=True)
class Outline:
    """`cut` is the document up to its first `ITEMS_MAX` items, closed properly, where it has more."""

    entities: bool = False
    too_deep: bool = False
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
    entities: bool = False
    too_deep: bool = False
    cut: bytes | None = None
    tombstones: list[Tombstone] = field(default_factory=list)

    def doctype(self, _name: str, _system: str | None, _public: str | None, has_internal_subset: int) -> None:
        if has_internal_subset:
            self.entities = True
            raise _Enough

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.open_elements.append(name)
        if name.rpartition(":")[2] == "deleted-entry" and attributes.get("ref") and len(self.tombstones) < ITEMS_MAX:
            self.tombstones.append((attributes["ref"], attributes.get("when", "")))
        if len(self.open_elements) > DEPTH_MAX:
            self.too_deep = True
            raise _Enough

    def end(self, name: str) -> None:
        self.open_elements.pop()
        if name.rpartition(":")[2] not in _ITEMS:
            return
        self.items += 1
        if self.items > ITEMS_MAX:
            raise _Enough
        if self.items == ITEMS_MAX:
            end = self.body.find(b">", self.parser.CurrentByteIndex) + 1
            closing = "".join(f"</{element}>" for element in reversed(self.open_elements))
            self.cut = self.body[:end] + closing.encode("utf-8")


def outline(body: bytes) -> Outline:
    """Looks until the first thing that is wrong; what lies behind broken XML is not seen."""
    if _ENTITY_DECLARED.search(body.replace(b"\x00", b"") if b"\x00" in body[:4_096] else body):
        return Outline(entities=True)
    broken = False
    parser = expat.ParserCreate()
    walk = _Walk(body, parser)
    parser.StartDoctypeDeclHandler = walk.doctype
    parser.StartElementHandler = walk.start
    parser.EndElementHandler = walk.end
    try:
        with suppress(_Enough):
            parser.Parse(body, True)
    except (expat.ExpatError, LookupError, ValueError):
        broken = True  # or in an encoding that Expat does not know: the tolerant parser, in its time box, decides
    cut = _cut_roughly(body) if broken else walk.cut if walk.items > ITEMS_MAX else None
    return Outline(walk.entities, walk.too_deep, cut, tuple(walk.tombstones))


def _cut_roughly(body: bytes) -> bytes | None:
    """A broken document up to its first items: the tolerant parser is slow, and needs no proper end."""
    ends = [found.end() for found in islice(_ITEM_ENDS.finditer(body), ITEMS_MAX + 1)]
    return body[: ends[ITEMS_MAX - 1]] if len(ends) > ITEMS_MAX else None
