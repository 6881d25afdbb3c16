"""The embedded files when the disk plays tricks: damaged, in the way of a folder, full."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from newstide.bus.connect import connect_ready
from newstide.bus.embedded import EmbeddedProducer
from newstide.bus.port import Bounds, Outgoing
from newstide.errors import (
    BusUnavailable,
    FileDamaged,
    NewstideError,
    SchemaMismatch,
    SettingsInvalid,
    StoreUnavailable,
)
from newstide.settings import Settings
from newstide.store import health, migrate
from newstide.store.connect import connect
from newstide.store.database import Database


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "var")


def made(settings: Settings) -> Settings:
    """With both files, as programs leave them."""
    connect(settings).close()
    connect_ready(settings)
    return settings


def _garbage(path: Path) -> None:
    path.write_bytes(b"\x17garbage" * 4_000)


def _cut(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
    path.write_bytes(path.read_bytes()[:5_000])


@pytest.mark.parametrize("harm", [_garbage, _cut])
def test_a_damaged_store_is_said_to_be_one(settings: Settings, harm: Callable[[Path], None]) -> None:
    harm(made(settings).data_dir / "newstide.db")
    for read_only in (False, True):
        with pytest.raises(FileDamaged, match="newstide.db") as caught:
            health.partitions(connect(settings, read_only=read_only))
        assert caught.value.exit_code == 4 and "backup" in caught.value.fix


@pytest.mark.parametrize("harm", [_garbage, _cut])
def test_a_damaged_log_is_said_to_be_one(settings: Settings, harm: Callable[[Path], None]) -> None:
    harm(made(settings).data_dir / "bus.db")
    with pytest.raises(FileDamaged, match=r"bus\.db"):
        connect_ready(settings).producer().publish("news.raw", [Outgoing(0, b"k", b"v")])


def test_a_file_where_the_folder_should_be(settings: Settings) -> None:
    settings.data_dir.write_text("in the way")
    with pytest.raises(SettingsInvalid, match="cannot be made"):
        connect(settings)
    with pytest.raises(SettingsInvalid, match="cannot be made"):
        connect_ready(settings)
    with pytest.raises(StoreUnavailable, match="no database"):
        connect(settings, read_only=True)


@pytest.mark.parametrize("version", ["9999", "0001; DROP TABLE stories"])
def test_a_store_of_a_newer_version_is_left_alone(settings: Settings, version: str) -> None:
    path = made(settings).data_dir / "newstide.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (version,))
    for read_only in (False, True):
        with pytest.raises(SchemaMismatch):
            connect(settings, read_only=read_only)


def test_a_store_of_two_versions_at_once(settings: Settings) -> None:
    path = made(settings).data_dir / "newstide.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO alembic_version VALUES ('other')")
    with pytest.raises(SchemaMismatch):
        migrate.status(Database(settings.store_url))
    with pytest.raises(SchemaMismatch):
        connect(settings)


def test_a_full_log_refuses_and_goes_on_when_there_is_room(settings: Settings) -> None:
    """The disk is played by SQLite's own limit on the size of its file."""
    connect_ready(settings)
    with closing(EmbeddedProducer(settings.bus_path)) as producer:
        producer.publish("news.raw", [Outgoing(0, b"k", b"before")])
        limit = producer._log._connection.execute
        pages = limit("PRAGMA page_count").fetchone()[0]
        limit(f"PRAGMA max_page_count = {pages + 1}")
        for _ in range(2):
            with pytest.raises(BusUnavailable) as caught:
                producer.publish("news.raw", [Outgoing(0, b"k", b"x" * 100_000)])
            assert "full" in caught.value.why
        limit("PRAGMA max_page_count = 1000000")
        producer.publish("news.raw", [Outgoing(0, b"k", b"after")])
    assert connect_ready(settings).admin().describe_topic("news.raw").bounds[0] == Bounds(0, 2)


def test_a_full_store_is_a_store_that_is_away(settings: Settings) -> None:
    """What does not fit now fits later: it must never be taken for data that the store refuses."""
    database = connect(settings)

    def grow(pages: int) -> None:
        with database.transaction() as connection:
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
            connection.exec_driver_sql("CREATE TABLE big AS SELECT zeroblob(100000) AS filler")

    for _ in range(2):
        with pytest.raises(NewstideError) as caught:
            grow(1)
        assert isinstance(caught.value, StoreUnavailable) and "full" in caught.value.why
    grow(1_000_000)
    database.close()
