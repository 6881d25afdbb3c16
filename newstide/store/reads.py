"""What pages and commands ask. Trends come from rollups, never from scanning stories; every answer has a limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, func, select

from newstide.index.formulas import estimate
from newstide.messages import Label, Language
from newstide.store.database import Database
from newstide.store.filters import Filters, story_conditions
from newstide.store.known import SAME_TEXT, in_view
from newstide.store.schema import scores, stories
from newstide.store.summing import Sum, sums

ROWS_MAX: Final = 1_000
"""Rows of one listing; a page shows 50."""


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """One step of time. `mean_score` is weighted by confidence; None where no story had a score: absent is not zero."""

    start: datetime
    count: int
    negative: int
    neutral: int
    positive: int
    unsure: int
    mean_score: float | None
    standard_error: float | None
    """Of the mean; None below two scored stories."""


@dataclass(frozen=True, slots=True)
class StoryRow:
    """A story in a list: its latest revision, with its first score, or that of the model asked for."""

    seq: int
    story_id: str
    revision: int
    title: str
    source: str
    url: str
    language: Language
    published_at: datetime
    label: Label
    score: float | None
    """None when the model had no opinion: it could not read the story."""
    topic: str | None = None


@dataclass(frozen=True, slots=True)
class ScoredRevision:
    """Everything known of one revision under one model version."""

    story_id: str
    revision: int
    content_hash: str
    source: str
    url: str
    title: str
    body: str
    language: Language
    symbols: tuple[str, ...]
    flags: tuple[str, ...]
    published_at: datetime
    received_at: datetime
    withdrawn: bool
    scored_at: datetime
    stored_at: datetime
    model_version: str
    tokenizer_hash: str
    p_negative: float
    p_neutral: float
    p_positive: float
    score: float | None
    label: Label
    topic: str | None = None
    p_topic: float | None = None


def trend(database: Database, filters: Filters, step: timedelta) -> list[TrendPoint]:
    """The index over steps of time, oldest first; steps without stories are left out.

    Labels and words of `filters` do not apply: an index is of all stories.
    """
    minutes = max(1, int(step.total_seconds() // 60))
    with database.transaction() as connection:
        return [_trend_point(each) for each in sums(connection, filters, minutes) if each.moments.count]


def _trend_point(each: Sum) -> TrendPoint:
    found = estimate(each.moments)
    return TrendPoint(
        start=datetime.fromtimestamp(each.start * 60, UTC),
        count=each.moments.count,
        negative=each.moments.negative,
        neutral=each.moments.neutral,
        positive=each.moments.positive,
        unsure=each.moments.unsure,
        mean_score=None if found is None else found.mean,
        standard_error=None if found is None else found.standard_error,
    )


def published_span(database: Database) -> tuple[datetime, datetime] | None:
    """The first and the last minute that has stories; None when there are none at all."""
    shown = _joined(stories.c.published_at).where(in_view())
    with database.transaction() as connection:
        first = connection.execute(shown.order_by(stories.c.published_at).limit(1)).scalar_one_or_none()
        last = connection.execute(shown.order_by(stories.c.published_at.desc()).limit(1)).scalar_one_or_none()
    if first is None or last is None:
        return None
    return first.replace(second=0, microsecond=0), last.replace(second=0, microsecond=0)


def source_names(database: Database, filters: Filters | None = None) -> list[str]:
    """The sources with stories, of all time or within `filters`, as for a trend."""
    with database.transaction() as connection:
        return sorted(each.group for each in sums(connection, filters or Filters(), by="source"))


def model_versions(database: Database, as_of: datetime | None = None) -> list[str]:
    """Those that have scored a story, now or as of a time."""
    query = select(scores.c.model_version).distinct().order_by(scores.c.model_version)
    if as_of is not None:
        query = query.where(scores.c.stored_at <= as_of)
    with database.transaction() as connection:
        return list(connection.execute(query).scalars())


def _joined(*columns: ColumnElement[Any]) -> Select[Any]:
    return select(*columns).select_from(stories.join(scores, SAME_TEXT))


def _matching(filters: Filters, *columns: ColumnElement[Any]) -> Select[Any]:
    return _joined(*columns).where(*story_conditions(filters), in_view(filters.as_of, filters.model))


def list_stories(database: Database, filters: Filters, limit: int, offset: int = 0) -> list[StoryRow]:
    """The newest by publication first."""
    columns = (
        scores.c.seq, stories.c.story_id, stories.c.revision, stories.c.title, stories.c.source, stories.c.url,
        stories.c.language, stories.c.published_at, scores.c.label, scores.c.score, scores.c.topic,
    )  # fmt: skip
    query = (
        _matching(filters, *columns)
        .order_by(stories.c.published_at.desc(), scores.c.seq.desc())
        .limit(min(limit, ROWS_MAX))
        .offset(offset)
    )
    with database.transaction() as connection:
        return [StoryRow(*row) for row in connection.execute(query)]


def count_stories(database: Database, filters: Filters, after_seq: int = 0) -> int:
    """How many stories match; with `after_seq`, how many of them are newer than a list that was made earlier."""
    query = _matching(filters, func.count()).where(scores.c.seq > after_seq)
    with database.transaction() as connection:
        return int(connection.execute(query).scalar_one())


def last_seq(database: Database) -> int:
    """The newest score; a list remembers it to know later what is new."""
    with database.transaction() as connection:
        return int(connection.execute(select(func.coalesce(func.max(scores.c.seq), 0))).scalar_one())


def story(database: Database, story_id: str) -> list[ScoredRevision]:
    """Every revision under every model version, newest first; empty when there is no such story."""
    names = [name for name in ScoredRevision.__dataclass_fields__]
    columns = [scores.c[n] if n in scores.c and n not in ("story_id", "revision") else stories.c[n] for n in names]
    query = (
        _joined(*columns)
        .where(stories.c.story_id == story_id)
        .order_by(stories.c.revision.desc(), scores.c.seq.desc())
        .limit(ROWS_MAX)
    )
    with database.transaction() as connection:
        rows: Sequence[Any] = connection.execute(query).all()
    return [
        ScoredRevision(**{**row._mapping, "symbols": tuple(row.symbols), "flags": tuple(row.flags)}) for row in rows
    ]
