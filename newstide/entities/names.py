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
_OFFICES: Final = frozenset({Kind.CENTRAL_BANK, Kind.REGULATOR, Kind.STATISTICS, Kind.BOND})
"""What each country has, and calls by the same words."""
_TICKER: Final = re.compile(r"[A-Z]{3,5}$")
"""Symbols that may stand bare in a headline. Shorter ones need a form of their own: `$F`, `(NYSE: T)`."""


class Reading(NamedTuple):
    """One thing that a form may mean."""

    entity: int
    """Its place in the master."""
    text: str
    weak: bool
    full: bool = False
    """The entity's first name of its language."""
    capitals: bool = False
    """Written in capitals only: `BP`, and `TSLA`."""
    common: bool = False
    """A common noun, written in lower case: gold, the dollar."""
    ends_common: bool = False
    """Several words, of which the last is an everyday one: in small letters it is that word (U.S. steel)."""
    han: bool = False
    ticker: bool = False
    """A symbol."""
    code: bool = False
    """A symbol in a form that may be something else."""
    guarded: str | None = None
    """Of a Chinese name that its neighbours can make another's: whose office it is, by country; empty: it is traded."""
    since: date | None = None
    until: date | None = None

    @property
    def is_plain(self) -> bool:
        """Whether no rule but that of word boundaries applies to it."""
        return not (
            self.weak or self.capitals or self.common or self.ends_common or self.ticker or self.since or self.until
            or self.guarded is not None
        )  # fmt: skip

    @property
    def sureness(self) -> float:
        """Its score where nothing speaks against it."""
        return SURE if self.full else ALIAS

    @property
    def reason(self) -> str:
        return "full name" if self.full else "symbol" if self.ticker else "name"


def bare_symbol(entity: int, code: str) -> Reading:
    """A symbol in a form that may be something else."""
    return Reading(entity, code, weak=True, ticker=True, code=True)


class Forms:
    """Forms that are sought together; in texts of words, each with the blank before it."""

    def __init__(self, readings: Mapping[str, tuple[Reading, ...]], blank: str) -> None:
        self._blank = blank
        self.readings = list(readings.values())
        self.plain = [
            (each[0].entity, each[0].sureness, each[0].reason) if len(each) == 1 and each[0].is_plain else None
            for each in self.readings
        ]
        """Entity, score and reason of a form that has one reading, which needs no weighing."""
        places = {form: place for place, form in enumerate(readings)}
        self._shorter = [_shorter(form, places) for form in readings]
        self._find = Automaton([blank + form for form in readings]).find

    def found_in(self, text: str) -> list[tuple[int, int, int]]:
        """(place of the form, start, end) of each that is a word of its own in a folded text; phrases that only stand
        in a name's place are left out.

        The longest match may end within a word, as `coca cola co` does before `comments`: then its beginning counts.
        """
        found = []
        blanks, readings = len(self._blank), self.readings
        for place, start, last in self._find(self._blank + text):
            form, end = place, last - blanks
            while not _is_free(text, start, end):
                beginning = self._shorter[form]
                if beginning is None:
                    break
                form, end = beginning[0], end - beginning[1]
            else:
                if readings[form]:
                    found.append((form, start, end))
        return found


def _is_free(text: str, start: int, end: int) -> bool:
    """Whether [start, end) of a folded text is a word of its own; only Latin letters and digits make longer words."""
    after = text[end : end + 2]
    if after and text[end - 1].isascii():
        if after[0].isascii() and after[0].isalnum():
            return False
        if after[0] == "&" and after[1:].isalnum():  # the T of T&D
            return False
    before = text[start - 1] if start else " "
    return before == " " or not (text[start].isascii() and before.isascii() and (before.isalnum() or before == "$"))


def _shorter(form: str, places: Mapping[str, int]) -> tuple[int, int] | None:
    """The longest other form that is the beginning of this one, with what to take off the end."""
    beginning = form
    while " " in beginning:
        beginning = beginning[: beginning.rindex(" ")].rstrip()
        if beginning in places:
            return places[beginning], len(form) - len(beginning)
    return None


class Names:
    """Two sets of the same names: for texts of words and blanks, and for texts with Chinese characters."""

    def __init__(self, entities: Sequence[Entity], decoys: Iterable[str], common_words: Collection[str]) -> None:
        readings: dict[str, tuple[Reading, ...]] = {fold_name(decoy): () for decoy in decoys}
        self.listings: dict[tuple[str, str], list[tuple[int, date | None, date | None]]] = {}
        for place, entity in enumerate(entities):
            for form, reading in _readings(place, entity, common_words):
                readings[form] = (*readings.get(form, ()), reading)
        tickers: dict[str, tuple[Reading, ...]] = {}
        for place, entity in enumerate(entities):
            for listing in entity.listings:
                key, dates = (listing.exchange, listing.symbol), (listing.valid_from, listing.valid_to)
                self.listings.setdefault(key, []).append((place, *dates))
                form = listing.symbol.lower()
                # A name, or a phrase, of somebody else comes first.
                if listing.exchange == "US" and _TICKER.match(listing.symbol) and form not in readings:
                    weak = len(form) == 3 or form in common_words
                    ticker = Reading(
                        place, listing.symbol, weak, capitals=True, ticker=True, since=dates[0], until=dates[1]
                    )
                    tickers[form] = (*tickers.get(form, ()), ticker)
        readings |= tickers
        readings.pop("", None)
        self.mixed = Forms(readings, "")
        self.latin = Forms({form: found for form, found in readings.items() if not HAN.search(form)}, " ")


def _readings(place: int, entity: Entity, common_words: Collection[str]) -> Iterable[tuple[str, Reading]]:
    seen: set[str] = set()
    languages: set[str] = set()
    for name in entity.names:
        reading = _reading(place, name, name.language not in languages, entity)
        languages.add(name.language)
        last = name.text.rpartition(" ")[2]
        if last != name.text and last[0].isupper() and last.lower() in common_words and not reading.capitals:
            reading = reading._replace(ends_common=True)
        for form in _forms(name.text):
            if form and form not in seen:
                seen.add(form)
                yield form, reading


def _reading(place: int, name: Name, full: bool, entity: Entity) -> Reading:
    han = HAN.search(name.text) is not None
    letters = [c for c in name.text if c.isalpha()]
    capitals = not han and all(c.isupper() for c in letters) and 0 < len(letters) <= _ACRONYM_CHARS_MAX
    common = not han and entity.kind is not Kind.COMPANY and name.text.islower()
    guarded = None
    if han and entity.kind in _OFFICES:
        guarded = entity.country
    elif han and entity.kind is Kind.COMMODITY:
        guarded = ""
    since, until = name.valid_from, name.valid_to
    return Reading(
        place, name.text, name.weak, full, capitals, common, han=han, guarded=guarded, since=since, until=until
    )


def _forms(text: str) -> Iterable[str]:
    """How a name is written: as it is, without its apostrophe, with `and` for its `&`."""
    form = fold_name(text)
    yield form
    if "'" in form:
        yield form.replace("'", "")
    if " & " in form:
        yield form.replace(" & ", " and ")
