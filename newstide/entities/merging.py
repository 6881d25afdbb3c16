"""What an import or an edit changes in a master. Pure: the decision is made here, the store only carries it out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from newstide.entities.folding import fold_name
from newstide.entities.listings import Row
from newstide.entities.vocabulary import NAMES_MAX, Entity, Name


class Change(NamedTuple):
    """An entity before and after; `before` is None for a new one."""

    before: Entity | None
    after: Entity


class Refused(NamedTuple):
    line: int
    why: str


@dataclass(slots=True)
class Outcome:
    """What became of the lines of a file: lines = added + changed + unchanged + refused."""

    changes: dict[str, Change] = field(default_factory=dict)
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: list[Refused] = field(default_factory=list)


class _Index:
    """Where to look for the entity that a line means."""

    def __init__(self, entities: Iterable[Entity]) -> None:
        self.by_id: dict[str, Entity] = {}
        self.by_listing: dict[tuple[str, str], str] = {}
        self.by_name: dict[str, str] = {}
        for entity in entities:
            self.put(entity)

    def put(self, entity: Entity) -> None:
        self.by_id[entity.entity_id] = entity
        for listing in entity.listings:
            if listing.valid_to is None:
                self.by_listing[listing.exchange, listing.symbol] = entity.entity_id
        for name in entity.names:
            self.by_name.setdefault(fold_name(name.text), entity.entity_id)

    def find(self, entity: Entity) -> Entity | None:
        """By a listing that stands; else by a name, unless countries differ or both are listed in one place."""
        for listing in entity.listings:
            known = self.by_listing.get((listing.exchange, listing.symbol))
            if known:
                return self.by_id[known]
        for name in entity.names:
            known = self.by_name.get(fold_name(name.text))
            if known and _may_be(self.by_id[known], entity):
                return self.by_id[known]
        return None


def _may_be(known: Entity, new: Entity) -> bool:
    places = {listing.exchange for listing in known.listings if listing.valid_to is None}
    same_place = any(listing.exchange in places for listing in new.listings)
    return not same_place and (not known.country or not new.country or known.country == new.country)


def replace(master: Iterable[Entity], rows: Iterable[Row]) -> Outcome:
    """Rows of our own table: each says all of its entity, and takes the place of what was known."""
    index, outcome = _Index(master), Outcome()
    for row in rows:
        if row.entity is None:
            outcome.refused.append(Refused(row.line, row.why))
        else:
            _put(index, outcome, index.by_id.get(row.entity.entity_id), row.entity)
    return outcome


def add_to(master: Iterable[Entity], rows: Iterable[Row]) -> Outcome:
    """Rows of somebody else's list: they add an entity, or names and a listing to a known one; they take nothing."""
    index, outcome = _Index(master), Outcome()
    for row in rows:
        if row.entity is None:
            outcome.refused.append(Refused(row.line, row.why))
            continue
        known = index.find(row.entity)
        if known is not None:
            _put(index, outcome, known, _joined(known, row.entity))
        elif row.entity.entity_id in index.by_id:
            outcome.refused.append(Refused(row.line, f"the id {row.entity.entity_id} is another entity's"))
        else:
            _put(index, outcome, None, row.entity)
    return outcome


def _put(index: _Index, outcome: Outcome, known: Entity | None, entity: Entity) -> None:
    if known == entity:
        outcome.unchanged += 1
        return
    first = outcome.changes.get(entity.entity_id)
    outcome.changes[entity.entity_id] = Change(first.before if first else known, entity)
    index.put(entity)
    if known is None:
        outcome.added += 1
    else:
        outcome.changed += 1


def _joined(known: Entity, new: Entity) -> Entity:
    """What was known, with the Chinese names, the listing and the sector that are new. English names of a listing are
    the exchange's own abbreviations (CKH HOLDINGS): an entity that has one keeps to it."""
    have = {fold_name(name.text) for name in known.names}
    languages = {name.language for name in known.names}
    names: list[Name] = [
        name
        for name in new.names
        if fold_name(name.text) not in have and (name.language == "zh" or "en" not in languages)
    ]
    listed = {(each.exchange, each.symbol) for each in known.listings}
    listings = [each for each in new.listings if (each.exchange, each.symbol) not in listed]
    return msgspec.structs.replace(
        known,
        names=(*known.names, *names)[:NAMES_MAX],
        listings=(*known.listings, *listings),
        sector=known.sector or new.sector,
        country=known.country or new.country,
    )
