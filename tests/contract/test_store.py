"""What the store promises to writers, on SQLite and on a real PostgreSQL."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from newstide.bus.port import StreamIdentity
from newstide.errors import Fenced, SchemaMismatch, SettingsInvalid, StoreUnavailable
from newstide.messages import Reason, Reject
from newstide.store import health, migrate, reads, sources, streams, writes
from newstide.store.database import Database, StoreRefused
from newstide.store.schema import metadata, rollups, scores, stories
from newstide.store.sources import SeenText, SourceState
from newstide.store.streams import Move, Progress, Stream, Tally
from tests.contract.stories import HOSTILE, NOON, scored

STREAM = Stream("processor", "news.raw")
LOG = StreamIdentity("cluster", "topic")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without tables."""
    if request.param == "sqlite":
        made = Database(f"sqlite:///{tmp_path / 'a folder #1' / '50% new?.db'}")
    else:
        made = Database(request.getfixturevalue("database_url"))
    yield made
    made.close()


@pytest.fixture
def database(empty: Database) -> Database:
    migrate.upgrade(empty)
    return empty


def count(database: Database, table: str) -> int:
    with database.transaction() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())  # noqa: S608 - our names


# --- the tables ---------------------------------------------------------------------------------------------------


def test_migrations_make_the_schema(database: Database) -> None:
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
    assert new == {writes.key_of(s) for s in first}
    assert again == {writes.key_of(scored(3))}
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
        writes.add_stories(connection, [scored(4, score=0.3, minute=1), scored(5, score=0.3, language="zh")], NOON)
    with database.transaction() as connection:
        rows = connection.execute(rollups.select().order_by(rollups.c.minute, rollups.c.language)).all()
    minute = int(NOON.timestamp()) // 60
    assert [(r.minute, r.language, r.source, r._mapping["count"]) for r in rows] == [
        (minute, "en", "wire", 3),
        (minute, "zh", "wire", 1),
        (minute + 1, "en", "wire", 1),
    ]
    first = rows[0]
    assert (first.negative, first.neutral, first.positive, first.unsure) == (1, 1, 1, 0)
    assert first.score_sum == pytest.approx(0.0)
    assert first.score_sum_squares == pytest.approx(0.5)


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
        counted = sum(connection.execute(rollups.select().with_only_columns(rollups.c["count"])).scalars())
    assert counted == count(database, "stories") == count(database, "scores") == 130


# --- positions ----------------------------------------------------------------------------------------------------


def begun(database: Database, *partitions: int) -> None:
    streams.begin(database, STREAM, LOG, dict.fromkeys(partitions, 10), NOON)


def test_positions_begin_once(database: Database) -> None:
    assert streams.progress(database, STREAM, [0, 1]) == {}
    begun(database, 0)
    streams.begin(database, STREAM, LOG, {0: 99, 1: 5}, NOON)
    assert streams.progress(database, STREAM, [0, 1, 2]) == {
        0: Progress(LOG, 10, None, 0),
        1: Progress(LOG, 5, None, 0),
    }
    assert streams.progress(database, Stream("alerts", "news.raw"), [0]) == {}


def test_a_move_from_where_it_stands(database: Database) -> None:
    begun(database, 0, 1)
    with database.transaction() as connection:
        streams.advance(connection, STREAM, [Move(1, 10, 12, "f1"), Move(0, 10, 15, "f0")], NOON)
        streams.add_tally(connection, STREAM, {0: Tally(3, 1, 1), 1: Tally(stored=2)})
    known = streams.progress(database, STREAM, [0, 1])
    assert known == {0: Progress(LOG, 15, "f0", 0), 1: Progress(LOG, 12, "f1", 0)}
    rows = {p.partition: (p.received, p.stored, p.duplicates, p.dead) for p in health.partitions(database)}
    assert rows == {0: (5, 3, 1, 1), 1: (2, 2, 0, 0)}


def test_a_stale_move_takes_everything_back(database: Database) -> None:
    begun(database, 0, 1)
    with pytest.raises(Fenced), database.transaction() as connection:
        streams.advance(connection, STREAM, [Move(0, 10, 15, "f"), Move(1, 11, 12, "f")], NOON)
        writes.add_stories(connection, [scored(1)], NOON)
    assert {p: k.next_offset for p, k in streams.progress(database, STREAM, [0, 1]).items()} == {0: 10, 1: 10}
    assert count(database, "stories") == 0


