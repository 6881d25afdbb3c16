"""Sums over a whole window, from rollups, and the newest score: what the top of a page says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from newstide.index.formulas import estimate
from newstide.index.levels import DAY
from newstide.index.moments import STREAM, Moments, total
from newstide.store.database import Database
from newstide.store.filters import Filters
from newstide.store.schema import rollups, scores
from newstide.store.summing import sums


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts of a window. `mean_score` is weighted by confidence; None where no story had a score."""

    count: int
    negative: int
    neutral: int
    positive: int
    unsure: int
    mean_score: float | None


@dataclass(frozen=True, slots=True)
class SourceTotals:
    source: str
    totals: Totals


@dataclass(frozen=True, slots=True)
class Newest:
    """The score stored last."""

    seq: int
    stored_at: datetime


def _totals(moments: Moments) -> Totals:
    found = estimate(moments)
    return Totals(
        count=moments.count,
        negative=moments.negative,
        neutral=moments.neutral,
        positive=moments.positive,
        unsure=moments.unsure,
        mean_score=None if found is None else found.mean,
    )


def totals(database: Database, filters: Filters) -> Totals:
    """Labels and words of `filters` do not apply: an index is of all stories."""
    with database.transaction() as connection:
        return _totals(total(each.moments for each in sums(connection, filters)))


def by_source(database: Database, filters: Filters, limit: int) -> list[SourceTotals]:
    """The sources with most stories first."""
    with database.transaction() as connection:
        found = sums(connection, filters, by="source")
    found.sort(key=lambda each: (-each.moments.count, each.group))
    return [SourceTotals(each.group, _totals(each.moments)) for each in found[:limit]]


def most_told(database: Database, limit: int) -> list[str]:
    """The ids of the entities with most stories of all time, first those with most; from the rollups of days."""
    heat = func.sum(rollups.c.count)
    query = (
        select(rollups.c.entity_id)
        .where(rollups.c.level == DAY, rollups.c.entity_id != STREAM)
        .group_by(rollups.c.entity_id)
        .having(heat > 0)
        .order_by(heat.desc(), rollups.c.entity_id)
        .limit(limit)
    )
    with database.transaction() as connection:
        return list(connection.execute(query).scalars())


def newest(database: Database) -> Newest | None:
    query = select(scores.c.seq, scores.c.stored_at).order_by(scores.c.seq.desc()).limit(1)
    with database.transaction() as connection:
        row = connection.execute(query).one_or_none()
    return None if row is None else Newest(int(row.seq), row.stored_at)
