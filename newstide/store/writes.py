"""What a turn writes: stories, scores, their rollups, and the dead letters. Every write may be repeated harmlessly."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select

from newstide.messages import Reject, ScoredStory, ScoreKey
from newstide.store import opinions
from newstide.store.bulk import insert_new
from newstide.store.facts import cut
from newstide.store.rollups import follow
from newstide.store.schema import Row, dead_letters, scores, stories


def add_stories(connection: Connection, batch: Sequence[ScoredStory], now: datetime) -> set[ScoreKey]:
    """Store what is new of the batch; returns the keys that were. The rest was stored before: duplicates.

    Rows are written in key order, so that two writers with stories in common never wait for each other in a circle.
    """
    batch = sorted(batch, key=lambda story: story.key)
    new_texts = set(insert_new(connection, stories, [_story_row(s, now) for s in batch], ("story_id", "revision")))
    fresh = insert_new(
        connection, scores, [_score_row(s, now) for s in batch], ("story_id", "revision", "model_version")
    )
    new = {(str(s), int(r), str(m)) for s, r, m in fresh}
    stored = {story.key: story for story in reversed(batch) if story.key in new}  # of equal keys the first was stored
    opinions.add(connection, [stored[key] for key in sorted(stored)], now)
    first_scored: dict[tuple[str, int], ScoredStory] = {}
    for story in batch:
        text = (story.item.story_id, story.item.revision)
        if text in new_texts:
            first_scored.setdefault(text, story)
    follow(connection, first_scored)
    return new


def in_conflict(connection: Connection, batch: Sequence[ScoredStory]) -> list[bool]:
    """For each story, whether another text is known under its revision already, stored or earlier in the batch.

    Such a text must not be taken for a repeat: it would be lost. (A source that forgot a story it had published, and
    met it again edited, sends one.)
    """
    known: dict[tuple[str, int], str] = {}
    ids = sorted({story.item.story_id for story in batch})
    columns = (stories.c.story_id, stories.c.revision, stories.c.content_hash)
    for some in cut(ids):
        query = select(*columns).where(stories.c.story_id.in_(some))
        known |= {(row.story_id, row.revision): row.content_hash for row in connection.execute(query)}
    verdicts: list[bool] = []
    for story in batch:
        first_hash = known.setdefault((story.item.story_id, story.item.revision), story.item.content_hash)
        verdicts.append(first_hash != story.item.content_hash)
    return verdicts


def add_rejects(connection: Connection, rejects: Sequence[Reject]) -> None:
    rows = [
        {
            "stage": reject.stage,
            "origin": reject.origin,
            "position": reject.position,
            "line": reject.line,
            "reason": reject.reason.value,
            "detail": reject.detail.replace("\x00", "")[:2_000],
            "raw": reject.raw,
            "raw_hash": hashlib.sha256(reject.raw).hexdigest()[:32],
            "at": reject.at,
        }
        for reject in rejects
    ]
    insert_new(connection, dead_letters, rows, ("position",))


def _story_row(story: ScoredStory, now: datetime) -> Row:
    item = story.item
    return {
        "story_id": item.story_id,
        "revision": item.revision,
        "content_hash": item.content_hash,
        "source": item.source,
        "url": item.url,
        "title": item.title,
        "body": item.body,
        "language": item.language,
        "symbols": list(item.symbols),
        "flags": list(item.flags),
        "published_at": item.published_at,
        "received_at": item.received_at,
        "withdrawn": item.withdrawn,
        "stored_at": now,
        "tier": story.tier,
    }


def opinion_row(story: ScoredStory, now: datetime) -> Row:
    """What a model version says of a revision, in use or in the shadow."""
    return {
        "story_id": story.item.story_id,
        "revision": story.item.revision,
        "model_version": story.model_version,
        "p_negative": story.p_negative,
        "p_neutral": story.p_neutral,
        "p_positive": story.p_positive,
        "score": story.score,
        "label": story.label,
        "scored_at": story.scored_at,
        "stored_at": now,
    }


def _score_row(story: ScoredStory, now: datetime) -> Row:
    more = {name: getattr(story, name) for name in ("tokenizer_hash", "topic", "p_topic")}
    return opinion_row(story, now) | more
