"""Indices of a subject, movers and clusters, of the present or as of a moment in the past."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import Connection, func, select

from newstide.index.formulas import breadth, estimate
from newstide.index.levels import HOUR
from newstide.index.moments import Moments
from newstide.index.series import IndexPoint, Mover, Steps, index_points, movers
from newstide.novelty.cluster import WINDOWS
from newstide.store import entities
from newstide.store.database import Database
from newstide.store.filters import Filters, story_conditions
from newstide.store.known import OF_TEXT, SAME_TEXT, in_view
from newstide.store.novelty_tables import story_novelty
from newstide.store.schema import scores, stories
from newstide.store.summing import sums


@dataclass(frozen=True, slots=True)
class Cluster:
    """Stories that tell the same, within a window: heat is how many, evidence is how many sources."""

    cluster_id: str
    title: str
    """Of the one that was published first."""
    stories: int
    sources: int
    first_published: datetime
    last_published: datetime
    similar_12h: int
    similar_24h: int
    similar_3d: int
    similar_5d: int
    similar_7d: int
    """Similar stories that were published in so long before the last of the window."""


def hour_of(at: datetime) -> int:
    """Whole hours since 1970, UTC."""
    return int(at.timestamp() // 3_600)


def at_hour(hour: int) -> datetime:
    return datetime.fromtimestamp(hour * 3_600, UTC)


def index(database: Database, filters: Filters, steps: Steps) -> list[IndexPoint]:
    """The index of what `filters` names at each step; their times do not apply.

    Its week has the shape of the whole stream's: of all entities and topics in the same languages, sources and tiers.
    """
    inside = _within(filters, steps)
    with database.transaction() as connection:
        subject = _hourly(connection, inside)
        stream = _hourly(connection, _stream_of(inside)) if inside.entity or inside.topics else subject
        return index_points(subject, stream, _begin(connection, filters), steps)


def moved(database: Database, filters: Filters, steps: Steps) -> list[Mover]:
    """Every entity with stories in the last window of `steps`, in no particular order."""
    inside = _within(filters, steps)
    subjects: defaultdict[str, dict[int, Moments]] = defaultdict(dict)
    with database.transaction() as connection:
        for each in sums(connection, inside, HOUR, "entity_id"):
            subjects[each.group][each.start // HOUR] = each.moments
        stream = _hourly(connection, _stream_of(inside))
        return movers(subjects, stream, _begin(connection, filters), steps)


def breadth_of(database: Database, filters: Filters) -> dict[str, tuple[float, int]]:
    """Breadth by sector over the entities with a value within `filters`, and how many those are.

    As of a time, an entity is in the sector in which it was then.
    """
    with database.transaction() as connection:
        found = sums(connection, filters, by="entity_id")
        sectors = entities.sectors_of(connection, sorted({each.group for each in found}), filters.as_of)
    means = {each.group: value.mean for each in found if (value := estimate(each.moments)) is not None}
    return breadth(means, lambda entity_id: sectors.get(entity_id, ""))


def clusters(database: Database, filters: Filters, limit: int) -> list[Cluster]:
    """What was repeated most, with at least two stories; the hottest first."""
    heat = func.count()
    told = stories.join(scores, SAME_TEXT).join(story_novelty, OF_TEXT)
    shown = select(
        story_novelty.c.cluster_id,
        heat.label("stories"),
        func.count(stories.c.source.distinct()).label("sources"),
        func.min(stories.c.published_at).label("first"),
        func.max(stories.c.published_at).label("last"),
    ).select_from(told)
    view = (*story_conditions(filters), in_view(filters.as_of, filters.model))
    query = (
        shown.where(*view)
        .group_by(story_novelty.c.cluster_id)
        .having(heat > 1)
        .order_by(heat.desc(), story_novelty.c.cluster_id)
        .limit(limit)
    )
    windows = [story_novelty.c[name] for name in WINDOWS]
    order = (stories.c.published_at, stories.c.story_id)
    found = []
    with database.transaction() as connection:
        for row in connection.execute(query).all():
            one = select(stories.c.title, *windows).select_from(told)
            one = one.where(*view, story_novelty.c.cluster_id == row.cluster_id).limit(1)
            title = connection.execute(one.order_by(*order)).one().title
            last = connection.execute(one.order_by(*(column.desc() for column in order))).one()
            times = (row.first, row.last)
            found.append(Cluster(row.cluster_id, title, int(row.stories), int(row.sources), *times, *last[1:]))
    return found


def _within(filters: Filters, steps: Steps) -> Filters:
    return replace(filters, since=at_hour(steps.reach), until=at_hour(steps.end))


def _stream_of(filters: Filters) -> Filters:
    return replace(filters, entity="", topics=())


def _hourly(connection: Connection, filters: Filters) -> dict[int, Moments]:
    return {each.start // HOUR: each.moments for each in sums(connection, filters, HOUR)}


def _begin(connection: Connection, filters: Filters) -> int | None:
    """The hour of the first story that was known."""
    query = select(func.min(stories.c.published_at))
    if filters.as_of is not None:
        query = query.where(stories.c.stored_at <= filters.as_of)
    first = connection.execute(query).scalar_one()
    return None if first is None else hour_of(first)
