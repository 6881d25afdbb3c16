"""The consume loop when the log is no longer the one that was read."""

import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import update

from newstide.errors import HistoryChanged
from newstide.messages import Tally
from newstide.store import health
from newstide.store import streams as streams_of
from newstide.store.schema import streams
from tests.integration.loops import CLUSTER, PARTITIONS, Stage, items, wait_until


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


def test_a_position_that_was_taken_back_begins_anew(stage: Stage) -> None:
    """As when another processor rewinds the log under a running one."""
    stage.publish(*items(12))
    actor = stage.actor(drain=False).start()
    wait_until(lambda: len(stage.score_keys()) == 12)
    streams_of.begin_again(stage.database, stage.stream, stage.offsets())
    stage.publish(*items(12, first=12))
    wait_until(lambda: stage.tally() == Tally(stored=12, duplicates=12))
    actor.service.stop.set()
    actor.join()
    assert actor.error is None
    assert actor.metric("newstide_consumer_cas_rejections_total") >= 1
    stage.assert_exactly(*items(24))


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
