"""Stored stories as they once were announced, and the hours of a subject: what rules are rehearsed and measured on."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, and_, select

from newstide.alerting.engine import LIVE_WITHIN
from newstide.index.levels import HOUR
from newstide.index.moments import Moments
from newstide.messages import EntityOpinion, NewsItem, Novelty, ScoredStory, ScoreKey
from newstide.store.entity_schema import story_entities
from newstide.store.facts import cut
from newstide.store.filters import Filters
from newstide.store.indexing import at_hour
from newstide.store.known import SAME_TEXT, first_score
from newstide.store.novelty_tables import story_novelty
from newstide.store.schema import scores, stories
from newstide.store.summing import sums

_NOVELTY: Final = tuple(name for name in Novelty.__struct_fields__)
_SAID: Final = and_(story_novelty.c.story_id == stories.c.story_id, story_novelty.c.revision == stories.c.revision)


def announced(
    connection: Connection, since: datetime, until: datetime, entity_ids: Collection[str] | None = None
) -> Iterator[ScoredStory]:
    """Every revision published within, with its first score, in the order in which it became known: that of receipt,
    and of publication where an archive was received years later. A day is held in memory at a time.

    `entity_ids`: only stories that are linked to one of these.
    """
    day = since
    while day < until:
        end = min(until, day + timedelta(days=1))
        yield from sorted(_of(connection, day, end, entity_ids), key=arrival)
        day = end


def arrival(story: ScoredStory) -> tuple[datetime, datetime, str, int]:
    item = story.item
    live = item.received_at - item.published_at <= LIVE_WITHIN
    return item.received_at if live else item.published_at, item.published_at, item.story_id, item.revision


def _of(
    connection: Connection, since: datetime, until: datetime, entity_ids: Collection[str] | None
) -> list[ScoredStory]:
    columns: tuple[Any, ...] = (
        stories, scores.c.model_version, scores.c.tokenizer_hash, scores.c.p_negative, scores.c.p_neutral,
        scores.c.p_positive, scores.c.label, scores.c.scored_at, scores.c.topic, scores.c.p_topic,
        *(story_novelty.c[name].label(f"n_{name}") for name in _NOVELTY),
    )  # fmt: skip
    query = (
        select(*columns)
        .select_from(stories.join(scores, SAME_TEXT).outerjoin(story_novelty, _SAID))
        .where(stories.c.published_at >= since, stories.c.published_at < until, first_score())
    )
    if entity_ids is not None:
        linked = select(story_entities.c.story_id).where(story_entities.c.entity_id.in_(sorted(entity_ids)))
        query = query.where(stories.c.story_id.in_(linked))
    found = connection.execute(query).all()
    opinions = _opinions(connection, sorted({row.story_id for row in found}))
    return [_story(row, opinions.get((row.story_id, row.revision, row.model_version), [])) for row in found]


def _opinions(connection: Connection, story_ids: list[str]) -> dict[ScoreKey, list[EntityOpinion]]:
    found: dict[ScoreKey, list[EntityOpinion]] = {}
    for some in cut(story_ids):
        query = select(story_entities).where(story_entities.c.story_id.in_(some))
        for row in connection.execute(query.order_by(story_entities.c.relevance.desc(), story_entities.c.entity_id)):
            opinion = EntityOpinion(
                entity_id=row.entity_id, relevance=row.relevance, link_score=row.link_score,
                p_negative=row.p_negative, p_neutral=row.p_neutral, p_positive=row.p_positive, label=row.label,
                matched=row.matched, field=row.field, start=row.match_start, end=row.match_end,
            )  # fmt: skip
            found.setdefault((row.story_id, row.revision, row.model_version), []).append(opinion)
    return found


def _story(row: Any, entities: list[EntityOpinion]) -> ScoredStory:
    said = {name: getattr(row, f"n_{name}") for name in _NOVELTY}
    item = NewsItem(
        story_id=row.story_id, revision=row.revision, content_hash=row.content_hash, source=row.source,
        title=row.title, body=row.body, url=row.url, language=row.language, published_at=row.published_at,
        received_at=row.received_at, symbols=tuple(row.symbols), flags=tuple(row.flags), withdrawn=row.withdrawn,
    )  # fmt: skip
    return ScoredStory(
        item=item, model_version=row.model_version, tokenizer_hash=row.tokenizer_hash, p_negative=row.p_negative,
        p_neutral=row.p_neutral, p_positive=row.p_positive, label=row.label, scored_at=row.scored_at,
        topic=row.topic, p_topic=row.p_topic, tier=row.tier, entities=tuple(entities),
        novelty=None if row.n_cluster_id is None else Novelty(**said),
    )  # fmt: skip


def hourly(connection: Connection, key: str, first: int, end: int) -> dict[int, Moments]:
    """Moments of a rule's subject by hour since 1970, of hours [first, end), from the rollups."""
    kind, _, name = key.partition(":")
    within: dict[str, Any] = {"since": at_hour(first), "until": at_hour(end)}
    if kind == "entity":
        within["entity"] = name
    elif kind == "topic":
        within["topics"] = (name,)
    elif kind == "source":
        within["sources"] = (name,)
    return {each.start // HOUR: each.moments for each in sums(connection, Filters(**within), HOUR)}


def missing(connection: Connection, keys: Collection[ScoreKey]) -> int:
    """How many of these scores are not stored (yet)."""
    left = set(keys)
    for some in cut(sorted({story_id for story_id, _, _ in keys})):
        columns = (scores.c.story_id, scores.c.revision, scores.c.model_version)
        query = select(*columns).where(scores.c.story_id.in_(some))
        left -= {(s, int(r), m) for s, r, m in connection.execute(query)}
    return len(left)
