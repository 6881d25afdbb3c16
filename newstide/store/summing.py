"""Moments of any stretch of time, by steps and by entity, source or topic: from rollups, or from rows.

Rollups answer for the present view as far back as they are kept. What they do not hold (a moment in the past, another
model version, a source of an entity, minutes of last year) is summed from the rows; both give the same numbers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, func, literal, or_, select

from newstide.index.levels import Piece, pieces
from newstide.index.moments import NAMES, STREAM, Moments, Opinion, contribution, minute_of, values
from newstide.store import facts
from newstide.store.entity_schema import story_entities
from newstide.store.filters import LINKED, Filters, scope_conditions
from newstide.store.known import in_view
from newstide.store.rollups import complete_from
from newstide.store.schema import rollups, stories

By = Literal["", "entity_id", "source", "topic"]


class Sum(NamedTuple):
    """`start` is the first minute of the step, since 1970; 0 where one step holds everything."""

    start: int
    group: str
    moments: Moments


def sums(connection: Connection, filters: Filters, step: int | None = None, by: By = "") -> list[Sum]:
    """Moments by steps of so many minutes and by group, in that order; what has no story is left out.

    By `entity_id` they are of each entity, else of `filters.entity`, which is the whole stream by default. Labels and
    words of `filters` do not apply: an index is of all stories. Times are cut to whole minutes, as rollups are.
    """
    span = _span(connection, filters)
    if span is None:
        return []
    some = pieces(*span, step)
    held = complete_from(connection)
    of_stream = not filters.entity and by != "entity_id"
    by_source = bool(filters.sources) or by == "source"
    current = filters.as_of is None and not filters.model
    if current and (of_stream or not by_source) and all(piece.start >= held[piece.level] for piece in some):
        found = _from_rollups(connection, filters, some, step, by)
    else:
        found = _from_rows(connection, filters, span, step, by)
    return sorted(each for each in found if each.moments.count or each.moments.copies)


def _span(connection: Connection, filters: Filters) -> tuple[int, int | None] | None:
    end = None if filters.until is None else -int(-filters.until.timestamp() // 60)
    if filters.since is not None:
        return minute_of(filters.since), end
    first = connection.execute(select(func.min(stories.c.published_at))).scalar_one()
    return None if first is None else (minute_of(first), end)


def _from_rollups(
    connection: Connection, filters: Filters, some: list[Piece], step: int | None, by: By
) -> Iterator[Sum]:
    if not some:
        return
    start = (rollups.c.start // step * step if step else literal(0)).label("step")
    group = (rollups.c[by] if by else literal("")).label("group_name")
    grouped = [column for column, wanted in ((start, step), (group, by)) if wanted]
    query = (
        select(start, group, *(func.sum(rollups.c[name]).label(name) for name in NAMES))
        .where(or_(*(_within(piece) for piece in some)), *_rollup_conditions(filters, by))
        .group_by(*grouped)
    )
    for row in connection.execute(query):
        if row._mapping["count"] is not None:  # sums over no row at all
            yield Sum(int(row.step), row.group_name, Moments(*(int(row._mapping[name]) for name in NAMES)))


def _within(piece: Piece) -> ColumnElement[bool]:
    inside = and_(rollups.c.level == piece.level, rollups.c.start >= piece.start)
    return inside if piece.end is None else and_(inside, rollups.c.start < piece.end)


def _rollup_conditions(filters: Filters, by: By) -> list[ColumnElement[bool]]:
    each = by == "entity_id"
    conditions = [rollups.c.entity_id != STREAM if each else rollups.c.entity_id == filters.entity]
    for name, wanted in (
        ("language", filters.languages),
        ("source", filters.sources),
        ("topic", filters.topics),
        ("tier", filters.tiers),
    ):
        if wanted:
            conditions.append(rollups.c[name].in_(wanted))
    return conditions


def _from_rows(
    connection: Connection, filters: Filters, span: tuple[int, int | None], step: int | None, by: By
) -> Iterator[Sum]:
    totals: defaultdict[tuple[int, str], list[int]] = defaultdict(lambda: [0] * len(NAMES))
    for published_at, group, moments in opinions(connection, filters, span, by):
        start = minute_of(published_at) // step * step if step else 0
        row = totals[start, group]
        for column, value in enumerate(values(moments)):
            row[column] += value
    for (start, group), row in totals.items():
        yield Sum(start, group, Moments(*row))


def opinions(
    connection: Connection, filters: Filters, span: tuple[int, int | None], by: By = ""
) -> Iterator[tuple[datetime, str, Moments]]:
    """When each story of the view was published, its group, and what it adds to the index."""
    start, end = span
    within = [stories.c.published_at >= _at(start), *([] if end is None else [stories.c.published_at < _at(end)])]
    query = facts.shown().where(*within, *scope_conditions(filters), in_view(filters.as_of, filters.model))
    towards = bool(filters.entity) or by == "entity_id"
    if towards:
        names = ("entity_id", "relevance", "p_negative", "p_neutral", "p_positive", "label")
        query = query.join(story_entities, LINKED).add_columns(*(story_entities.c[n].label(f"e_{n}") for n in names))
        if filters.entity:
            query = query.where(story_entities.c.entity_id == filters.entity)
    for row in connection.execute(query.execution_options(yield_per=5_000)):
        yield row.published_at, _group(row, by), _added(row, towards)


def _group(row: Any, by: By) -> str:
    return "" if not by else row.e_entity_id if by == "entity_id" else getattr(row, by) or ""


def _added(row: Any, towards: bool) -> Moments:
    fact = facts.fact_of_row(row)
    if not towards:
        return contribution(fact.opinion, fact.copy)
    opinion = Opinion(row.e_p_negative, row.e_p_neutral, row.e_p_positive, row.e_label)
    return contribution(opinion, fact.copy, row.e_relevance)


def _at(minute: int) -> datetime:
    return datetime.fromtimestamp(minute * 60, UTC)
