"""Lists of sources as people write them: a JSON object a line, ours that ships, OPML of other readers. Pure but for
the reading of our own file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from importlib import resources
from typing import Any, Final, NamedTuple
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

import msgspec

from ingest.kinds.catalogue import problem_of
from newstide.sources import Source, host_of

SOURCES_MAX: Final = 10_000
"""Of one list. A worker asks some hundred sources a minute."""
STARTER: Final = "starter_sources.ndjson"
_NAME_CHARS_MAX: Final = 64
_NO_NAME: Final = re.compile(r"[^A-Za-z0-9._-]+")


class Refused(NamedTuple):
    line: int
    why: str


class Roster(NamedTuple):
    """Sources that can be polled, and the lines that could not be used, counted from 1."""

    sources: tuple[Source, ...]
    refused: tuple[Refused, ...] = ()


def read_lines(text: str) -> Roster:
    """One source a line; empty lines are passed over. Of two with one name the first is taken."""
    sources: dict[str, Source] = {}
    refused: list[Refused] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            source = msgspec.json.decode(line, type=Source)
        except (msgspec.DecodeError, RecursionError) as error:
            refused.append(Refused(number, str(error)))
            continue
        why = problem_of(source)
        if source.name in sources:
            why = f"{source.name} stands on an earlier line"
        elif len(sources) == SOURCES_MAX:
            why = f"a list holds at most {SOURCES_MAX:,} sources"
        if why:
            refused.append(Refused(number, why))
        else:
            sources[source.name] = source
    return Roster(tuple(sources.values()), tuple(refused))


def write_line(source: Source) -> str:
    """The source as `read_lines` takes it, without what is usual."""
    usual = msgspec.to_builtins(Source(name="x", url=""))
    written = msgspec.to_builtins(source)
    return msgspec.json.encode({k: v for k, v in written.items() if v != usual[k]}).decode()


def starter() -> tuple[Source, ...]:
    """The list that ships. Nothing in it is on until somebody says so."""
    return read_lines(resources.files("ingest").joinpath(STARTER).read_text(encoding="utf-8")).sources


def name_for(wanted: Sequence[str], taken: Iterable[str]) -> str:
    """A name that nobody has yet, made of the first of what is wanted that has anything a name can be made of."""
    stems = (_NO_NAME.sub("-", each).strip("-._")[:_NAME_CHARS_MAX] for each in (*wanted, "source"))
    stem = next(filter(None, stems))
    others, name, number = set(taken), stem, 1
    while name in others:
        number += 1
        name = f"{stem[: _NAME_CHARS_MAX - 1 - len(str(number))]}-{number}"
    return name


class NoOpml(ValueError):
    """The document is no OPML that we read."""


def read_opml(document: bytes, taken: Iterable[str] = ()) -> Roster:
    """The feeds of another reader's list, each under a name made of its title. Raises NoOpml.

    A feed whose address is there already keeps one entry. Entities are refused: no list of feeds needs them.
    """
    found: list[dict[str, str]] = []
    depth = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        if depth == 0 and name.lower() != "opml":
            raise NoOpml(f"its root is {name[:40]}, not opml")
        depth += 1
        if name.lower() == "outline" and len(found) <= SOURCES_MAX:
            found.append(
                {key.lower(): value for key, value in attributes.items()} | {"line": str(parser.CurrentLineNumber)}
            )

    def doctype(*_: Any) -> None:
        raise NoOpml("it has a DOCTYPE")

    parser: Any = expat.ParserCreate()
    parser.StartElementHandler, parser.StartDoctypeDeclHandler = start, doctype
    try:
        parser.Parse(document, True)
    except (expat.ExpatError, ValueError) as error:
        raise error if isinstance(error, NoOpml) else NoOpml(str(error)) from error
    return _of_outlines([outline for outline in found if outline.get("xmlurl")], set(taken))


def _of_outlines(outlines: Sequence[dict[str, str]], taken: set[str]) -> Roster:
    sources: dict[str, Source] = {}
    refused: list[Refused] = []
    for outline in outlines[:SOURCES_MAX]:
        url = outline["xmlurl"].strip()
        if url in sources:
            continue
        name = name_for([outline.get("title", ""), outline.get("text", ""), host_of(url)], taken)
        language = outline.get("language", "")[:2].lower()
        source = Source(name=name, url=url, language=language if language in ("en", "zh") else "")
        why = problem_of(source) if len(url) < 2_000 else "its address is too long"
        if why:
            refused.append(Refused(int(outline["line"]), why))
        else:
            sources[url] = source
            taken.add(name)
    return Roster(tuple(sources.values()), tuple(refused))


def write_opml(sources: Iterable[Source]) -> str:
    """The feeds among the sources, for another reader; other kinds have no place there."""
    rows = [
        f'    <outline type="rss" text={quoteattr(each.name)} title={quoteattr(each.name)} xmlUrl={quoteattr(each.url)}'
        + (f" language={quoteattr(each.language)}" if each.language else "")
        + "/>"
        for each in sources
        if each.kind == "feed"
    ]
    head = ['<?xml version="1.0" encoding="UTF-8"?>', '<opml version="2.0">', "  <head><title>newstide</title></head>"]
    return "\n".join([*head, "  <body>", *rows, "  </body>", "</opml>", ""])
