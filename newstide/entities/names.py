"""The names of a master, compiled to be sought: each folded form with everything that it may mean. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple

from newstide.entities.automaton import Automaton
from newstide.entities.context import ALIAS, SURE
from newstide.entities.folding import fold_name
from newstide.entities.vocabulary import Entity, Kind, Name

HAN: Final = re.compile(r"[\u3400-\u9fff]")
_ACRONYM_CHARS_MAX: Final = 5
_TICKER: Final = re.compile(r"[A-Z]{3,5}$")
"""Symbols that may stand bare in a headline. Shorter ones need a form of their own: `$F`, `(NYSE: T)`."""


class Reading(NamedTuple):
    """One thing that a form may mean."""

    entity: int
    """Its place in the master."""
    text: str
    weak: bool
    full: bool
    """The entity's first name of its language."""
    capitals: bool
    """Written in capitals only: `BP`, and `TSLA`."""
    common: bool
    """A common noun, written in lower case: gold, the dollar."""
    han: bool
    ticker: bool
    """A symbol that stands in the text like a word."""
    code: bool = False
    """A symbol in a form that may be something else."""
    since: date | None = None
    until: date | None = None

    @property
    def is_plain(self) -> bool:
        """Whether no rule but that of word boundaries applies to it."""
        return not (self.weak or self.capitals or self.ticker or self.since or self.until)

    @property
    def sureness(self) -> float:
        """Its score where nothing speaks against it."""
        return SURE if self.full else ALIAS

    @property
    def reason(self) -> str:
        return "full name" if self.full else "symbol" if self.ticker else "name"


def bare_symbol(entity: int, code: str) -> Reading:
    """A symbol in a form that may be something else."""
    return Reading(entity, code, True, False, False, False, False, True, True)


class Names:
    """Two automata over the same names: one for texts of blanks and words, one for texts with Chinese characters."""

    def __init__(self, entities: Sequence[Entity], decoys: Iterable[str], common_words: Collection[str]) -> None:
        readings: dict[str, tuple[Reading, ...]] = {fold_name(decoy): () for decoy in decoys}
        self.listings: dict[tuple[str, str], list[tuple[int, date | None, date | None]]] = {}
        for place, entity in enumerate(entities):
            for form, reading in _readings(place, entity):
                readings[form] = (*readings.get(form, ()), reading)
        for place, entity in enumerate(entities):
            for listing in entity.listings:
                key = (listing.exchange, listing.symbol)
                self.listings.setdefault(key, []).append((place, listing.valid_from, listing.valid_to))
                if listing.exchange == "US" and _TICKER.match(listing.symbol):
                    form = listing.symbol.lower()
                    if form not in readings:  # a word, or a name, of somebody else comes first
                        weak = len(form) == 3 or form in common_words
                        dates = (listing.valid_from, listing.valid_to)
                        readings[form] = (Reading(place, listing.symbol, weak, False, True, False, False, True, False, *dates),)
        readings.pop("", None)
        self.mixed = Forms(readings)
        self.latin = Forms({f" {form}": found for form, found in readings.items() if not HAN.search(form)})


class Forms:
    """Forms that are sought together. `plain` has a reading where it is the only one and needs no weighing."""

    def __init__(self, readings: Mapping[str, tuple[Reading, ...]]) -> None:
        self.readings = list(readings.values())
        self.plain = [each[0] if len(each) == 1 and each[0].is_plain else None for each in self.readings]
        self.find = Automaton(list(readings)).find


def _readings(place: int, entity: Entity) -> Iterable[tuple[str, Reading]]:
    seen: set[str] = set()
    languages: set[str] = set()
    for name in entity.names:
        full = name.language not in languages
        languages.add(name.language)
        reading = _reading(place, name, full, entity.kind)
        for form in _forms(name.text):
            if form and form not in seen:
                seen.add(form)
                yield form, reading


def _reading(place: int, name: Name, full: bool, kind: Kind) -> Reading:
    han = HAN.search(name.text) is not None
    letters = [c for c in name.text if c.isalpha()]
    capitals = not han and all(c.isupper() for c in letters) and 0 < len(letters) <= _ACRONYM_CHARS_MAX
    common = not han and kind is not Kind.COMPANY and name.text.islower()
    return Reading(
        place, name.text, name.weak, full, capitals, common, han, False, False, name.valid_from, name.valid_to
    )


def _forms(text: str) -> Iterable[str]:
    """How a name is written: as it is, without its apostrophe, with `and` for its `&`."""
    form = fold_name(text)
    yield form
    if "'" in form:
        yield form.replace("'", "")
    if " & " in form:
        yield form.replace(" & ", " and ")
