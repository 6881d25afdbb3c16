"""The consume loop when a dependency goes away, and when several believe that they own a partition."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from sqlalchemy import Connection

from newstide.bus.port import Bus, Consumer, Positions
from newstide.errors import Fenced, StoreUnavailable
from newstide.messages import Tally
from newstide.store.schema import streams
from processor.pipeline import Work
from tests.integration.loops import CLUSTER, Stage, items, wait_until


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


@pytest.mark.parametrize("stage", [CLUSTER], indirect=True)  # only a broker tells a name's new bearer from its old
def test_a_second_process_of_the_same_name_ends_the_first(stage: Stage) -> None:
    stage.publish(*items(30))
    first = stage.actor("same", drain=False, batch=4).start()
    wait_until(lambda: len(stage.score_keys()) == 30)
    second = stage.actor("same", drain=False, batch=4).start()
    assert second.service.ready.wait(30)
    stage.publish(*items(60, first=30))
    wait_until(lambda: len(stage.score_keys()) == 90)
    stage.publish(*items(60, first=90))
    wait_until(lambda: len(stage.score_keys()) == 150)
    for actor in (first, second):
        actor.service.stop.set()
        actor.join()
    assert second.error is None
    assert first.error is None or isinstance(first.error, Fenced)
    stage.assert_exactly(*items(150))
    assert stage.tally() == Tally(stored=150)


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


def test_nobody_tells_the_lag_of_a_partition_that_is_not_his(stage: Stage) -> None:
    actor = stage.actor(drain=False).start()
    wait_until(lambda: "newstide_consumer_lag_records{" in actor.service.metrics.exposition().decode())
    actor.service.stop.set()
    actor.join()
    assert actor.error is None
    assert "newstide_consumer_lag_records{" not in actor.service.metrics.exposition().decode()
    assert actor.metric("newstide_consumer_assigned_partitions") == 0
