"""What a model version says of a revision for those whom it is about, written with the score."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select

from newstide.messages import EntityOpinion, ScoredStory
from newstide.store.bulk import insert_new
from newstide.store.database import Database
from newstide.store.entity_schema import story_entities
from newstide.store.schema import Row

_KEY = ("story_id", "revision", "model_version", "entity_id")
ROWS_MAX = 10_000
"""Of one story: every revision under every model version, each with at most `linking.LINKS_MAX`."""


def add(connection: Connection, batch: Sequence[ScoredStory], now: datetime) -> None:
    """Store the opinions of stories that are in `writes.add_stories`'s order. What is there already stays."""
    rows = [_row(story, opinion, now) for story in batch for opinion in sorted(story.entities, key=_id)]
    insert_new(connection, story_entities, rows, _KEY)


def of_story(database: Database, story_id: str) -> dict[tuple[int, str], list[EntityOpinion]]:
    """By revision and model version, most relevant first."""
    query = (
        select(story_entities)
        .where(story_entities.c.story_id == story_id)
        .order_by(story_entities.c.relevance.desc(), story_entities.c.entity_id)
        .limit(ROWS_MAX)
    )
    found: dict[tuple[int, str], list[EntityOpinion]] = {}
    with database.transaction() as connection:
        for row in connection.execute(query):
            opinion = EntityOpinion(
                entity_id=row.entity_id,
                relevance=row.relevance,
                link_score=row.link_score,
                p_negative=row.p_negative,
                p_neutral=row.p_neutral,
                p_positive=row.p_positive,
                label=row.label,
                matched=row.matched,
                field=row.field,
                start=row.match_start,
                end=row.match_end,
            )
            found.setdefault((row.revision, row.model_version), []).append(opinion)
    return found


def _id(opinion: EntityOpinion) -> str:
    return opinion.entity_id


def _row(story: ScoredStory, opinion: EntityOpinion, now: datetime) -> Row:
    return {
        "story_id": story.item.story_id,
        "revision": story.item.revision,
        "model_version": story.model_version,
        "entity_id": opinion.entity_id,
        "relevance": opinion.relevance,
        "link_score": opinion.link_score,
        "matched": opinion.matched,
        "field": opinion.field,
        "match_start": opinion.start,
        "match_end": opinion.end,
        "p_negative": opinion.p_negative,
        "p_neutral": opinion.p_neutral,
        "p_positive": opinion.p_positive,
        "score": opinion.score,
        "label": opinion.label,
        "entities_version": story.entities_version,
        "stored_at": now,
    }
