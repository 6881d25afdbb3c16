"""The consume loop through a real bus into a real database: embedded, and Kafka with PostgreSQL."""

import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, update

from newstide.bus import embedded
from newstide.bus.port import Bus, Consumer, Positions, Record
from newstide.consume import loop as loop_module
from newstide.consume.policy import RejectBudget
from newstide.errors import HistoryChanged, StoreUnavailable, TooManyRejects
from newstide.messages import NewsItem
from newstide.store import health
from newstide.store.database import StoreRefused
from newstide.store.schema import streams
from newstide.store.streams import Tally
from processor.pipeline import Work
from tests.integration.loops import PARTITIONS, Stage, item, staged

CLUSTER = pytest.param("cluster", marks=[pytest.mark.kafka, pytest.mark.postgres])


@pytest.fixture(params=["embedded", CLUSTER])
def stage(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setattr(embedded, "MEMBER_TIMEOUT_S", 3.0)
    monkeypatch.setattr(loop_module, "LOOK_AROUND_EVERY_S", 1.0)
    if request.param == "embedded":
        address, database_url = str(tmp_path / "bus.db"), f"sqlite:///{tmp_path / 'newstide.db'}"
    else:
        address = request.getfixturevalue("broker").start().bootstrap
        database_url = request.getfixturevalue("database_url")
    with staged(request.param, address, database_url) as made:
        yield made


def wait_until(true: Callable[[], bool], within_s: float = 40) -> None:
    deadline_s = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline_s, "it did not come true"
        time.sleep(0.02)


def items(count: int, first: int = 0) -> list[NewsItem]:
    return [item(n) for n in range(first, first + count)]


def test_every_item_is_accounted_for(stage: Stage) -> None:
    good = items(70)
    stage.publish_packed(*good[:50])
    stage.publish(*good[50:], good[3], item(3, "Company 3 misses estimates", revision=2))
    stage.publish_bytes(b"no json", b'{"schema": 99}', b"", partition=1)
    stage.drain()
    stage.assert_exactly(*good, item(3, "x", revision=2))
    assert stage.tally() == Tally(stored=71, duplicates=1, dead=3)
    assert health.dead_letter_counts(stage.database) == {
        "process:not_json": 1,
        "process:unknown_schema": 1,
        "process:empty_record": 1,
    }
    assert stage.offsets() == stage.log_ends()
    assert set(stage.announced()) == {i.story_id for i in good}


def test_a_restart_reads_on_where_the_results_end(stage: Stage) -> None:
    stage.publish(*items(20))
    stage.drain()
    stage.publish(*items(20, first=20))
    stage.drain()
    stage.drain()
    stage.assert_exactly(*items(40))
    assert stage.tally() == Tally(stored=40)


def test_redelivery_changes_nothing(stage: Stage) -> None:
    stage.publish_packed(*items(40))
    stage.drain()
    with stage.database.transaction() as connection:
        connection.execute(update(streams).values(next_offset=0, fingerprint=None))
    stage.drain()
    stage.assert_exactly(*items(40))
    assert stage.tally() == Tally(stored=40, duplicates=40)


def test_a_crash_before_the_commit_repeats_the_announcement_and_not_the_row(stage: Stage) -> None:
    stage.publish_packed(*items(9))
    first = stage.actor()

    def crash(_work: Work) -> None:
        raise RuntimeError("the end of this process")

    first.handler.before_write = crash
    with pytest.raises(RuntimeError):
        first.loop.run()
    assert stage.score_keys() == []
    once = stage.announced()
    assert once
    stage.drain()
    stage.assert_exactly(*items(9))
    announced = stage.announced()
    assert set(announced) == {i.story_id for i in items(9)}
    assert len(announced) == 9 + len(once)
    assert stage.tally() == Tally(stored=9)


def test_a_record_that_kills_the_process_is_set_aside(stage: Stage) -> None:
    good = items(30)
    stage.publish(*good[:15], item(99, "killer"), *good[15:])
    command = [sys.executable, "-m", "tests.integration.loops", stage.kind, stage.address, stage.database_url]
    root = Path(__file__).resolve().parents[2]
    codes = []
    for _ in range(6):
        codes.append(subprocess.run([*command, stage.raw, stage.scored], cwd=root, check=False, timeout=60).returncode)
        if codes[-1] == 0:
            break
    assert codes[-1] == 0, codes
    assert codes[:-1] == [9] * (len(codes) - 1)
    assert len(codes) - 1 <= 4, "at most four restarts"
    stage.assert_exactly(*good)
    assert stage.tally() == Tally(stored=30, dead=1)
    (letter,) = health.dead_letter_rows(stage.database, 10)
    assert (letter.reason, letter.line) == ("crashed_repeatedly", -1)
    assert b"killer" in letter.raw


def test_a_record_that_raises_what_nobody_foresaw_is_set_aside_too(stage: Stage) -> None:
    good = items(10)
    stage.publish(*good[:5], item(99, "surprise"), *good[5:])

    def surprise(records: Sequence[Record]) -> None:
        if any(b"surprise" in (r.value or b"") for r in records):
            raise KeyError("a defect of ours")

    for _ in range(6):
        actor = stage.actor()
        actor.handler.before_prepare = surprise
        try:
            actor.loop.run()
            break
        except KeyError:
            continue
    stage.assert_exactly(*good)
    assert health.dead_letter_counts(stage.database) == {"process:crashed_repeatedly": 1}


def test_what_the_database_refuses_is_found_and_set_aside(stage: Stage) -> None:
    good = items(12)
    stage.publish(*good[:6], item(99, "refused"), *good[6:])
    actor = stage.actor()

    def refuse(work: Work) -> None:
        if any(story.item.title == "refused" for _, story in work.scored):
            raise StoreRefused("the database refused the data", why="it would not")

    actor.handler.before_write = refuse
    actor.loop.run()
    stage.assert_exactly(*good)
    assert stage.tally() == Tally(stored=12, dead=1)
    assert health.dead_letter_counts(stage.database) == {"process:store_refused": 1}


def test_too_many_rejects_stop_the_consumer(stage: Stage) -> None:
    stage.publish_bytes(*(b"garbage %d" % n for n in range(120)))
    actor = stage.actor(budget=RejectBudget(0.5, 50))
    with pytest.raises(TooManyRejects, match="rejected"):
        actor.loop.run()
    kept = stage.tally().dead
    assert 50 <= kept < 120
    assert len(health.dead_letter_rows(stage.database, 1_000)) == kept


def test_a_topic_made_anew_stops_the_consumer(stage: Stage, request: pytest.FixtureRequest) -> None:
    stage.publish(*items(12))
    stage.drain()
    recreate(stage, request)
    stage.publish(*items(12, first=100))
    with pytest.raises(HistoryChanged) as raised:
        stage.drain()
    assert "rewind" in raised.value.fix
    stage.assert_exactly(*items(12))


@pytest.mark.parametrize("stage", [CLUSTER], indirect=True)  # a running process does not see its log's file removed
def test_a_topic_made_anew_is_noticed_by_a_running_consumer(stage: Stage, request: pytest.FixtureRequest) -> None:
    stage.publish(*items(12))
    actor = stage.actor(drain=False).start()
    wait_until(lambda: len(stage.score_keys()) == 12)
    recreate(stage, request)
    actor.join()
    assert isinstance(actor.error, HistoryChanged), actor.error


def test_another_record_at_our_offset_stops_the_consumer(stage: Stage) -> None:
    stage.publish(*items(12))
    stage.drain()
    with stage.database.transaction() as connection:
        connection.execute(update(streams).values(fingerprint="of another record"))
    with pytest.raises(HistoryChanged, match="not the one that was read"):
        stage.drain()


def test_rewind_reads_all_again_without_doubles(stage: Stage, request: pytest.FixtureRequest) -> None:
    stage.publish(*items(12))
    stage.drain()
    recreate(stage, request)
    stage.publish(*items(20, first=6))
    stage.actor(rewind=True).loop.run()
    stage.assert_exactly(*items(26))
    assert stage.tally() == Tally(stored=14, duplicates=6)
    assert stage.offsets() == stage.log_ends()


def test_what_the_bus_dropped_is_written_down(stage: Stage, request: pytest.FixtureRequest) -> None:
    stage.publish_bytes(*(b"x" for _ in range(4)))
    stage.drain()
    stage.publish_bytes(*(b"x" for _ in range(6)))
    forget(stage, request, before=7)
    actor = stage.drain()
    assert stage.gaps() == [(0, 4, 7)]
    assert stage.tally() == Tally(dead=7)
    assert actor.metric("newstide_consumer_gap_records_total") == 3
    assert health.gap_total(stage.database) == 3


def test_a_database_that_goes_away_and_comes_back(stage: Stage, request: pytest.FixtureRequest) -> None:
    postgres = request.getfixturevalue("postgres") if stage.kind == "cluster" else None
    stage.publish(*items(50))
    actor, harmed = stage.actor(), threading.Event()

    def harm(_work: Work) -> None:
        if harmed.is_set():
            return
        harmed.set()
        if postgres is None:
            raise StoreUnavailable("the database does not answer")
        postgres.kill()

    actor.handler.before_write = harm
    actor.start()
    assert harmed.wait(60)
    wait_until(lambda: actor.metric('newstide_dependency_errors_total{dependency="store"}') >= 1)
    if postgres is not None:
        postgres.start()
    actor.join()
    assert actor.error is None
    stage.assert_exactly(*items(50))
    assert stage.tally() == Tally(stored=50)


def test_the_answer_to_a_commit_is_lost(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.publish_packed(*items(30))
    actor, lost = stage.actor(), [0]
    real: Callable[[], AbstractContextManager[Connection]] = stage.database.transaction

    @contextmanager
    def transaction() -> Iterator[Connection]:
        with real() as connection:
            yield connection
        if lost[0] == 1:
            lost[0] = 2
            raise StoreUnavailable("the connection broke", why="after COMMIT was sent")

    def arm(_work: Work) -> None:
        lost[0] = max(1, lost[0])

    monkeypatch.setattr(stage.database, "transaction", transaction)
    actor.handler.before_write = arm
    actor.loop.run()
    assert lost[0] == 2
    stage.assert_exactly(*items(30))
    assert stage.tally() == Tally(stored=30), "counted once, though committed without an answer"


class OtherGroup:
    """A bus on which a second processor is given the same partitions, as to a zombie."""

    def __init__(self, bus: Bus) -> None:
        self.producer, self.admin, self._bus = bus.producer, bus.admin, bus

    def consumer(self, topic: str, group: str, member: str, positions: Positions) -> Consumer:
        return self._bus.consumer(topic, f"{group}-other", member, positions)


def test_a_zombie_writes_nothing(stage: Stage) -> None:
    stage.publish_packed(*items(60))
    zombie, asleep, wake = stage.actor(), threading.Event(), threading.Event()

    def sleep() -> None:
        asleep.set()
        wake.wait(60)

    zombie.handler.before_announce = sleep
    zombie.start()
    assert asleep.wait(60)
    stage.actor("two", bus=OtherGroup(stage.bus)).loop.run()
    assert stage.tally() == Tally(stored=60)
    wake.set()
    zombie.join()
    assert zombie.error is None
    assert zombie.metric("newstide_consumer_cas_rejections_total") >= 1
    stage.assert_exactly(*items(60))
    assert stage.tally() == Tally(stored=60)


def test_two_owners_of_everything_never_write_twice(stage: Stage) -> None:
    stage.publish(*items(300))
    actors = [stage.actor("one", batch=8).start(), stage.actor("two", batch=8, bus=OtherGroup(stage.bus)).start()]
    for actor in actors:
        actor.join(120)
        assert actor.error is None
    stage.assert_exactly(*items(300))
    assert stage.tally() == Tally(stored=300)


def test_two_members_share_the_work(stage: Stage) -> None:
    actors = [stage.actor(name, drain=False, batch=8).start() for name in ("one", "two")]
    wait_until(lambda: all(a.metric("newstide_consumer_assigned_partitions") in (1, 2) for a in actors))
    stage.publish(*items(120))
    wait_until(lambda: len(stage.score_keys()) == 120)
    for actor in actors:
        actor.service.stop.set()
        actor.join()
        assert actor.error is None
    assert sum(a.metric("newstide_consumer_cas_rejections_total") for a in actors) == 0
    stage.assert_exactly(*items(120))


def test_a_stop_ends_every_wait(stage: Stage) -> None:
    stage.publish(*items(10))
    actor, waiting = stage.actor(drain=False), threading.Event()

    def away(_work: Work) -> None:
        waiting.set()
        raise StoreUnavailable("the database does not answer")

    actor.handler.before_write = away
    actor.start()
    assert waiting.wait(60)
    wait_until(lambda: actor.metric('newstide_dependency_errors_total{dependency="store"}') >= 2)
    started_s = time.monotonic()
    actor.service.stop.set()
    actor.join()
    assert actor.error is None
    assert time.monotonic() - started_s < 8
    assert stage.score_keys() == []
    with stage.database.transaction() as connection:
        assert set(connection.execute(streams.select().with_only_columns(streams.c.attempts)).scalars()) == {0}


def test_an_idle_consumer_stops_at_once(stage: Stage) -> None:
    actor = stage.actor(drain=False).start()
    assert actor.service.ready.wait(60)
    started_s = time.monotonic()
    actor.service.stop.set()
    actor.join()
    assert time.monotonic() - started_s < 5
    assert not actor.service.ready.is_set()


def recreate(stage: Stage, request: pytest.FixtureRequest) -> None:
    if stage.kind == "embedded":
        with closing(sqlite3.connect(stage.address)) as connection, connection:
            for table in ("topics", "partitions", "records"):
                connection.execute(f"DELETE FROM {table}")  # noqa: S608 - three words of ours
        stage.prepare()
    else:
        broker = request.getfixturevalue("broker")
        broker.delete_topic(stage.raw)
        broker.create_topic(stage.raw, PARTITIONS)


def forget(stage: Stage, request: pytest.FixtureRequest, before: int) -> None:
    if stage.kind == "embedded":
        with closing(sqlite3.connect(stage.address)) as connection, connection:
            connection.execute("UPDATE partitions SET log_start = ? WHERE partition = 0", (before,))
            connection.execute('DELETE FROM records WHERE partition = 0 AND "offset" < ?', (before,))
    else:
        from kafka import TopicPartition

        with closing(request.getfixturevalue("broker").admin()) as admin:
            admin.delete_records({TopicPartition(stage.raw, 0): before})
