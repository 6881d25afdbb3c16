"""Sums of a window, the same on both databases."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from newstide.store.database import Database
from newstide.store.filters import Filters
from newstide.store.migrate import upgrade
from newstide.store.reads import source_names
from newstide.store.totals import by_source, newest, totals
from newstide.store.writes import add_stories
from tests.e2e.dashboard_seed import story

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    sqlite = request.param == "sqlite"
    found = Database(f"sqlite:///{tmp_path / 'x.db'}" if sqlite else request.getfixturevalue("database_url"))
    upgrade(found)
    yield found
    found.close()


def fill(database: Database) -> None:
    stories = [
        story("up", NOW, sentiment="positive", source="a"),
        story("down", NOW, sentiment="negative", source="b"),
        story("down again", NOW, sentiment="negative", source="b", language="zh"),
        story("long ago", NOW - timedelta(days=9), source="c"),
    ]
    with database.transaction() as connection:
        add_stories(connection, stories, NOW)


def test_nothing_has_no_mean(database: Database) -> None:
    found = totals(database, Filters())
    assert (found.count, found.mean_score) == (0, None)
    assert by_source(database, Filters(), 5) == []
    assert newest(database) is None


def test_a_window_is_summed(database: Database) -> None:
    fill(database)
    found = totals(database, Filters(since=NOW - timedelta(hours=1)))
    assert (found.count, found.positive + found.negative + found.neutral + found.unsure) == (3, 3)
    assert found.mean_score is not None
    assert found.mean_score < 0
    assert totals(database, Filters(languages=("zh",))).count == 1


def test_the_busiest_source_comes_first_and_the_list_is_bounded(database: Database) -> None:
    fill(database)
    assert [(row.source, row.totals.count) for row in by_source(database, Filters(), 2)] == [("b", 2), ("a", 1)]
    assert source_names(database) == ["a", "b", "c"]
    assert source_names(database, Filters(since=NOW - timedelta(hours=1))) == ["a", "b"]


def test_the_newest_score_has_its_stamp(database: Database) -> None:
    fill(database)
    found = newest(database)
    assert found is not None
    assert found.stored_at == NOW
