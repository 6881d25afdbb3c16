"""What a candidate model says beside the active one: kept apart from all that is shown, counted or summed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, and_, func, select

from newstide.messages import ScoredStory
from newstide.store.bulk import insert_new
from newstide.store.database import Database, savepoint
from newstide.store.schema import scores, shadow_scores, stories
from newstide.store.writes import opinion_row

LARGEST: Final = 10
"""Disagreements that a report names."""

_KEY: Final = ("story_id", "revision", "model_version")


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A story that the two see differently. `difference` is shadow minus active score, in [-2, 2]."""

    story_id: str
    revision: int
    title: str
    active_label: str
    shadow_label: str
    active_score: float
    shadow_score: float
    difference: float


@dataclass(frozen=True, slots=True)
class ShadowReport:
    """A candidate beside the active version, over all revisions that both have scored."""

    active: str
    shadow: str
    stories: int
    agreement: float
    """Share of equal labels."""
    mean_absolute_difference: float | None
    """Of the scores, where both have one; None where no story has two."""
    confusion: dict[str, dict[str, int]]
    """Active label, shadow label, stories."""
    largest: list[Disagreement]


def add(connection: Connection, batch: Sequence[ScoredStory], now: datetime) -> int:
    """Store what is new; returns how many that were. Raises StoreRefused, and the transaction goes on without it."""
    rows = [opinion_row(story, now) for story in sorted(batch, key=lambda story: story.key)]
    with savepoint(connection):
        return len(insert_new(connection, shadow_scores, rows, _KEY))


def report(database: Database, shadow: str | None = None) -> ShadowReport | None:
    """How the candidate of that version, by default the one that scored last, compares with the version in use.

    That is the one that last scored a story which the candidate scored too. None when there is no such story.
    """
    with database.transaction() as connection:
        pair = _last_pair(connection, shadow)
        if pair is None:
            return None
        confusion: dict[str, dict[str, int]] = {}
        for active_label, shadow_label, count in connection.execute(_confusion(*pair)):
            confusion.setdefault(active_label, {})[shadow_label] = int(count)
        mean = connection.execute(_both(*pair, func.avg(func.abs(_DIFFERENCE)))).scalar_one()
        largest = [Disagreement(*row) for row in connection.execute(_largest(*pair))]
    total = sum(sum(row.values()) for row in confusion.values())
    same = sum(row.get(label, 0) for label, row in confusion.items())
    return ShadowReport(*pair, total, same / total, None if mean is None else float(mean), confusion, largest)


_SAME_TEXT: Final = and_(scores.c.story_id == shadow_scores.c.story_id, scores.c.revision == shadow_scores.c.revision)
_DIFFERENCE: Final = shadow_scores.c.score - scores.c.score


def _last_pair(connection: Connection, shadow: str | None) -> tuple[str, str] | None:
    query = (
        select(scores.c.model_version, shadow_scores.c.model_version)
        .join_from(shadow_scores, scores, _SAME_TEXT)
        .where(scores.c.model_version != shadow_scores.c.model_version)  # one that was a candidate and is in use now
        .order_by(shadow_scores.c.seq.desc(), scores.c.seq.desc())
        .limit(1)
    )
    if shadow is not None:
        query = query.where(shadow_scores.c.model_version == shadow)
    row = connection.execute(query).one_or_none()
    return None if row is None else (str(row[0]), str(row[1]))


def _both(active: str, shadow: str, *columns: ColumnElement[Any]) -> Select[Any]:
    return (
        select(*columns)
        .join_from(shadow_scores, scores, _SAME_TEXT)
        .where(scores.c.model_version == active, shadow_scores.c.model_version == shadow)
    )


def _confusion(active: str, shadow: str) -> Select[Any]:
    labels = (scores.c.label, shadow_scores.c.label)
    return _both(active, shadow, *labels, func.count()).group_by(*labels).order_by(*labels)


def _largest(active: str, shadow: str) -> Select[Any]:
    text = and_(stories.c.story_id == scores.c.story_id, stories.c.revision == scores.c.revision)
    columns = (
        scores.c.story_id, scores.c.revision, stories.c.title, scores.c.label, shadow_scores.c.label,
        scores.c.score, shadow_scores.c.score, _DIFFERENCE,
    )  # fmt: skip
    return (
        _both(active, shadow, *columns)
        .join(stories, text)
        .where(_DIFFERENCE != 0)
        .order_by(func.abs(_DIFFERENCE).desc(), shadow_scores.c.seq)
        .limit(LARGEST)
    )
