"""Scored stories for the contract suites of the store."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from newstide.messages import EntityOpinion, Language, NewsItem, ScoredStory, content_hash_of, story_id_of
from newstide.store.database import Database

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)

HOSTILE = (
    'O\'Brien "quoted" \\ back\\slash; DROP TABLE stories;--',
    "tab\tand\nnew\rline",
    "\\N and \\. as COPY knows them",
    "😀 👩‍👩‍👧 emoji",
    "央行降准0.5个百分点，A股三大指数集体收涨",
    "\u202eright to left\u202c مرحبا",
    "100% _sure_ [x] {y} $1 :name %(s)s ?",
    "<script>alert(1)</script>",
    "e\u0301 combining, zero\u200bwidth",
)


def count(database: Database, table: str) -> int:
    with database.transaction() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())  # noqa: S608 - our names


def scored(
    number: int,
    *,
    title: str = "",
    revision: int = 1,
    model: str = "m-1",
    score: float = 0.0,
    minute: float = 0,
    wire: tuple[Language, str] = ("en", "wire"),
    **more: Any,
) -> ScoredStory:
    """Story `number`, its score spread so that p_positive - p_negative is `score` and the label follows its sign.

    `more` are further fields of the ScoredStory.
    """
    said = title or f"Story {number}"
    language, source = wire
    at = NOON + timedelta(minutes=minute)
    item = NewsItem(
        story_id=story_id_of("test", str(number)),
        revision=revision,
        content_hash=content_hash_of(said.encode("utf-8", "replace").decode(), ""),
        source=source,
        title=said,
        language=language,
        published_at=at,
        received_at=at,
        symbols=("ACME",),
    )
    return ScoredStory(
        item=item,
        model_version=model,
        tokenizer_hash="t",
        p_negative=max(0.0, -score),
        p_neutral=1 - abs(score),
        p_positive=max(0.0, score),
        label="positive" if score > 0 else "negative" if score < 0 else "neutral",
        scored_at=at,
        **more,
    )


def towards(entity_id: str, score: float, relevance: float = 1.0) -> EntityOpinion:
    """What a story is for an entity, its score spread as in `scored`."""
    return EntityOpinion(
        entity_id=entity_id,
        relevance=relevance,
        p_negative=max(0.0, -score),
        p_neutral=1 - abs(score),
        p_positive=max(0.0, score),
        label="positive" if score > 0 else "negative" if score < 0 else "neutral",
    )
