"""What is stored under a stamp is stored soon after it, or not at all: an as-of answer must not change later."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from newstide.bus.port import StreamIdentity
from newstide.clock import FakeClock
from newstide.consume.loop import TRANSACTION_MAX_S, ConsumeLoop, LoopConfig
from newstide.consume.policy import RejectBudget
from newstide.errors import StoreUnavailable
from newstide.messages import Tally
from newstide.store import migrate, streams, writes
from newstide.store.database import Database, Transaction
from newstide.store.known import SETTLED_AFTER
from newstide.store.streams import Move, Stream
from tests.contract.stories import count, scored

STREAM = Stream("processor", "news.raw")


class Slow:
    """A handler whose writing takes so long."""

    def __init__(self, clock: FakeClock, seconds: float) -> None:
        self._clock, self._seconds = clock, seconds
        self.stamps: list[datetime] = []

    def write(self, transaction: Transaction, work: Any, now: datetime) -> Mapping[int, Tally]:
        self.stamps.append(now)
        writes.add_stories(transaction, [scored(1)], now)
        self._clock.advance(self._seconds)
        return {0: Tally(stored=1)}


def written(tmp_path: Path, seconds: float) -> tuple[Database, Slow]:
    database, clock = Database(f"sqlite:///{tmp_path / 'x.db'}"), FakeClock()
    migrate.upgrade(database)
    streams.begin(database, STREAM, StreamIdentity("c", "t"), {0: 0}, clock.now())
    handler = Slow(clock, seconds)
    config = LoopConfig(STREAM, 10, RejectBudget(0.5, 500))
    loop: ConsumeLoop[Any] = ConsumeLoop(config, None, database, handler, SimpleNamespace(clock=clock))  # type: ignore[arg-type]
    try:
        loop._write([Move(0, 0, 1, "f")], None)
    except StoreUnavailable:
        assert seconds > TRANSACTION_MAX_S
    return database, handler


def test_a_turn_that_took_too_long_stores_nothing(tmp_path: Path) -> None:
    database, handler = written(tmp_path, TRANSACTION_MAX_S + 1)
    assert len(handler.stamps) == 1
    assert [count(database, table) for table in ("stories", "scores", "rollups")] == [0, 0, 0]
    assert streams.progress(database, STREAM, [0])[0].next_offset == 0, "it comes again"


def test_a_turn_in_time_stores_all(tmp_path: Path) -> None:
    database, _ = written(tmp_path, TRANSACTION_MAX_S - 1)
    assert count(database, "stories") == 1


def test_what_is_settled_is_longer_ago_than_any_transaction_lasts() -> None:
    assert timedelta(seconds=TRANSACTION_MAX_S) < SETTLED_AFTER


def test_the_stamp_is_taken_when_the_lock_is_held(tmp_path: Path) -> None:
    """Not before: a writer that waited for another one must not store under a time that was settled meanwhile."""
    clock = FakeClock()
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    migrate.upgrade(database)
    streams.begin(database, STREAM, StreamIdentity("c", "t"), {0: 0}, clock.now())
    handler = Slow(clock, 0.0)
    begin = database.transaction

    def slowly() -> Any:
        clock.advance(500)  # the wait for the write lock
        return begin()

    database.transaction = slowly  # type: ignore[method-assign]
    config = LoopConfig(STREAM, 10, RejectBudget(0.5, 500))
    loop: ConsumeLoop[Any] = ConsumeLoop(config, None, database, handler, SimpleNamespace(clock=clock))  # type: ignore[arg-type]
    loop._write([Move(0, 0, 1, "f")], None)
    assert handler.stamps == [FakeClock().now() + timedelta(seconds=500)]
