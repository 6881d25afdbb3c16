"""Which stories a question is about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, FromClause, and_, exists

from newstide.messages import Label, Language
from newstide.store.entity_schema import story_entities
from newstide.store.schema import scores, stories


@dataclass(frozen=True, slots=True)
class Filters:
    """Which stories. Empty means all. Times are of publication: from `since` on, before `until`."""

    since: datetime | None = None
    until: datetime | None = None
    languages: tuple[Language, ...] = ()
    sources: tuple[str, ...] = ()
    labels: tuple[Label, ...] = ()
    text: str = ""
    """Words of the title, each of which must occur."""
    topics: tuple[str, ...] = ()
    tiers: tuple[int, ...] = ()
    entity: str = ""
    """An entity's id: only stories that are linked to it; an index is then of what they are for it."""
    as_of: datetime | None = None
    """As it was known then; None: now. See `newstide.store.known`."""
    model: str = ""
    """A model version; '': what the model in use said when a story came."""


def scope_conditions(filters: Filters) -> list[ColumnElement[bool]]:
    """What an index can be narrowed to, on `stories` joined to `scores`."""
    conditions: list[ColumnElement[bool]] = []
    for column, wanted in (
        (stories.c.language, filters.languages),
        (stories.c.source, filters.sources),
        (stories.c.tier, filters.tiers),
        (scores.c.topic, filters.topics),
    ):
        if wanted:
            conditions.append(column.in_(wanted))
    return conditions


def story_conditions(filters: Filters) -> list[ColumnElement[bool]]:
    """Everything but the view, for a list of stories."""
    conditions = scope_conditions(filters)
    if filters.since is not None:
        conditions.append(stories.c.published_at >= filters.since)
    if filters.until is not None:
        conditions.append(stories.c.published_at < filters.until)
    if filters.labels:
        conditions.append(scores.c.label.in_(filters.labels))
    if filters.entity:
        theirs = story_entities.alias()  # a query that joins the links itself must not take these for its own
        conditions.append(exists().where(_linked(theirs), theirs.c.entity_id == filters.entity))
    conditions += [stories.c.title.icontains(word, autoescape=True) for word in filters.text.split()]
    return conditions


def _linked(links: FromClause) -> ColumnElement[bool]:
    return and_(*(links.c[name] == scores.c[name] for name in ("story_id", "revision", "model_version")))


LINKED: Final = _linked(story_entities)
"""The links of a score."""
