"""Sums by minute, language and source, kept in step with the stories, so that a trend never scans them.

A story counts once, by the first score of its latest revision: a later revision takes the earlier one out again, and a
withdrawal takes the story out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, and_, select

from newstide.messages import Label, ScoredStory
from newstide.store.bulk import add_up
from newstide.store.schema import Row, rollups, scores, stories

KEYS_A_QUERY: Final = 500
LABELS: Final[tuple[Label, ...]] = ("negative", "neutral", "positive", "unsure")


@dataclass(frozen=True, slots=True)
class Counted:
    """What a rollup knows of one story. `score` is None where the model had no opinion."""

    published_at: datetime
    language: str
    source: str
    label: str
    score: float | None


def follow(connection: Connection, new_texts: Mapping[tuple[str, int], ScoredStory]) -> None:
    """Bring the rollups in step with texts that were stored just now, each with its first score."""
    latest: dict[str, ScoredStory] = {}
    for (story_id, revision), story in new_texts.items():
        if story_id not in latest or revision > latest[story_id].item.revision:
            latest[story_id] = story
    before = _counted_before(connection, list(latest), set(new_texts))
    add, remove = [], []
    for story_id, story in latest.items():
        known = before.get(story_id)
        if known is not None and known[0] > story.item.revision:
            continue  # an old revision, come late
        if not story.item.withdrawn:
            add.append(counted(story))
        if known is not None and known[1] is not None:
            remove.append(known[1])
    add_up(connection, rollups, rollup_rows(add, remove))


def counted(story: ScoredStory) -> Counted:
    item = story.item
    return Counted(item.published_at, item.language, item.source, story.label, story.score)


def _counted_before(
    connection: Connection, story_ids: Sequence[str], new_texts: set[tuple[str, int]]
) -> dict[str, tuple[int, Counted | None]]:
    """The revision of each story that holds up to now, with its first score; None where that is a withdrawal."""
    same = and_(scores.c.story_id == stories.c.story_id, scores.c.revision == stories.c.revision)
    columns = (stories.c.story_id, stories.c.revision, stories.c.published_at, stories.c.language, stories.c.source)
    found: dict[str, tuple[int, Counted | None]] = {}
    for first in range(0, len(story_ids), KEYS_A_QUERY):
        some = story_ids[first : first + KEYS_A_QUERY]
        query = (
            select(stories.c.withdrawn, *columns, scores.c.label, scores.c.score)
            .join_from(stories, scores, same)
            .where(stories.c.story_id.in_(some))
            .order_by(stories.c.story_id, stories.c.revision, scores.c.seq.desc())
        )
        for withdrawn, story_id, revision, *rest in connection.execute(query):
            if (story_id, revision) not in new_texts:  # the last one that comes is the highest revision, first scored
                found[story_id] = (revision, None if withdrawn else Counted(*rest))
    return found


def rollup_rows(add: Iterable[Counted], remove: Iterable[Counted] = ()) -> list[Row]:
    """What to add to each minute, language and source, in key order; what is removed counts negatively. Pure."""
    nothing: Row = {"count": 0, "scored": 0, "score_sum": 0.0, "score_sum_squares": 0.0, **dict.fromkeys(LABELS, 0)}
    rows: defaultdict[tuple[int, str, str], Row] = defaultdict(nothing.copy)
    for sign, some in ((1, add), (-1, remove)):
        for story in some:
            row = rows[int(story.published_at.timestamp() // 60), story.language, story.source]
            row["count"] += sign
            row[story.label] += sign
            if story.score is not None:
                row["scored"] += sign
                row["score_sum"] += sign * story.score
                row["score_sum_squares"] += sign * story.score**2
    return [
        {"minute": minute, "language": language, "source": source, **sums}
        for (minute, language, source), sums in sorted(rows.items())
    ]
