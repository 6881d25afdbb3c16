"""What one found name is worth: the rules of boundaries, capitals and evidence, put together. Pure."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Final, Literal, NamedTuple

from newstide.entities import context, places
from newstide.entities.context import ALIAS, LINKED, SUPPORT, SURE, WEAK, Style, Weighed
from newstide.entities.folding import fold
from newstide.entities.names import Reading
from newstide.entities.vocabulary import Kind, in_force

Field = Literal["title", "body"]
Place = tuple[Field, int]
"""A position in the original title or body."""

_RATE_SETTERS: Final = frozenset({Kind.CENTRAL_BANK, Kind.REGULATOR, Kind.STATISTICS, Kind.ORGANISATION, Kind.THEME})
_TELLING_CODE_CHARS: Final = 4
"""A code of so many characters, alone in brackets, is hardly anything else; shorter ones are often (IPO), (UK)."""
_NOTHING: Final = Weighed(0.0, "")


class Passage:
    """A title or a body, folded, with its style read when it is first asked for."""

    __slots__ = ("_style", "field", "folded", "original")

    def __init__(self, field: Field, original: str) -> None:
        self.field, self.original, self.folded = field, original, fold(original)
        self._style: Style | None = None

    @property
    def style(self) -> Style:
        if self._style is None:
            self._style = context.style_of(self.original)
        return self._style


class Hit(NamedTuple):
    """Where a name stands: in the folded text, and in the original."""

    passage: Passage
    first: int
    last: int
    start: int
    end: int
    readings: tuple[Reading, ...]

    @property
    def text(self) -> str:
        return self.passage.original[self.start : self.end]


def is_certain(hit: Hit, on: date | None) -> bool:
    """Whether a name can only mean one entity, so that it supports weaker names of the same one."""
    if len(hit.readings) != 1:
        return False
    reading = hit.readings[0]
    if reading.guarded is not None and _is_anothers(reading.guarded, hit):
        return False
    return not reading.weak and not reading.ticker and _holds(reading, on) and _capital_rule(reading, hit)


def weigh(
    hit: Hit, kinds: list[Kind], named: Collection[int], beside: Collection[Place], on: date | None
) -> tuple[Reading, Weighed] | None:
    """The likeliest reading with its score; None when no reading can be meant, or two are equally likely.

    `named` are entities that the story names beyond doubt, `beside` the places where a list of them goes on.
    """
    listed = (hit.passage.field, hit.start) in beside or (hit.passage.field, hit.end) in beside
    best: tuple[Reading, Weighed] | None = None
    tied = False
    for reading in hit.readings:
        if not _holds(reading, on):
            continue
        found = _weigh(reading, hit, kinds[reading.entity], reading.entity in named, listed)
        if best is None or found.score > best[1].score:
            best, tied = (reading, found), False
        elif found.score == best[1].score and reading.entity != best[0].entity:
            tied = True
    return None if tied else best


def _holds(reading: Reading, on: date | None) -> bool:
    return on is None or in_force(reading.since, reading.until, on)


def _weigh(reading: Reading, hit: Hit, kind: Kind, supported: bool, listed: bool) -> Weighed:
    if not _capital_rule(reading, hit):
        return _NOTHING._replace(reason="not written as a name")
    if reading.guarded is not None and _is_anothers(reading.guarded, hit):
        return _NOTHING._replace(reason="part of another name")
    if not reading.weak:
        return Weighed(reading.sureness, reading.reason)
    if reading.code:
        if supported:
            return Weighed(SURE, "symbol of an entity that is named")
        return Weighed(LINKED if len(reading.text) >= _TELLING_CODE_CHARS else WEAK, "bare symbol")
    score, reason = _evidence(reading, hit, kind)
    if supported:
        score, reason = score + SUPPORT, "named beyond doubt in the same story"
    elif listed and reading.han and kind is Kind.COMPANY:
        score, reason = score + context.AFTER, "in a list of companies"
    return Weighed(round(max(0.0, min(ALIAS, WEAK + score)), 3), reason or "means other things too")


def _is_anothers(country: str, hit: Hit) -> bool:
    """Whether what stands beside a Chinese office or a thing traded makes it somebody else's name."""
    text = hit.passage.folded.text
    if country:
        return places.is_of_elsewhere(text, hit.first, country)
    return places.is_of_a_firm(text, hit.last)


def _capital_rule(reading: Reading, hit: Hit) -> bool:
    """`Target` is never `target` in a text that uses capitals, `BP` never `Bp`, `gold` hardly `Corvus Gold`."""
    text, original = hit.text, hit.passage.original
    if reading.han or reading.code:
        return True
    if reading.ticker:
        return text.isupper() and not (reading.weak and original.isupper())
    if text.islower():
        return reading.common or not (reading.weak or reading.capitals) or original.islower()
    if reading.capitals:
        return text.isupper()
    if reading.common and hit.passage.style == "sentence":
        return context.begins(original, hit.start) and not context.is_named_after(hit.passage.folded.text, hit.last)
    return not reading.ends_common or text[text.rfind(" ") + 1].isupper()


def _evidence(reading: Reading, hit: Hit, kind: Kind) -> tuple[float, str]:
    """What the words around a name and its capital add to WEAK, and why."""
    text, first, last = hit.passage.folded.text, hit.first, hit.last
    if reading.ticker or reading.han:
        return _han_evidence(hit) if reading.han else (0.0, "")
    traded = kind is not Kind.COMPANY and kind not in _RATE_SETTERS
    if kind is Kind.COMPANY:
        score, reason = context.company_evidence(text, first, last)
    else:
        evidence = context.market_evidence if traded else context.bank_evidence
        score, reason = evidence(text, first, last)
    # EUR 0.14 is a price, and gold is written small: their capitals say nothing.
    silent = traded and (reading.common or reading.capitals)
    if score < 0 or silent or hit.passage.style != "sentence":
        return score, reason
    return _capital_evidence(hit, kind, score, reason)


def _han_evidence(hit: Hit) -> tuple[float, str]:
    score, reason = context.han_evidence(hit.passage.folded.text, hit.first, hit.last)
    if not score and context.heads(hit.passage.original, hit.start, hit.end):
        return context.VERB, "it heads the headline"
    return score, reason


def _capital_evidence(hit: Hit, kind: Kind, score: float, reason: str) -> tuple[float, str]:
    """What a capital adds in a sentence, where it is not just that of its first word."""
    original = hit.passage.original
    if score < context.AFTER and kind is Kind.COMPANY and context.precedes_capital(original, hit.end):
        return context.AGAINST, "part of another name"
    if not context.begins(original, hit.start):
        if not context.follows_capital(original, hit.start):
            return score + context.CAPITAL, reason or "a capital in the middle of a sentence"
    elif not score and context.verb_evidence(hit.passage.folded.text, hit.last):
        return context.VERB, "a verb follows"
    return score, reason
