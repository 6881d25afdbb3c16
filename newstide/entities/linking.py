"""From a story to the entities that it names, each with a score, a reason and its place in the original text. Pure.

Names are found by one pass of an automaton; boundary rules throw out what only looks like a name; evidence beside it
decides on a name that means other things too. "None" is an answer. The same text has the same links, whatever else is
linked with it. A headline without any name costs a few microseconds.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import Final, NamedTuple

from newstide.entities import context, symbols
from newstide.entities.context import LINKED, SURE, Weighed
from newstide.entities.judging import Field, Hit, Passage, Place, is_certain, weigh
from newstide.entities.names import HAN, Names, Reading, bare_symbol
from newstide.entities.relevance import relevances
from newstide.entities.vocabulary import Entity, Kind, in_force, version_of

TITLE_CHARS_MAX: Final = 1_024
"""As much of a title as the model reads."""
BODY_CHARS_MAX: Final = 20_000
"""An article; what comes after is a list or an archive."""
HITS_MAX: Final = 400
"""Names weighed in one story: more is a table of prices, and bounds what a hostile body can cost."""
LINKS_MAX: Final = 24
"""Entities of one story that are kept, the most relevant ones: past this it is a list of everything."""


class Candidate(NamedTuple):
    """Something in the text that may mean an entity. It is linked when `score` reaches `context.LINKED`."""

    entity_id: str
    field: Field
    start: int
    end: int
    """Characters [start, end) of the original title or body."""
    text: str
    score: float
    reason: str
    is_symbol: bool


class Link(NamedTuple):
    """An entity that a story is about, more or less."""

    entity_id: str
    score: float
    reason: str
    relevance: float
    mention: Candidate
    """The one to show and to ask the model about: in the title before the body, a name before a symbol."""
    mentions: int


class Linker:
    """Links stories to one version of the master. Made once; safe to share among threads."""

    def __init__(
        self, entities: Sequence[Entity], decoys: Iterable[str] = (), common_words: Collection[str] = ()
    ) -> None:
        self.entities = {entity.entity_id: entity for entity in entities}
        self.version = version_of(entities)
        self._ids = [entity.entity_id for entity in entities]
        self._places = {entity_id: place for place, entity_id in enumerate(self._ids)}
        self._kinds = [entity.kind for entity in entities]
        self._names = Names(entities, decoys, common_words)

    def link(self, title: str, body: str = "", given: Sequence[str] = (), on: date | None = None) -> tuple[Link, ...]:
        """The entities of a story, most relevant first, at most LINKS_MAX. `given` are the symbols of its source, which
        support a name and make no link by themselves; `on` is the day whose names and symbols are meant, None: any.
        """
        found = [each for each in self.candidates(title, body, given, on) if each.score >= LINKED]
        return _links(found, title) if found else ()

    def candidates(
        self, title: str, body: str = "", given: Sequence[str] = (), on: date | None = None
    ) -> list[Candidate]:
        """Everything that may mean an entity, linked or not, in the order of the text."""
        certain: list[Candidate] = []
        doubtful: list[Hit] = []
        self._find(Passage("title", title[:TITLE_CHARS_MAX]), on, certain, doubtful)
        if body:
            self._find(Passage("body", body[:BODY_CHARS_MAX]), on, certain, doubtful)
        if doubtful:
            named = {self._places[each.entity_id] for each in certain}
            named |= {hit.readings[0].entity for hit in doubtful if is_certain(hit, on)}
            named |= {each for symbol in given for each in self._listed(*symbols.normal(symbol), on)}
            beside = self._beside(certain, title, body)
            for hit in doubtful[:HITS_MAX]:
                weighed = weigh(hit, self._kinds, named, beside, on)
                if weighed is not None:
                    certain.append(self._candidate(hit, *weighed))
        if len(certain) > 1:
            certain.sort(key=lambda each: (each.field == "body", each.start, each.end))
        return certain[:HITS_MAX]

    def _find(self, passage: Passage, on: date | None, certain: list[Candidate], doubtful: list[Hit]) -> None:
        """Every name and symbol of a passage, to where it belongs."""
        original, folded = passage.original, passage.folded
        text, at = folded.text, folded.at
        taken = self._symbols(passage, on, certain, doubtful) if symbols.may_hold(original) else []
        is_han = not text.isascii() and HAN.search(text) is not None
        forms = self._names.mixed if is_han else self._names.latin
        for pattern, first, last in forms.found_in(text):
            start, stop = at(first), at(last)
            if taken and any(a < stop and start < b for a, b in taken):
                continue
            plain = forms.plain[pattern]
            if plain is None:
                doubtful.append(Hit(passage, first, last, start, stop, forms.readings[pattern]))
            else:
                entity, score, reason = plain
                place = (passage.field, start, stop, original[start:stop])
                certain.append(Candidate(self._ids[entity], *place, score, reason, False))

    def _beside(self, certain: Iterable[Candidate], title: str, body: str) -> set[Place]:
        """Where a list of companies goes on that are named beyond doubt."""
        return {
            (each.field, place)
            for each in certain
            if self.entities[each.entity_id].kind is Kind.COMPANY
            for place in context.list_goes_on(title if each.field == "title" else body, each.start, each.end)
        }

    def _symbols(
        self, passage: Passage, on: date | None, certain: list[Candidate], doubtful: list[Hit]
    ) -> list[tuple[int, int]]:
        """The symbols of a passage that are listed; returns their places, where no name may be found as well."""
        taken = []
        for symbol in symbols.found_in(passage.original):
            _, code, start, stop, sure = symbol
            for entity in self._listed(symbol.exchange, code, on):
                taken.append((start, stop))
                if sure:
                    name = passage.original[start:stop]
                    certain.append(Candidate(self._ids[entity], passage.field, start, stop, name, SURE, "symbol", True))
                else:
                    doubtful.append(Hit(passage, start, stop, start, stop, (bare_symbol(entity, code),)))
        return taken

    def listed(self, exchange: str, symbol: str, on: date | None = None) -> list[str]:
        """The entities that a symbol belongs to on a day."""
        return [self._ids[each] for each in self._listed(exchange, symbol, on)]

    def _listed(self, exchange: str | None, symbol: str, on: date | None) -> list[int]:
        if exchange is None:
            return []
        listed = self._names.listings.get((exchange, symbol), ())
        return [entity for entity, since, until in listed if on is None or in_force(since, until, on)]

    def _candidate(self, hit: Hit, reading: Reading, weighed: Weighed) -> Candidate:
        place = (hit.passage.field, hit.start, hit.end, hit.text)
        return Candidate(self._ids[reading.entity], *place, weighed.score, weighed.reason, reading.ticker)


def _links(found: Sequence[Candidate], title: str) -> tuple[Link, ...]:
    relevance = relevances([(each.entity_id, each.field == "title", each.start) for each in found], title)
    if len(found) == 1:
        (only,) = found
        return (Link(only.entity_id, only.score, only.reason, relevance[only.entity_id], only, 1),)
    mentions: dict[str, list[Candidate]] = {}
    for each in found:
        mentions.setdefault(each.entity_id, []).append(each)
    links = []
    for entity_id, places in mentions.items():
        best = max(places, key=lambda each: each.score)
        shown = min(places, key=lambda each: (each.field == "body", each.is_symbol, each.start))
        links.append(Link(entity_id, best.score, best.reason, relevance[entity_id], shown, len(places)))
    links.sort(key=lambda link: (-link.relevance, link.entity_id))
    return tuple(links[:LINKS_MAX])
