"""How long rollups of each length are kept. What is pruned is answered from rows; nothing is lost, only slower."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, delete, select, tuple_, update

from newstide.index.levels import DAY
from newstide.index.moments import minute_of
from newstide.store.rollups import KEY, complete_from
from newstide.store.schema import rollup_levels, rollups

ROWS_A_TURN: Final = 2_000
"""More than a turn of a processor adds at one level, so that pruning keeps up, and a few milliseconds of work."""
GRACE: Final = timedelta(days=1)
"""Between the moment from which nobody reads or writes a rollup any more and its end: no statement takes so long."""


def prune(connection: Connection, now: datetime, keep: Mapping[int, timedelta]) -> int:
    """Let go of rollups older than `keep` says of their level, at most ROWS_A_TURN of each; returns how many.

    Harmless from several processors at once: rows that another one holds are passed over, so nobody waits. Call it
    last in a transaction.
    """
    complete, pruned = complete_from(connection), 0
    for level, length in sorted(keep.items()):
        first = minute_of(now - length) // DAY * DAY  # moves once a day
        if first > complete[level]:
            newer = rollup_levels.c.level == level, rollup_levels.c.complete_from < first
            connection.execute(update(rollup_levels).where(*newer).values(complete_from=first))
        ended = first - GRACE // timedelta(minutes=1)
        columns = [rollups.c[name] for name in KEY]
        some = (
            select(*columns)
            .where(rollups.c.level == level, rollups.c.start < ended)
            .limit(ROWS_A_TURN)
            .with_for_update(skip_locked=True)
        )
        pruned += connection.execute(delete(rollups).where(tuple_(*columns).in_(some))).rowcount
    return pruned
