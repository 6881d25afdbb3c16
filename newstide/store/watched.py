"""How far the files of watched folders have been read, by what they hold: a copy of another name is no second file."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final, Literal

from sqlalchemy import ColumnElement, Connection, RowMapping, select, update

from newstide.errors import Fenced
from newstide.store.bulk import insert_new
from newstide.store.database import Database
from newstide.store.push_tables import watched_files

State = Literal["reading", "done", "broken"]
DETAIL_CHARS_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class WatchedFile:
    """`rows` are settled: published or counted, and remembered. `detail` is why it is broken."""

    source: str
    content_hash: str
    name: str
    size: int
    mtime_ns: int
    state: State = "reading"
    rows: int = 0
    detail: str = ""


def known(database: Database, source: str) -> list[WatchedFile]:
    with database.transaction() as connection:
        found = connection.execute(select(watched_files).where(watched_files.c.source == source))
        return [_file(row._mapping) for row in found]


def begin(database: Database, file: WatchedFile, now: datetime) -> WatchedFile:
    """The file as it is remembered, by its content; new, it is remembered from now on."""
    with database.transaction() as connection:
        insert_new(connection, watched_files, [asdict(file) | {"updated_at": now}], ("content_hash",))
        query = select(watched_files).where(*_of(file))
        return _file(connection.execute(query).one()._mapping)


def move(connection: Connection, file: WatchedFile, to: WatchedFile, now: datetime) -> None:
    """From one state and row to the next. Raises Fenced when it stands elsewhere: another process reads it too."""
    here = (watched_files.c.state == file.state, watched_files.c.rows == file.rows)
    values = {"state": to.state, "rows": to.rows, "detail": to.detail[:DETAIL_CHARS_MAX], "updated_at": now}
    if connection.execute(update(watched_files).where(*_of(file), *here).values(values)).rowcount == 0:
        fix = "let one process watch a folder"
        raise Fenced(f"the file {file.name} no longer stands at row {file.rows:,}", why="another one reads it", fix=fix)


def _of(file: WatchedFile) -> tuple[ColumnElement[bool], ...]:
    return watched_files.c.source == file.source, watched_files.c.content_hash == file.content_hash


def _file(row: RowMapping) -> WatchedFile:
    return WatchedFile(**{name: row[name] for name in WatchedFile.__dataclass_fields__})
