"""Stories as the rollups know them, from a message or from rows; both give the same sums."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, select

from newstide.index.moments import Fact, Opinion, Towards
from newstide.messages import ScoredStory
from newstide.store.entity_schema import story_entities
from newstide.store.known import OF_TEXT, SAME_TEXT
from newstide.store.novelty_tables import story_novelty
from newstide.store.schema import scores, stories

KEYS_A_QUERY: Final = 500


class StoredFact(NamedTuple):
    story_id: str
    revision: int
    fact: Fact


def fact_of(story: ScoredStory) -> Fact:
    item = story.item
    return Fact(
        published_at=item.published_at,
        language=item.language,
        source=item.source,
        tier=story.tier,
        topic=story.topic or "",
        copy=story.is_copy,
        opinion=Opinion(story.p_negative, story.p_neutral, story.p_positive, story.label),
        entities=tuple(
            Towards(e.entity_id, e.relevance, Opinion(e.p_negative, e.p_neutral, e.p_positive, e.label))
            for e in story.entities
        ),
        withdrawn=item.withdrawn,
    )


def shown() -> Select[Any]:
    """A row for each score, with all that `fact_of_row` reads."""
    return select(
        stories.c.story_id, stories.c.revision, scores.c.model_version, stories.c.published_at, stories.c.language,
        stories.c.source, stories.c.tier, stories.c.withdrawn, scores.c.topic, story_novelty.c.copies,
        scores.c.p_negative, scores.c.p_neutral, scores.c.p_positive, scores.c.label,
    ).select_from(stories.join(scores, SAME_TEXT).outerjoin(story_novelty, OF_TEXT))  # fmt: skip


def fact_of_row(row: Any, entities: tuple[Towards, ...] = ()) -> Fact:
    opinion = Opinion(row.p_negative, row.p_neutral, row.p_positive, row.label)
    copy = bool(row.copies)
    place = (row.published_at, row.language, row.source, row.tier, row.topic or "")
    return Fact(*place, copy, opinion, entities, row.withdrawn)


def read(connection: Connection, query: Select[Any]) -> list[StoredFact]:
    """The facts of the rows of a query that was made from `shown`, in its order, with their entities."""
    return _facts(connection, connection.execute(query).all())


def stream(connection: Connection, query: Select[Any], rows_max: int) -> Iterator[list[StoredFact]]:
    """As `read`, for more than memory holds: so many at a time, of one pass over the tables."""
    for rows in connection.execute(query, execution_options={"yield_per": rows_max}).partitions():
        yield _facts(connection, rows)


def _facts(connection: Connection, rows: Sequence[Any]) -> list[StoredFact]:
    entities = _entities(connection, sorted({row.story_id for row in rows}))
    return [
        StoredFact(
            row.story_id,
            row.revision,
            fact_of_row(row, tuple(entities.get((row.story_id, row.revision, row.model_version), ()))),
        )
        for row in rows
    ]


def _entities(connection: Connection, story_ids: Sequence[str]) -> dict[tuple[str, int, str], list[Towards]]:
    found: dict[tuple[str, int, str], list[Towards]] = {}
    for some in cut(story_ids):
        query = select(story_entities).where(story_entities.c.story_id.in_(some))
        for row in connection.execute(query.order_by(story_entities.c.entity_id)):
            found.setdefault((row.story_id, row.revision, row.model_version), []).append(towards_of_row(row))
    return found


def towards_of_row(row: Any) -> Towards:
    opinion = Opinion(row.p_negative, row.p_neutral, row.p_positive, row.label)
    return Towards(row.entity_id, row.relevance, opinion)


def cut(keys: Sequence[str]) -> list[Sequence[str]]:
    return [keys[first : first + KEYS_A_QUERY] for first in range(0, len(keys), KEYS_A_QUERY)]


def among(story_ids: Sequence[str]) -> ColumnElement[bool]:
    return stories.c.story_id.in_(story_ids)
