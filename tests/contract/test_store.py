"""What the store promises to those who write stories, on SQLite and on a real PostgreSQL."""

import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from newstide.errors import SchemaMismatch, SettingsInvalid, StoreRefused, StoreUnavailable
from newstide.store import alert_tables, delivery_schema, migrate, reads, writes
from newstide.store.database import Database
from newstide.store.schema import metadata, rollups, scores, stories
from tests.contract.stories import HOSTILE, NOON, count, scored

# --- the tables ---------------------------------------------------------------------------------------------------


def test_migrations_make_the_schema(database: Database) -> None:
    for table in (alert_tables.firings, delivery_schema.inbox):
        assert table.metadata is metadata, "a module that nobody imports here has no tables"
    with database.transaction() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": False})
        assert compare_metadata(context, metadata) == []


def test_upgrade_twice_is_harmless(database: Database) -> None:
    with database.transaction() as connection:
        writes.add_stories(connection, [scored(1)], NOON)
    found = migrate.upgrade(database)
    assert found.up_to_date
    assert count(database, "stories") == 1


def test_two_upgrades_at_once(empty: Database) -> None:
    outcomes: list[object] = []

    def upgrade() -> None:
        try:
            outcomes.append(migrate.upgrade(empty).up_to_date)
        except Exception as error:
            outcomes.append(error)

    threads = [threading.Thread(target=upgrade) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert outcomes == [True] * 3


def test_a_database_of_another_version_is_refused(empty: Database) -> None:
    with pytest.raises(SchemaMismatch, match="schema none") as raised:
        migrate.require_current(empty)
    assert raised.value.fix == "newstide db upgrade"
    migrate.upgrade(empty)
    migrate.require_current(empty)
    with empty.transaction() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaMismatch, match="9999"):
        migrate.require_current(empty)


# --- exactly once -------------------------------------------------------------------------------------------------


def test_a_story_is_stored_once_in_a_batch_and_across_batches(database: Database) -> None:
    first = [scored(1), scored(2), scored(1)]
    with database.transaction() as connection:
        new = writes.add_stories(connection, first, NOON)
        again = writes.add_stories(connection, [scored(2), scored(3)], NOON)  # in the same transaction
    assert new == {s.key for s in first}
    assert again == {scored(3).key}
    with database.transaction() as connection:
        assert writes.add_stories(connection, [scored(n) for n in (1, 2, 3)], NOON) == set()
        assert writes.add_stories(connection, [], NOON) == set()
    assert (count(database, "stories"), count(database, "scores")) == (3, 3)


def test_a_revision_and_a_model_version_are_rows_of_their_own(database: Database) -> None:
    with database.transaction() as connection:
        writes.add_stories(connection, [scored(1)], NOON)
        assert len(writes.add_stories(connection, [scored(1, revision=2, title="Corrected")], NOON)) == 1
        assert len(writes.add_stories(connection, [scored(1, model="m-2")], NOON)) == 1
    assert (count(database, "stories"), count(database, "scores")) == (2, 3)


def test_rollups_count_each_text_once_by_its_first_score(database: Database) -> None:
    with database.transaction() as connection:
        writes.add_stories(connection, [scored(1, score=0.5), scored(2, score=-0.5), scored(3, score=0.0)], NOON)
        writes.add_stories(connection, [scored(1, score=0.5), scored(1, score=0.9, model="m-2")], NOON)
        writes.add_stories(connection, [scored(4, score=0.3, minute=1)], NOON)
        writes.add_stories(connection, [scored(5, score=0.3, wire=("zh", "wire"))], NOON)
    with database.transaction() as connection:
        by_minute = rollups.select().where(rollups.c.level == 1)
        rows = connection.execute(by_minute.order_by(rollups.c.start, rollups.c.language)).all()
    minute = int(NOON.timestamp()) // 60
    assert [(r.start, r.language, r.source, r._mapping["count"]) for r in rows] == [
        (minute, "en", "wire", 3),
        (minute, "zh", "wire", 1),
        (minute + 1, "en", "wire", 1),
    ]
    first = rows[0]
    assert (first.negative, first.neutral, first.positive, first.unsure) == (1, 1, 1, 0)
    # in millionths; 0.5 and -0.5 weigh 0.25 each, 0.0 weighs 1
    assert (first.scored, first.weight, first.score_sum, first.score_squares) == (3, 1_500_000, 0, 125_000)


