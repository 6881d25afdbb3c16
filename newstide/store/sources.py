"""What ingest remembers: where each source stands, the last text of each story, and the counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, RowMapping, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from newstide.errors import UsageError
from newstide.store.bulk import insert_new
from newstide.store.database import Database
from newstide.store.schema import Row, source_items, sources

REMEMBER: Final = timedelta(days=30)
"""A story not seen in its feed for this long is forgotten; feeds rarely list more than a week."""
KEYS_A_QUERY: Final = 500


@dataclass(frozen=True, slots=True)
class SourceState:
    """A source as the last poll left it. received = published + unchanged + rejected."""

    source: str
    kind: str
    url: str = ""
    etag: str = ""
    last_modified: str = ""
    failures: int = 0
    received: int = 0
    published: int = 0
    unchanged: int = 0
    rejected: int = 0
    last_success_at: datetime | None = None
    last_error: str = ""
    next_due_at: datetime | None = None

    def counted(self, *, published: int = 0, unchanged: int = 0, rejected: int = 0) -> SourceState:
        return replace(
            self,
            received=self.received + published + unchanged + rejected,
            published=self.published + published,
            unchanged=self.unchanged + unchanged,
            rejected=self.rejected + rejected,
        )


@dataclass(frozen=True, slots=True)
class SeenText:
    """The last text published of a story."""

    story_id: str
    content_hash: str
    revision: int


def load(database: Database, names: Iterable[str]) -> dict[str, SourceState]:
    with database.transaction() as connection:
        return load_by(connection, names)


def load_by(connection: Connection, names: Iterable[str]) -> dict[str, SourceState]:
    """As `load`, within a transaction that goes on."""
    rows = connection.execute(select(sources).where(sources.c.source.in_(list(names))))
    return {row.source: _state(row._mapping) for row in rows}


def introduce(database: Database, kind: str, names: Iterable[str], now: datetime) -> None:
    """Rows for sources that were never heard of. Raises UsageError for one that is known as something else."""
    names = sorted(names)
    with database.transaction() as connection:
        known = load_by(connection, names)
        for name in names:
            if name not in known:
                save(connection, SourceState(source=name, kind=kind), now)
            elif known[name].kind != kind:
                what = f"the source {name} is a {known[name].kind}"
                raise UsageError(what, why="its counts are its own", fix=f"give the {kind} another name")


def load_all(database: Database) -> list[SourceState]:
    with database.transaction() as connection:
        return [_state(row._mapping) for row in connection.execute(select(sources).order_by(sources.c.source))]


def _state(row: RowMapping) -> SourceState:
    return SourceState(**{name: row[name] for name in SourceState.__dataclass_fields__})


def save(connection: Connection, state: SourceState, now: datetime) -> None:
    row: Row = {name: getattr(state, name) for name in SourceState.__dataclass_fields__} | {"updated_at": now}
    _upsert(connection, [row])


def _upsert(connection: Connection, rows: Sequence[Row]) -> None:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(sources).values(list(rows))
    fresh = {c.name: statement.excluded[c.name] for c in sources.c if not c.primary_key}
    connection.execute(statement.on_conflict_do_update(index_elements=["source"], set_=fresh))


def seen(database: Database, source: str, story_ids: Sequence[str]) -> dict[str, SeenText]:
    """What is remembered of these stories."""
    with database.transaction() as connection:
        return seen_by(connection, source, story_ids)


def seen_by(connection: Connection, source: str, story_ids: Sequence[str]) -> dict[str, SeenText]:
    """As `seen`, within a transaction that goes on."""
    found: dict[str, SeenText] = {}
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
