"""Stored stories that a model version has not scored."""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import exists, select, tuple_

from newstide.messages import NewsItem
from newstide.store.database import Database
from newstide.store.filters import Filters, story_conditions
from newstide.store.known import SAME_TEXT, first_score
from newstide.store.schema import scores, stories

AT_ONCE: Final = 256
"""Stories of one transaction, as of a processor's turn."""

Place = tuple[datetime, str, int]
"""Publication, story id and revision: the order in which they come."""


class Pending(NamedTuple):
    item: NewsItem
    tier: int

    @property
    def place(self) -> Place:
        return self.item.published_at, self.item.story_id, self.item.revision


def pending(database: Database, filters: Filters, model_version: str, after: Place | None) -> list[Pending]:
    """The next AT_ONCE revisions behind `after`; empty when there are no more."""
    theirs = scores.alias()
    done = exists().where(
        theirs.c.story_id == stories.c.story_id,
        theirs.c.revision == stories.c.revision,
        theirs.c.model_version == model_version,
    )
    names = [name for name in NewsItem.__struct_fields__ if name in stories.c]
    place = (stories.c.published_at, stories.c.story_id, stories.c.revision)
    query = (
        select(*(stories.c[name] for name in names), stories.c.tier)
        .join_from(stories, scores, SAME_TEXT)
        .where(*story_conditions(filters), first_score(), ~done)
        .order_by(*place)
        .limit(AT_ONCE)
    )
    if after is not None:
        query = query.where(tuple_(*place) > tuple_(*after))
    with database.transaction() as connection:
        rows = connection.execute(query).all()
    found = []
    for row in rows:
        fields = {name: row._mapping[name] for name in names}
        fields |= {"symbols": tuple(row.symbols), "flags": tuple(row.flags)}
        found.append(Pending(NewsItem(**fields), row.tier))
    return found
