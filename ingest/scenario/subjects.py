"""The invented companies of the day as entities, so that the demo says whom its stories are about. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ingest.scenario.day import Cast, Company
from newstide.entities.merging import Change, Outcome
from newstide.entities.vocabulary import Entity, Kind, Name


def entities_of(cast: Cast) -> list[Entity]:
    """One for each company, under an id that no real one has; without listings, for its symbol may be somebody's."""
    return [_entity(company) for company in cast.companies]


def taken_in(cast: Cast, master: Sequence[Entity]) -> Outcome:
    """What the master lacks of the cast."""
    known = {each.entity_id for each in master}
    new = [each for each in entities_of(cast) if each.entity_id not in known]
    return Outcome({each.entity_id: Change(None, each) for each in new}, added=len(new))


def _entity(company: Company) -> Entity:
    short = company.name_en.partition(" ")[0]  # the first words are coined: they mean nothing else
    return Entity(
        entity_id=f"demo-{company.ticker.lower()}",
        kind=Kind.COMPANY,
        names=(
            Name(text=company.name_en, language="en"),
            *(Name(text=text, language="en") for text in (short,) if text != company.name_en),
            Name(text=company.name_zh, language="zh"),
        ),
        country=company.country,
        sector=company.sector,
    )
