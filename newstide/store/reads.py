"""What pages and commands ask. Trends come from rollups, never from scanning stories; every answer has a limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Integer, Select, and_, cast, exists, func, or_, select

from newstide.messages import Label, Language
from newstide.store.database import Database
from newstide.store.schema import rollups, scores, stories

ROWS_MAX: Final = 1_000
"""Rows of one listing; a page shows 50."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Which stories. Empty means all. Times are of publication: from `since` on, before `until`."""

    since: datetime | None = None
    until: datetime | None = None
    languages: tuple[Language, ...] = ()
    sources: tuple[str, ...] = ()
    labels: tuple[Label, ...] = ()
    text: str = ""
    """Words of the title, each of which must occur."""


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """One step of time. `mean_score` is None where no story had a score: absent is not zero."""

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
    """A story in a list: its latest revision, with its latest score."""

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


def trend(database: Database, filters: Filters, step: timedelta) -> list[TrendPoint]:
    """The rollups summed over steps of time, oldest first; steps without stories are left out.

    Only the times, languages and sources of `filters` apply: rollups know nothing else.
    """
    minutes = max(1, int(step.total_seconds() // 60))
    bucket = (cast(rollups.c.minute / minutes, Integer) * minutes).label("bucket")
    if not database.is_sqlite:
        bucket = (func.div(rollups.c.minute, minutes) * minutes).label("bucket")
    sums = [func.sum(rollups.c[n]).label(n) for n in ("count", "scored", "negative", "neutral", "positive", "unsure")]
    sums += [func.sum(rollups.c.score_sum).label("total"), func.sum(rollups.c.score_sum_squares).label("squares")]
    query = select(bucket, *sums).where(*rollup_conditions(filters)).group_by(bucket).order_by(bucket)
    with database.transaction() as connection:
        return [_trend_point(row) for row in connection.execute(query)]


def rollup_conditions(filters: Filters) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [rollups.c["count"] > 0]  # a revision may have taken the last story out
    if filters.since is not None:
        conditions.append(rollups.c.minute >= int(filters.since.timestamp() // 60))
    if filters.until is not None:
        conditions.append(rollups.c.minute < int(-(-filters.until.timestamp() // 60)))
    if filters.languages:
        conditions.append(rollups.c.language.in_(filters.languages))
    if filters.sources:
        conditions.append(rollups.c.source.in_(filters.sources))
    return conditions


def _trend_point(row: Any) -> TrendPoint:
    scored, total, squares = int(row.scored), float(row.total), float(row.squares)
    mean = total / scored if scored else None
    error = None
    if scored >= 2 and mean is not None:
        error = (max(0.0, (squares - scored * mean**2) / (scored - 1)) / scored) ** 0.5
    return TrendPoint(
        start=datetime.fromtimestamp(int(row.bucket) * 60, UTC),
        count=int(row.count),
        negative=int(row.negative),
        neutral=int(row.neutral),
        positive=int(row.positive),
        unsure=int(row.unsure),
        mean_score=mean,
        standard_error=error,
    )


def published_span(database: Database) -> tuple[datetime, datetime] | None:
    """The first and the last minute that has stories; None when there are none at all."""
    with database.transaction() as connection:
        span = select(func.min(rollups.c.minute), func.max(rollups.c.minute)).where(*rollup_conditions(Filters()))
        row = connection.execute(span).one()
    if row[0] is None:
        return None
    return datetime.fromtimestamp(int(row[0]) * 60, UTC), datetime.fromtimestamp(int(row[1]) * 60, UTC)


def source_names(database: Database, filters: Filters | None = None) -> list[str]:
    """The sources with stories, of all time or of the times, languages and sources of `filters`."""
    conditions = rollup_conditions(filters or Filters())
    query = select(rollups.c.source).where(*conditions).distinct().order_by(rollups.c.source)
    with database.transaction() as connection:
        return [str(name) for (name,) in connection.execute(query)]


def _current() -> ColumnElement[bool]:
    """Only the latest revision of a story, unless that withdraws it, and of its scores only the latest."""
    newer_text, newer_score = stories.alias(), scores.alias()
    return and_(
        ~stories.c.withdrawn,
        ~exists().where(newer_text.c.story_id == stories.c.story_id, newer_text.c.revision > stories.c.revision),
        ~exists().where(
            newer_score.c.story_id == scores.c.story_id,
            newer_score.c.revision == scores.c.revision,
            newer_score.c.seq > scores.c.seq,
        ),
    )


def _joined(*columns: ColumnElement[Any]) -> Select[Any]:
    same = and_(stories.c.story_id == scores.c.story_id, stories.c.revision == scores.c.revision)
    return select(*columns).select_from(stories.join(scores, same))


def _story_conditions(filters: Filters) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if filters.since is not None:
        conditions.append(stories.c.published_at >= filters.since)
    if filters.until is not None:
        conditions.append(stories.c.published_at < filters.until)
    if filters.languages:
        conditions.append(stories.c.language.in_(filters.languages))
    if filters.sources:
        conditions.append(stories.c.source.in_(filters.sources))
    if filters.labels:
        conditions.append(scores.c.label.in_(filters.labels))
    for word in filters.text.split():
        conditions.append(or_(stories.c.title.icontains(word, autoescape=True)))
    return conditions


def list_stories(database: Database, filters: Filters, limit: int, offset: int = 0) -> list[StoryRow]:
    """The newest by publication first."""
    columns = (
        scores.c.seq, stories.c.story_id, stories.c.revision, stories.c.title, stories.c.source, stories.c.url,
        stories.c.language, stories.c.published_at, scores.c.label, scores.c.score,
    )  # fmt: skip
    query = (
        _joined(*columns)
        .where(*_story_conditions(filters), _current())
        .order_by(stories.c.published_at.desc(), scores.c.seq.desc())
        .limit(min(limit, ROWS_MAX))
        .offset(offset)
    )
    with database.transaction() as connection:
        return [StoryRow(*row) for row in connection.execute(query)]


def count_stories(database: Database, filters: Filters, after_seq: int = 0) -> int:
    """How many stories match; with `after_seq`, how many of them are newer than a list that was made earlier."""
    query = _joined(func.count()).where(*_story_conditions(filters), _current(), scores.c.seq > after_seq)
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
