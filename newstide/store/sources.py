"""What ingest remembers: where each source stands, the last text of each story, and the counts.

`save` is for sources that one program feeds by itself (files, the demo); those that are polled change hands, and are
settled under a lease (newstide.store.leases).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, RowMapping, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from newstide.messages import TIER_DEFAULT
from newstide.sources import SourceState
from newstide.store.bulk import insert_new
from newstide.store.database import Database
from newstide.store.schema import Row
from newstide.store.source_schema import source_items, sources

REMEMBER: Final = timedelta(days=30)
"""A story not seen in its feed for this long is forgotten; feeds rarely list more than a week."""
KEYS_A_QUERY: Final = 500

_STATE: Final = tuple(SourceState.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class SeenText:
    """The last text published of a story."""

    story_id: str
    content_hash: str
    revision: int


def load(database: Database, names: Iterable[str]) -> dict[str, SourceState]:
    with database.transaction() as connection:
        rows = connection.execute(select(sources).where(sources.c.source.in_(list(names))))
        return {row.source: state_of(row._mapping) for row in rows}


def load_all(database: Database) -> list[SourceState]:
    with database.transaction() as connection:
        return [state_of(row._mapping) for row in connection.execute(select(sources).order_by(sources.c.source))]


def state_of(row: RowMapping) -> SourceState:
    return SourceState(**{name: row[name] for name in _STATE})


def state_row(state: SourceState, now: datetime) -> Row:
    return {name: getattr(state, name) for name in _STATE} | {"updated_at": now}


def save(connection: Connection, state: SourceState, now: datetime) -> None:
    row = state_row(state, now)
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(sources).values(row | {"added_at": now})
    fresh = {name: statement.excluded[name] for name in row if name != "source"}
    connection.execute(statement.on_conflict_do_update(index_elements=["source"], set_=fresh))


def tiers(connection: Connection) -> dict[str, int]:
    """The tiers of the sources that are not of the usual one."""
    query = select(sources.c.source, sources.c.tier).where(sources.c.tier != TIER_DEFAULT)
    return {row.source: row.tier for row in connection.execute(query)}


def seen(database: Database, source: str, story_ids: Sequence[str]) -> dict[str, SeenText]:
    """What is remembered of these stories."""
    found: dict[str, SeenText] = {}
    with database.transaction() as connection:
        for first in range(0, len(story_ids), KEYS_A_QUERY):
            some = list(story_ids[first : first + KEYS_A_QUERY])
            query = select(source_items).where(source_items.c.source == source, source_items.c.story_id.in_(some))
            for row in connection.execute(query):
                found[row.story_id] = SeenText(row.story_id, row.content_hash, row.revision)
    return found


def remember(connection: Connection, source: str, texts: Sequence[SeenText], now: datetime) -> None:
    """Keep what was published; texts seen again stay fresh. Old memories go."""
    rows = [
        {
            "source": source,
            "story_id": text.story_id,
            "content_hash": text.content_hash,
            "revision": text.revision,
            "seen_at": now,
        }
        for text in texts
    ]
    new = {story_id for (story_id,) in insert_new(connection, source_items, rows, ("story_id",))}
    for row in rows:
        if row["story_id"] not in new:
            changed = update(source_items).where(
                source_items.c.source == source, source_items.c.story_id == row["story_id"]
            )
            connection.execute(changed.values(row))
    connection.execute(
        delete(source_items).where(source_items.c.source == source, source_items.c.seen_at < now - REMEMBER)
    )
