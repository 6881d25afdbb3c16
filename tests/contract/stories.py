"""Scored stories for the contract suites of the store."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import structs
from sqlalchemy import text

from newstide.messages import EntityOpinion, Language, NewsItem, Novelty, ScoredStory, content_hash_of, story_id_of
from newstide.store import writes
from newstide.store.bulk import insert_new
from newstide.store.database import Database
from newstide.store.novelty_tables import story_novelty

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

    `more` are further fields of the ScoredStory, and `withdrawn`.
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
        withdrawn=more.pop("withdrawn", False),
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
        link_score=1.0,
        matched=entity_id,
        field="title",
        start=0,
        end=len(entity_id),
    )


def like(cluster: int, copies: int) -> Novelty:
    """Of a story in the cluster that began with story `cluster`."""
    return Novelty(
        cluster_id=story_id_of("test", str(cluster)), copies=copies, independent_sources=1, first_seen_at=NOON
    )


def store(database: Database, batch: Iterable[ScoredStory], now: datetime = NOON) -> None:
    """Write as a processor does: the stories, and what was known of their like."""
    batch = list(batch)
    told = [
        {"story_id": s.item.story_id, "revision": s.item.revision, "stored_at": now} | structs.asdict(s.novelty)
        for s in sorted(batch, key=lambda s: s.key)
        if s.novelty is not None
    ]
    with database.transaction() as connection:
        writes.add_stories(connection, batch, now)
        insert_new(connection, story_novelty, told, ("story_id",))
