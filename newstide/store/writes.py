"""What a turn writes: stories, scores, their rollups, and the dead letters. Every write may be repeated harmlessly."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection

from newstide.messages import Reject, ScoredStory
from newstide.store.bulk import add_up, insert_new
from newstide.store.schema import Row, dead_letters, rollups, stories
from newstide.store.schema import scores as scores_table

ScoreKey = tuple[str, int, str]
"""story id, revision, model version: what is stored exactly once."""


def key_of(story: ScoredStory) -> ScoreKey:
    return story.item.story_id, story.item.revision, story.model_version


def add_stories(connection: Connection, batch: Sequence[ScoredStory], now: datetime) -> set[ScoreKey]:
    """Store what is new of the batch; returns the keys that were. The rest was stored before: duplicates.

    Rows are written in key order, so that two writers with stories in common never wait for each other in a circle.
    """
    batch = sorted(batch, key=key_of)
    new_texts = set(insert_new(connection, stories, [_story_row(s, now) for s in batch], ("story_id", "revision")))
    fresh = insert_new(
        connection, scores_table, [_score_row(s, now) for s in batch], ("story_id", "revision", "model_version")
    )
    first_scored: dict[tuple[str, int], ScoredStory] = {}
    for story in batch:
        text = (story.item.story_id, story.item.revision)
        if text in new_texts:
            first_scored.setdefault(text, story)
    add_up(connection, rollups, rollup_rows(first_scored.values()))
    return {(str(s), int(r), str(m)) for s, r, m in fresh}


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


def rollup_rows(batch: Iterable[ScoredStory]) -> list[Row]:
    """One row a minute, language and source, in key order. Pure."""
    groups: defaultdict[tuple[int, str, str], list[ScoredStory]] = defaultdict(list)
    for story in batch:
        item = story.item
        groups[int(item.published_at.timestamp() // 60), item.language, item.source].append(story)
    return [_rollup_row(key, group) for key, group in sorted(groups.items())]


def _rollup_row(key: tuple[int, str, str], group: Sequence[ScoredStory]) -> Row:
    minute, language, source = key
    labels = [story.label for story in group]
    scores = [story.score for story in group if story.has_opinion]
    return {
        "minute": minute,
        "language": language,
        "source": source,
        "count": len(group),
        "scored": len(scores),
        "score_sum": sum(scores),
        "score_sum_squares": sum(score**2 for score in scores),
        **{label: labels.count(label) for label in ("negative", "neutral", "positive", "unsure")},
    }


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
        "stored_at": now,
    }


def _score_row(story: ScoredStory, now: datetime) -> Row:
    return {
        "story_id": story.item.story_id,
        "revision": story.item.revision,
        "model_version": story.model_version,
        "tokenizer_hash": story.tokenizer_hash,
        "p_negative": story.p_negative,
        "p_neutral": story.p_neutral,
        "p_positive": story.p_positive,
        "score": story.score,
        "label": story.label,
        "scored_at": story.scored_at,
        "stored_at": now,
    }
