"""What a rule calls companies and lists, found in the entity master and in the lists there are. Pure."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final

import msgspec

from newstide.alerting.rules import BadRule, Clause, Rule, StoryClause, Subject, SubjectKind
from newstide.entities.folding import fold_name
from newstide.entities.vocabulary import Entity
from newstide.topics import TOPICS

SUGGESTED_MAX: Final = 3


class Names:
    """Everybody and everything that a rule may name, as of now. Made once for many rules."""

    def __init__(self, master: Iterable[Entity], watchlists: Collection[str] = ()) -> None:
        self._entities = {entity.entity_id: entity for entity in master}
        self._watchlists = watchlists
        self._sectors = {entity.sector for entity in self._entities.values() if entity.sector}
        self._symbols: dict[str, list[str]] = {}
        self._called: dict[str, list[str]] = {}
        self._weakly: dict[str, list[str]] = {}
        for entity in self._entities.values():
            for listing in entity.listings:
                if listing.valid_to is None:
                    for symbol in (listing.symbol, f"{listing.exchange}:{listing.symbol}"):
                        _add(self._symbols, symbol.upper(), entity.entity_id)
            for name in entity.names:
                _add(self._weakly if name.weak else self._called, fold_name(name.text), entity.entity_id)

    def with_watchlists(self, more: Iterable[str]) -> Names:
        """The same with lists that are about to be made."""
        other = copy.copy(self)
        other._watchlists = {*self._watchlists, *more}
        return other

    def entity(self, text: str, field: str = "subject") -> str:
        """The id of whoever is called so, by id, symbol or name. Raises BadRule, with what it may have meant."""
        for found in self._readings(text):
            if len(found) == 1:
                return found[0]
            if found:
                raise BadRule(field, f"{text!r} may be {_either(found)}; write the id")
        raise BadRule(field, f"nobody is called {text!r}{self._instead(text)}")

    def _readings(self, text: str) -> Iterator[Sequence[str]]:
        """From the surest way to call somebody to the least."""
        yield [text] if text in self._entities else []
        yield self._symbols.get(text.upper(), [])
        yield self._called.get(fold_name(text), [])
        yield self._weakly.get(fold_name(text), [])

    def _instead(self, text: str) -> str:
        known = [*self._entities, *self._called]
        near = difflib.get_close_matches(fold_name(text)[:64], known, n=SUGGESTED_MAX, cutoff=0.75)
        ids = list(dict.fromkeys(each for name in near for each in self._called.get(name, [name])))
        return f"; did you mean {_either(ids[:SUGGESTED_MAX])}?" if ids else ""

    def resolved(self, rule: Rule) -> Rule:
        """The rule with ids for names. Raises BadRule for what there is not."""
        return msgspec.structs.replace(
            rule,
            subject=self._subject(rule.subject),
            any_of=tuple(tuple(self._clause(clause) for clause in each) for each in rule.any_of),
        )

    def _subject(self, subject: Subject) -> Subject:
        match subject.kind:
            case SubjectKind.ENTITY:
                return Subject(subject.kind, self.entity(subject.name))
            case SubjectKind.WATCHLIST:
                _among("subject", "watchlist", subject.name, self._watchlists)
            case SubjectKind.SECTOR:
                _among("subject", "sector", subject.name, self._sectors)
            case SubjectKind.TOPIC:
                _among("subject", "topic", subject.name, TOPICS)
            case _:
                pass  # any source may yet come
        return subject

    def _clause(self, clause: Clause) -> Clause:
        if not isinstance(clause, StoryClause):
            return clause
        if clause.topic:
            _among("topic", "topic", clause.topic, TOPICS)
        if clause.mentions:
            return msgspec.structs.replace(clause, mentions=self.entity(clause.mentions, "mentions"))
        return clause

    def shown(self, entity_id: str) -> str:
        """The name to show; the id where there is none."""
        entity = self._entities.get(entity_id)
        return entity_id if entity is None else entity.name("en")

    def of_sector(self, sector: str) -> list[str]:
        return [each.entity_id for each in self._entities.values() if each.sector == sector]


def _add(index: dict[str, list[str]], key: str, entity_id: str) -> None:
    if entity_id not in index.setdefault(key, []):
        index[key].append(entity_id)


def _among(field: str, what: str, name: str, known: Collection[str]) -> None:
    if name not in known:
        near = difflib.get_close_matches(name, known, n=SUGGESTED_MAX)
        hint = f"; did you mean {_either(near)}?" if near else ""
        raise BadRule(field, f"there is no {what} {name!r}{hint}")


def _either(some: Sequence[str]) -> str:
    return " or ".join(some)
