"""What near-duplicates are found by: looked up in a few statements a batch, written in the transaction of the
scores."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    and_,
    any_,
    delete,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY

from newstide.messages import Novelty
from newstide.novelty.cluster import LOOK_BACK, Held, Member, Telling
from newstide.store.bulk import insert_new
from newstide.store.database import Database
from newstide.store.novelty_tables import BAND_NAMES, novelty_members, story_novelty
from newstide.store.schema import Row, stories

STORIES_A_QUERY: Final = 256
"""Of a look-up: a turn's batch by default, and 12 times as many bands."""
MEMBERS_MAX: Final = 5_000
"""Rows of one look-up, the latest first: some 20 for each story. A flood of one text may be larger; what is beyond
counts no more, so that a flood cannot slow its own processor down."""
PRUNED_MAX: Final = 2_000
"""Rows taken out in one turn: several times what a turn brings in, and a statement of milliseconds."""

_EARLIEST: Final = datetime.min.replace(tzinfo=UTC) + LOOK_BACK
_LATEST: Final = datetime.max.replace(tzinfo=UTC) - LOOK_BACK
"""A story may bear any time that the calendar has."""
_MEMBER_COLUMNS: Final = ("story_id", "revision", "text", "source", "published_at", "withdrawn")


def held(connection: Connection, story_ids: Collection[str]) -> dict[str, list[Held]]:
    """The stored revisions of these stories, in order."""
    columns = [story_novelty.c[name] for name in Novelty.__struct_fields__]
    same = and_(stories.c.story_id == story_novelty.c.story_id, stories.c.revision == story_novelty.c.revision)
    found: dict[str, list[Held]] = {}
    for some in _parts(sorted(set(story_ids))):
        query = (
            select(stories.c.story_id, stories.c.revision, stories.c.content_hash, *columns)
            .join_from(stories, story_novelty, same, isouter=True)
            .where(stories.c.story_id.in_(some))
            .order_by(stories.c.story_id, stories.c.revision)
        )
        for story_id, revision, content_hash, *values in connection.execute(query):
            novelty = _novelty(values) if values[0] is not None else None
            found.setdefault(story_id, []).append(Held(revision, content_hash, novelty))
    return found


def of_story(database: Database, story_id: str) -> dict[int, Novelty]:
    """What was known of a story's like, by revision."""
    with database.transaction() as connection:
        return {h.revision: h.novelty for h in held(connection, [story_id]).get(story_id, ()) if h.novelty is not None}


def around(connection: Connection, tellings: Sequence[Telling], clusters: Collection[str] = ()) -> list[Member]:
    """The members that these stories may tell the same as: who shares a band, with their clusters whole.

    `clusters` come whole in any case. At most MEMBERS_MAX for each STORIES_A_QUERY stories.
    """
    found: dict[str, Member] = {}
    for some in _parts(tellings):
        for row in connection.execute(_around(some, clusters, connection.dialect.name == "sqlite")):
            told = {name: getattr(row, name) for name in _MEMBER_COLUMNS}
            telling = Telling(bands=tuple(row[-len(BAND_NAMES) :]), **told)
            found[telling.story_id] = Member(telling, row.cluster_id)
    return list(found.values())


def _around(tellings: Sequence[Telling], clusters: Collection[str], sqlite: bool) -> Select[Any]:
    table = novelty_members.c
    times = [telling.published_at for telling in tellings]
    bands = zip(*(telling.bands for telling in tellings), strict=True)
    shared = [_among(table[name], sorted(set(keys)), sqlite) for name, keys in zip(BAND_NAMES, bands, strict=True)]
    near = table.published_at.between(max(min(times), _EARLIEST) - LOOK_BACK, min(max(times), _LATEST) + LOOK_BACK)
    # One subquery for both: an OR around it would have PostgreSQL read the whole table.
    hit = select(table.cluster_id).where(or_(*shared, table.cluster_id.in_(sorted(clusters))), near)
    columns = [table[name] for name in (*_MEMBER_COLUMNS, "cluster_id", *BAND_NAMES)]
    return (
        select(*columns)
        .where(table.cluster_id.in_(hit))
        .order_by(table.published_at.desc(), table.story_id)
        .limit(MEMBERS_MAX)
    )


def _among(column: ColumnElement[int], values: list[int], sqlite: bool) -> ColumnElement[bool]:
    """`IN`, with one bound value for all: thousands of them cost more than the look-up."""
    if sqlite:
        each = func.json_each(json.dumps(values)).table_valued("value")
        return column.in_(select(each.c.value))
    return column == any_(literal(values, ARRAY(BigInteger)))


def add(connection: Connection, judged: Sequence[tuple[Novelty, Member]], now: datetime) -> None:
    """Keep what was said of revisions that are new, and what the next ones are compared with; forget what is old.

    In key order. The rows of a story are written by the owner of its partition alone, who has moved its offset
    first; what is old is taken by whoever comes first: no writer waits for another.
    """
    judged = sorted(judged, key=lambda pair: (pair[1].telling.story_id, pair[1].telling.revision))
    insert_new(connection, story_novelty, [_said_row(*pair, now) for pair in judged], ("story_id", "revision"))
    rows = [_member_row(member, now) for _, member in judged]
    new = {(str(s), int(r)) for s, r in insert_new(connection, novelty_members, rows, ("story_id", "revision"))}
    for row in rows:
        if (row["story_id"], row["revision"]) not in new:
            older = (novelty_members.c.story_id == row["story_id"], novelty_members.c.revision < row["revision"])
            connection.execute(update(novelty_members).where(*older).values(row))
    _forget(connection, now)


def _forget(connection: Connection, now: datetime) -> None:
    table = novelty_members.c
    old = (
        select(table.story_id)
        .where(table.stored_at < now - LOOK_BACK)
        .order_by(table.stored_at)
        .limit(PRUNED_MAX)
        .with_for_update(skip_locked=True)
    )
    connection.execute(delete(novelty_members).where(table.story_id.in_(old)))


def _said_row(novelty: Novelty, member: Member, now: datetime) -> Row:
    key = {"story_id": member.telling.story_id, "revision": member.telling.revision}
    return {**key, **msgspec.structs.asdict(novelty), "stored_at": now}


def _member_row(member: Member, now: datetime) -> Row:
    telling = member.telling
    told = {name: getattr(telling, name) for name in _MEMBER_COLUMNS}
    bands = dict(zip(BAND_NAMES, telling.bands, strict=True))
    return {**told, "cluster_id": member.cluster_id, **bands, "stored_at": now}


def _novelty(values: Sequence[Any]) -> Novelty:
    return Novelty(**dict(zip(Novelty.__struct_fields__, values, strict=True)))


def _parts(everything: Sequence[Any]) -> Iterator[list[Any]]:
    for first in range(0, len(everything), STORIES_A_QUERY):
        yield list(everything[first : first + STORIES_A_QUERY])