def test_an_error_takes_everything_back(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.transaction() as connection:
        writes.add_stories(connection, [scored(1)], NOON)
        raise ZeroDivisionError
    assert [count(database, t) for t in ("stories", "scores", "rollups")] == [0, 0, 0]


def test_writers_with_stories_and_rollups_in_common_never_stop_each_other(database: Database) -> None:
    problems: list[BaseException] = []
    start = threading.Barrier(4)

    def write(seed: int) -> None:
        try:
            start.wait(30)
            for turn in range(6):
                batch = [scored(n, minute=n % 5) for n in range(turn * 20, turn * 20 + 30)]
                with database.transaction() as connection:
                    writes.add_stories(connection, batch if seed % 2 else batch[::-1], NOON)
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=write, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert problems == []
    with database.transaction() as connection:
        by_day = rollups.select().where(rollups.c.level == 1_440).with_only_columns(rollups.c["count"])
        counted = sum(connection.execute(by_day).scalars())
    assert counted == count(database, "stories") == count(database, "scores") == 130


# --- what goes wrong ----------------------------------------------------------------------------------------------


def test_what_cannot_be_stored_is_refused(database: Database) -> None:
    bad = [scored(1, title="\ud800 alone")] + ([] if database.is_sqlite else [scored(1, title="a\x00b")])
    for story in bad:
        with pytest.raises(StoreRefused), database.transaction() as connection:
            writes.add_stories(connection, [scored(2), story], NOON)
    with database.transaction() as connection:  # the connection is as good as before
        assert len(writes.add_stories(connection, [scored(2)], NOON)) == 1


def test_hostile_text_comes_back_as_it_was(database: Database) -> None:
    with database.transaction() as connection:
        writes.add_stories(connection, [scored(n, title=title) for n, title in enumerate(HOSTILE)], NOON)
    with database.transaction() as connection:
        assert set(connection.execute(stories.select().with_only_columns(stories.c.title)).scalars()) == set(HOSTILE)
        assert connection.execute(scores.select()).first() is not None
    for n, title in enumerate(HOSTILE):
        (found,) = reads.story(database, scored(n).item.story_id)
        assert (found.title, found.symbols, found.published_at) == (title, ("ACME",), NOON)


@pytest.mark.postgres
def test_a_database_that_was_killed(request: pytest.FixtureRequest, database_url: str) -> None:
    postgres = request.getfixturevalue("postgres")
    database = Database(database_url)
    migrate.upgrade(database)
    with pytest.raises(StoreUnavailable) as raised, database.transaction() as connection:
        postgres.kill()
        writes.add_stories(connection, [scored(1)], NOON)
    assert "does not answer" in raised.value.what
    with pytest.raises(StoreUnavailable):
        reads.last_seq(database)
    postgres.start()
    with database.transaction() as connection:
        writes.add_stories(connection, [scored(1)], NOON)
    assert count(database, "stories") == 1
    database.close()


@pytest.mark.postgres
def test_a_standby_is_away_and_refuses_nothing(database_url: str) -> None:
    """What a server that is read only will not take now, its successor will: no story may be set aside for it."""
    standby = Database(database_url, read_only=True)
    with pytest.raises(StoreUnavailable, match="refuses us") as raised:
        migrate.upgrade(standby)
    assert "read-only" in raised.value.why
    standby.close()


def test_a_file_that_was_moved(tmp_path: Path) -> None:
    path = tmp_path / "newstide.db"
    writer, reader = Database(f"sqlite:///{path}"), Database(f"sqlite:///{path}", read_only=True)
    migrate.upgrade(writer)
    assert reads.last_seq(reader) == 0
    with pytest.raises(StoreUnavailable), reader.transaction() as connection:
        writes.add_stories(connection, [scored(1)], NOON)
    writer.close()
    path.rename(tmp_path / "elsewhere.db")
    with pytest.raises(StoreUnavailable):
        reads.last_seq(reader)
    assert not path.exists(), "a reader makes no database"


@pytest.mark.parametrize("url", ["nonsense", "mysql://host/name", "postgresql://host/name"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(SettingsInvalid):
        Database(url)


def test_an_address_keeps_its_secret() -> None:
    assert "hunter2" not in Database("postgresql+psycopg://me:hunter2@nowhere.invalid/name").name
