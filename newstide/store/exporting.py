"""Rows of stories for export: a stream of one reading, in the order of publication, however many there are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import select

from newstide.novelty.cluster import WINDOWS
from newstide.store.database import Database
from newstide.store.entity_schema import story_entities
from newstide.store.filters import LINKED, Filters, story_conditions
from newstide.store.known import OF_TEXT, SAME_TEXT, in_view
from newstide.store.novelty_tables import story_novelty
from newstide.store.schema import scores, stories
from newstide.store.summing import By, sums
from newstide.tables import Column

FETCHED: Final = 2_000
"""Rows that the database hands over at once."""

_TEXT: Final = (
    Column("story_id", "text"), Column("revision", "int"), Column("source", "text"), Column("tier", "int"),
    Column("language", "text"), Column("title", "text"), Column("url", "text"), Column("symbols", "texts"),
    Column("flags", "texts"), Column("published_at", "time"), Column("received_at", "time"),
)  # fmt: skip
_SCORE: Final = (
    Column("scored_at", "time"), Column("stored_at", "time"), Column("model_version", "text"),
    Column("p_negative", "float"), Column("p_neutral", "float"), Column("p_positive", "float"),
    Column("score", "float"), Column("label", "text"), Column("topic", "text"), Column("p_topic", "float"),
)  # fmt: skip
_NOVELTY: Final = (
    Column("cluster_id", "text"), Column("copies", "int"), Column("independent_sources", "int"),
    Column("first_seen_at", "time"), *(Column(name, "int") for name in WINDOWS), Column("days_since_similar", "float"),
)  # fmt: skip
"""Of the revision when it came; None where it was not looked for. `copies` above 0: it repeats an earlier story."""
_LINK: Final = (
    Column("entity_id", "text"), Column("relevance", "float"), Column("link_score", "float"),
    Column("matched", "text"), Column("field", "text"), Column("match_start", "int"), Column("match_end", "int"),
    Column("entities_version", "text"), Column("p_negative", "float"),
    Column("p_neutral", "float"), Column("p_positive", "float"), Column("score", "float"), Column("label", "text"),
)  # fmt: skip
_SHARED: Final = ("topic", "model_version", "scored_at", "stored_at")

STORIES: Final = (*_TEXT, *_NOVELTY, *_SCORE)
"""One row a story of the view."""
ENTITIES: Final = (*_TEXT, *_NOVELTY, *(column for column in _SCORE if column.name in _SHARED), *_LINK)
"""One row for each entity that is linked in a story of the view, with what the story is for it."""


def estimate(database: Database, filters: Filters, links: bool = False) -> int:
    """How many rows there are at most, from rollups: at once, at any size. Labels and words are not in it.

    With `links` of `entity_rows`; a story is one row of those of one entity.
    """
    by: By = "entity_id" if links and not filters.entity else ""
    with database.transaction() as connection:
        return sum(each.moments.count + each.moments.copies for each in sums(connection, filters, by=by))


def story_rows(database: Database, filters: Filters) -> Iterator[tuple[Any, ...]]:
    """Rows of STORIES."""
    yield from _rows(database, filters, [*_text(), *(scores.c[c.name] for c in _SCORE)])


def entity_rows(database: Database, filters: Filters) -> Iterator[tuple[Any, ...]]:
    """Rows of ENTITIES; of `filters.entity` alone where it is set."""
    shared = [scores.c[c.name] for c in _SCORE if c.name in _SHARED]
    yield from _rows(database, filters, [*_text(), *shared, *(story_entities.c[c.name] for c in _LINK)])


def _text() -> list[Any]:
    return [*(stories.c[c.name] for c in _TEXT), *(story_novelty.c[c.name] for c in _NOVELTY)]


def _rows(database: Database, filters: Filters, columns: list[Any]) -> Iterator[tuple[Any, ...]]:
    query = select(*columns).select_from(stories.join(scores, SAME_TEXT).outerjoin(story_novelty, OF_TEXT))
    order = [stories.c.published_at, stories.c.story_id]
    if columns[-1].table is story_entities:
        query = query.join(story_entities, LINKED)
        order.append(story_entities.c.entity_id)
        if filters.entity:
            query = query.where(story_entities.c.entity_id == filters.entity)
    query = query.where(*story_conditions(filters), in_view(filters.as_of, filters.model)).order_by(*order)
    with database.transaction() as connection:
        for row in connection.execute(query.execution_options(yield_per=FETCHED)):
            yield tuple(row)
