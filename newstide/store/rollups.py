"""Sums by entity, topic, language and tier, at three lengths, kept in step with the stories.

A story counts once, by the first score of its latest revision: a later revision takes the earlier one out again. They
are a cache: `rebuild` makes them of the rows, and the two are equal to the last bit (see newstide.index.moments).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, delete, select, update

from newstide.index.levels import LEVELS
from newstide.index.moments import NAMES, Fact, contributions, values
from newstide.messages import ScoredStory
from newstide.store import facts
from newstide.store.bulk import add_up
from newstide.store.known import first_score, in_view
from newstide.store.schema import Row, rollup_levels, rollups, stories

KEY: Final = tuple(column.name for column in rollups.primary_key)
EVER: Final = -(2**62)
"""`complete_from` of a level that was never pruned: before any minute."""
REBUILD_STORIES: Final = 2_000
"""Read at once when rollups are made anew: a few megabytes."""


def follow(connection: Connection, new_texts: Mapping[tuple[str, int], ScoredStory]) -> None:
    """Bring the rollups in step with texts that were stored just now, each with its first score."""
    latest: dict[str, ScoredStory] = {}
    for (story_id, revision), story in new_texts.items():
        if story_id not in latest or revision > latest[story_id].item.revision:
            latest[story_id] = story
    before = _counted_before(connection, sorted(latest), set(new_texts))
    add: list[Fact] = []
    remove: list[Fact] = []
    for story_id, story in latest.items():
        known = before.get(story_id)
        if known is not None and known.revision > story.item.revision:
            continue  # an old revision, come late
        add.append(facts.fact_of(story))
        if known is not None:
            remove.append(known.fact)
    if add:
        add_up(connection, rollups, rollup_rows(add, remove, complete_from(connection)))


def _counted_before(
    connection: Connection, story_ids: Sequence[str], new_texts: set[tuple[str, int]]
) -> dict[str, facts.StoredFact]:
    """The revision of each story that the rollups count up to now; most stories have none."""
    found: dict[str, facts.StoredFact] = {}
    for some in facts.cut(_revised(connection, story_ids, new_texts)):
        query = facts.shown().where(facts.among(some), first_score()).order_by(stories.c.story_id, stories.c.revision)
        for stored in facts.read(connection, query):
            if (stored.story_id, stored.revision) not in new_texts:  # the last one that comes is the highest revision
                found[stored.story_id] = stored
    return found


def _revised(connection: Connection, story_ids: Sequence[str], new_texts: set[tuple[str, int]]) -> list[str]:
    """Stories with a text that is not new."""
    found: set[str] = set()
    for some in facts.cut(story_ids):
        query = select(stories.c.story_id, stories.c.revision).where(facts.among(some))
        found |= {story_id for story_id, revision in connection.execute(query) if (story_id, revision) not in new_texts}
    return sorted(found)


def complete_from(connection: Connection) -> dict[int, int]:
    """By level, the first minute from which its rollups hold every story."""
    rows = connection.execute(select(rollup_levels.c.level, rollup_levels.c.complete_from))
    return {int(level): int(minute) for level, minute in rows}


def rollup_rows(add: Iterable[Fact], remove: Iterable[Fact], complete: Mapping[int, int]) -> list[Row]:
    """What to add to each rollup, in key order; what is removed counts negatively. Pure.

    Levels that are no longer kept of so old a story are left out: `complete` says from when on they are.
    """
    sums: defaultdict[tuple[int, str, int, str, str, int, str], list[int]] = defaultdict(lambda: [0] * len(NAMES))
    for sign, some in ((1, add), (-1, remove)):
        for fact in some:
            minute = fact.minute
            for place, moments in contributions(fact):
                added = values(moments)
                entity_id, *rest = place
                for level in LEVELS:
                    start = minute // level * level
                    if start < complete[level]:
                        continue
                    row = sums[(level, entity_id, start, *rest)]  # type: ignore[index]
                    for column, value in enumerate(added):
                        row[column] += sign * value
    names = (*KEY, *NAMES)
    return [dict(zip(names, (*key, *row), strict=True)) for key, row in sorted(sums.items()) if any(row)]


def rebuild(connection: Connection) -> int:
    """Make all rollups anew of the rows, at every level and of all times; returns the stories that they count."""
    connection.execute(delete(rollups))
    connection.execute(update(rollup_levels).values(complete_from=EVER))
    whole = complete_from(connection)
    count = 0
    for some in facts.stream(connection, facts.shown().where(in_view()), REBUILD_STORIES):
        add_up(connection, rollups, rollup_rows([stored.fact for stored in some], (), whole))
        count += len(some)
    return count
