"""Sums over a whole window, from rollups, and the newest score: what the top of a page says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select

from newstide.store.database import Database
from newstide.store.reads import Filters, rollup_conditions
from newstide.store.schema import rollups, scores


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts of a window. `mean_score` is None where no story had a score: absent is not zero."""

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


def _sums() -> list[ColumnElement[Any]]:
    names = ("count", "scored", "negative", "neutral", "positive", "unsure")
    sums = [func.coalesce(func.sum(rollups.c[name]), 0).label(name) for name in names]
    return [*sums, func.coalesce(func.sum(rollups.c.score_sum), 0.0).label("total")]


def _totals(row: Any) -> Totals:
    scored = int(row.scored)
    return Totals(
        count=int(row.count),
        negative=int(row.negative),
        neutral=int(row.neutral),
        positive=int(row.positive),
        unsure=int(row.unsure),
        mean_score=float(row.total) / scored if scored else None,
    )


def totals(database: Database, filters: Filters) -> Totals:
    """Only the times, languages and sources of `filters` apply: rollups know nothing else."""
    query = select(*_sums()).where(*rollup_conditions(filters))
    with database.transaction() as connection:
        return _totals(connection.execute(query).one())


def by_source(database: Database, filters: Filters, limit: int) -> list[SourceTotals]:
    """The sources with most stories first."""
    sums = _sums()
    query = (
        select(rollups.c.source, *sums)
        .where(*rollup_conditions(filters))
        .group_by(rollups.c.source)
        .order_by(sums[0].desc(), rollups.c.source)
        .limit(limit)
    )
    with database.transaction() as connection:
        return [SourceTotals(str(row.source), _totals(row)) for row in connection.execute(query)]


def newest(database: Database) -> Newest | None:
    query = select(scores.c.seq, scores.c.stored_at).order_by(scores.c.seq.desc()).limit(1)
    with database.transaction() as connection:
        row = connection.execute(query).one_or_none()
    return None if row is None else Newest(int(row.seq), row.stored_at)