def test_of_two_owners_one_wins(database: Database) -> None:
    begun(database, 0)
    outcomes: list[str] = []
    start = threading.Barrier(4)

    def move(name: str) -> None:
        start.wait(30)
        try:
            with database.transaction() as connection:
                streams.advance(connection, STREAM, [Move(0, 10, 20, name)], NOON)
                streams.add_tally(connection, STREAM, {0: Tally(stored=10)})
            outcomes.append("won")
        except Fenced:
            outcomes.append("fenced")

    threads = [threading.Thread(target=move, args=(f"owner {n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == ["fenced"] * 3 + ["won"]
    assert health.partitions(database)[0].stored == 10


def test_whether_a_move_was_made(database: Database) -> None:
    begun(database, 0)
    move = Move(0, 10, 15, "f")
    assert not streams.stands_at(database, STREAM, [move])
    with database.transaction() as connection:
        streams.advance(connection, STREAM, [move], NOON)
    assert streams.stands_at(database, STREAM, [move])
    assert not streams.stands_at(database, STREAM, [Move(0, 10, 15, "another record")])


def test_a_gap_is_written_down_once(database: Database) -> None:
    begun(database, 0)
    streams.skip_gap(database, STREAM, 0, 10, 17, NOON)
    with pytest.raises(Fenced):
        streams.skip_gap(database, STREAM, 0, 10, 17, NOON)
    assert health.gap_total(database) == 7
    assert streams.progress(database, STREAM, [0])[0].next_offset == 17


def test_attempts(database: Database) -> None:
    begun(database, 0, 1)
    for _ in range(2):
        streams.note_attempts(database, STREAM, {0: 10, 1: 99}, {})
    assert {p: k.attempts for p, k in streams.progress(database, STREAM, [0, 1]).items()} == {0: 2, 1: 0}
    streams.note_attempts(database, STREAM, {}, {0: 10})
    assert streams.progress(database, STREAM, [0])[0].attempts == streams.CONDEMNED
    streams.clear_attempts(database, STREAM, {0: 10})
    assert streams.progress(database, STREAM, [0])[0].attempts == 0


def test_beginning_again_leaves_alone_what_another_owner_has_begun(database: Database) -> None:
    begun(database, 0, 1)
    streams.begin_again(database, STREAM, {0: 10, 1: 9})
    assert set(streams.progress(database, STREAM, [0, 1])) == {1}


# --- dead letters and sources --------------------------------------------------------------------------------------


def reject(raw: bytes, line: int = -1, detail: str = "why") -> Reject:
    return Reject(
        stage="process",
        origin="news.raw/0",
        position=7,
        line=line,
        reason=Reason.NOT_JSON,
        detail=detail,
        raw=raw,
        at=NOON,
    )


def test_a_reject_is_kept_byte_for_byte_and_once(database: Database) -> None:
    hostile = b"\x00\xff\xfe" + bytes(range(256)) + "新闻".encode()
    for _ in range(2):
        with database.transaction() as connection:
            writes.add_rejects(connection, [reject(hostile, detail="x\x00" * 3_000), reject(b"", line=1)])
    rows = health.dead_letter_rows(database, 10)
    assert {(r.line, bytes(r.raw)) for r in rows} == {(-1, hostile), (1, b"")}
    assert all(len(r.detail) <= 2_000 and "\x00" not in r.detail for r in rows)
    assert health.dead_letter_counts(database) == {"process:not_json": 2}


def test_another_reject_at_the_same_place_of_a_log_made_anew_is_kept(database: Database) -> None:
    for raw in (b"of the first log", b"of the second"):
        with database.transaction() as connection:
            writes.add_rejects(connection, [reject(raw)])
    assert count(database, "dead_letters") == 2


def test_sources_remember(database: Database) -> None:
    state = SourceState("wire", "rss", url="https://example.com/f?a='b'", etag='W/"1"', next_due_at=NOON)
    with database.transaction() as connection:
        sources.save(connection, state, NOON)
        sources.save(connection, state.counted(published=2, unchanged=1), NOON)
        sources.save(connection, SourceState("atom", "rss"), NOON)
    assert sources.load(database, ["wire", "none"]) == {"wire": state.counted(published=2, unchanged=1)}
    assert [s.source for s in sources.load_all(database)] == ["atom", "wire"]
    assert sources.load(database, ["wire"])["wire"].received == 3


def test_texts_seen(database: Database) -> None:
    texts = [SeenText(f"s{n}", f"h{n}", 1) for n in range(1_200)]
    with database.transaction() as connection:
        sources.remember(connection, "wire", texts, NOON)
        sources.remember(connection, "wire", [SeenText("s1", "new", 2)], NOON + timedelta(days=20))
    ids = [t.story_id for t in texts]
    assert len(sources.seen(database, "wire", ids)) == 1_200
    assert sources.seen(database, "wire", ["s1", "none"]) == {"s1": SeenText("s1", "new", 2)}
    assert sources.seen(database, "other", ["s1"]) == {}
    with database.transaction() as connection:
        sources.remember(connection, "wire", [], NOON + timedelta(days=40))
    assert set(sources.seen(database, "wire", ids)) == {"s1"}


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
