"""The consume loop through a real bus into a real database: embedded, and Kafka with PostgreSQL."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import update

from newstide.bus.port import Record
from newstide.consume.policy import RejectBudget
from newstide.errors import StoreRefused, TooManyRejects
from newstide.messages import Tally
from newstide.store import health
from newstide.store.schema import streams
from processor.pipeline import Work
from tests.integration.loops import Stage, item, items


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
