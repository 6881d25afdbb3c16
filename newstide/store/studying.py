"""When each story became known, and what it said then: its first revision by its first score."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from sqlalchemy import and_, exists

from newstide.index.moments import Opinion, contribution
from newstide.index.prices import Known, end_of_day
from newstide.store import facts
from newstide.store.database import Database
from newstide.store.entity_schema import story_entities
from newstide.store.filters import LINKED, Filters, story_conditions
from newstide.store.known import first_score
from newstide.store.schema import scores, stories

Clock = Literal["stored", "published"]
"""`stored`: when it and its score were in this database, which is what could be acted on. `published`: by the
publisher's stamp, for an archive that was loaded later; a stamp at midnight counts as the end of its day."""


def known(database: Database, filters: Filters, clock: Clock) -> Iterator[Known]:
    """Stories that are no copies, each once. A later revision is news about news, and is left out."""
    older = stories.alias()
    earlier = and_(older.c.story_id == stories.c.story_id, older.c.revision < stories.c.revision)
    if filters.as_of is not None:  # a revision may come late, after the one that follows it
        earlier = and_(earlier, older.c.stored_at <= filters.as_of)
    first = ~exists().where(earlier)
    model = scores.c.model_version == filters.model if filters.model else first_score()
    query = facts.shown().add_columns(stories.c.stored_at.label("text_at"), scores.c.stored_at.label("score_at"))
    query = query.where(*story_conditions(filters), ~stories.c.withdrawn, first, model)
    if filters.as_of is not None:
        query = query.where(stories.c.stored_at <= filters.as_of, scores.c.stored_at <= filters.as_of)
    if filters.entity:
        names = ("relevance", "p_negative", "p_neutral", "p_positive", "label")
        columns = [story_entities.c[name].label(f"e_{name}") for name in names]
        query = query.join(story_entities, LINKED).where(story_entities.c.entity_id == filters.entity)
        query = query.add_columns(*columns)
    with database.transaction() as connection:
        for row in connection.execute(query.execution_options(yield_per=5_000)):
            fact = facts.fact_of_row(row)
            if fact.copy:
                continue
            opinion, relevance = fact.opinion, 1.0
            if filters.entity:
                opinion = Opinion(row.e_p_negative, row.e_p_neutral, row.e_p_positive, row.e_label)
                relevance = row.e_relevance
            at = max(row.text_at, row.score_at) if clock == "stored" else end_of_day(row.published_at)
            yield Known(at, contribution(opinion, relevance=relevance))
