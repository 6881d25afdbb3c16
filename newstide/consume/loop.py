"""The loop itself: it carries records to the handler and moves positions with the results. It decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from newstide.bus.port import Bus, Consumer, OffsetOutOfRange, Record
from newstide.consume.policy import CONDEMN_AFTER, RejectBudget, Suspicion, records_to_ask, take
from newstide.consume.port import Handler, Timed, W
from newstide.consume.positions import Positions
from newstide.errors import (
    BusUnavailable,
    Fenced,
    HistoryChanged,
    NewstideError,
    Retryable,
    StoreRefused,
    StoreUnavailable,
    TooManyRejects,
)
from newstide.messages import Reason, Tally
from newstide.service import Service
from newstide.store import streams
from newstide.store.database import Database
from newstide.store.streams import Move, Stream

POLL_S: Final = 1.0
LOOK_AROUND_EVERY_S: Final = 15.0
"""Between two looks at the topic's identity and our lag: a topic made anew is not noticed by the client itself."""
BACK_OFF_S: Final = (0.5, 1.0, 2.0, 5.0)
"""Waits after a failed dependency, the last one repeated: short enough to recover within seconds of its return."""

TRANSACTION_MAX_S: Final = 60.0
"""Of a turn's transaction, from its stamp on: what was known at a moment is settled soon after it (`store.known`)."""

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class LoopConfig:
    stream: Stream
    stories_max: int
    """Of one turn: it must end far below the session timeout, and a drain within ten seconds."""
    budget: RejectBudget
    rewind_on_history_change: bool = False
    drain: bool = False
    """End when everything that is in the log now has been read."""


class ConsumeLoop(Generic[W]):
    def __init__(self, config: LoopConfig, bus: Bus, database: Database, handler: Handler[W], service: Service) -> None:
        self._config, self._bus, self._database = config, bus, database
        self._handler, self._service = handler, service
        self._timed = handler if isinstance(handler, Timed) else None
        self._positions = Positions(database, config.stream)
        self._suspicion = Suspicion()
        self._taken_up: set[int] = set()
        self._failures = 0
        self._looked_around_s = float("-inf")

    def run(self) -> None:
        """Until stopped. A dependency that is away is waited for; MustStop errors end the program."""
        while not self._service.stop.is_set():
            self._service.tick()
            try:
                with self._membership() as consumer:
                    self._turns(consumer)
                    return
            except Retryable as error:
                self._back_off(error)
            except HistoryChanged as error:
                if not self._config.rewind_on_history_change:
                    raise
                self._service.log.warning("reading_again_from_the_start", why=error.why)
                streams.begin_again(self._database, self._config.stream, self._positions.offsets())

    @contextmanager
    def _membership(self) -> Iterator[Consumer]:
        """A member of the group. One that failed is never used again: its positions may be lost."""
        stream = self._config.stream
        consumer = self._bus.consumer(stream.topic, stream.consumer, self._service.instance, self._positions)
        try:
            yield consumer
        finally:
            self._service.ready.clear()
            self._owns(frozenset())
            consumer.close()

    def _turns(self, consumer: Consumer) -> None:
        generation, recent = -1, list[Record]()
        while not self._service.stop.is_set():
            self._service.tick()
            try:
                records = consumer.poll(POLL_S, records_to_ask(self._config.stories_max, recent))
            except OffsetOutOfRange as error:
                self._out_of_range(consumer, error)
                continue
            if consumer.generation() != generation:
                generation = consumer.generation()
                self._assigned(consumer)
            if consumer.ready():
                self._service.ready.set()
            self._look_around(consumer)
            records = self._positions.unread(records)
            if records:
                recent = records
                self._take(consumer, records)
            elif consumer.ready() and self._wait(consumer):
                return

    def _wait(self, consumer: Consumer) -> bool:
        """Nothing came. Whether that is the end of it."""
        timed = self._timed
        if timed is not None and consumer.assignment():
            with suppress(_Overtaken):
                self._retried(consumer, lambda: timed.idle(lambda: self._positions.behind(consumer)))
        return self._config.drain and not self._positions.behind(consumer)

    def _out_of_range(self, consumer: Consumer, error: OffsetOutOfRange) -> None:
        try:
            gap = self._positions.out_of_range(consumer, error, self._service.clock.now())
        except Fenced as fenced:
            self._fenced(consumer, {}, fenced)
        else:
            self._service.metrics.count("consumer_gap_records", gap)

    def _assigned(self, consumer: Consumer) -> None:
        self._positions.settle(consumer, self._service.clock.now())
        self._suspicion.assigned(self._positions.attempts())
        self._taken_up.clear()
        self._owns(consumer.assignment())
        self._looked_around_s = float("-inf")  # the lag of what is ours now, at once
        self._service.log.info("assigned", partitions=sorted(consumer.assignment()))

    def _owns(self, partitions: frozenset[int]) -> None:
        """Tell of these alone: the lag of a partition that was lost is its new owner's to tell."""
        self._service.metrics.set("consumer_assigned_partitions", len(partitions))
        self._service.metrics.forget("consumer_lag_records")

    def _take(self, consumer: Consumer, records: Sequence[Record]) -> None:
        """One poll's records: a turn, or several where some must be taken singly."""
        taken, left = take(records, self._config.stories_max)
        for partition, offset in left.items():
            consumer.seek(partition, offset)
        try:
            for some in self._suspicion.split(taken):
                self._turn(consumer, some)
        except Fenced as error:
            self._fenced(consumer, {record.partition: record.offset + 1 for record in taken}, error)
        except _Overtaken:
            self._service.metrics.count("consumer_turns", outcome="overtaken")

    def _turn(self, consumer: Consumer, records: Sequence[Record]) -> None:
        moves = self._positions.moves(records)
        self._take_up(moves)
        try:
            if self._timed is not None:
                self._timed.reading(lambda: self._positions.behind(consumer, moves))
            work = self._prepare(records)
            self._retried(consumer, lambda: self._handler.announce(work))
            tallies = self._commit(consumer, moves, work)
        except StoreRefused as error:
            self._refused(consumer, records, error)
            return
        except (NewstideError, _Overtaken, KeyboardInterrupt):  # any other end may be the doing of these records
            self._put_down(moves)
            raise
        self._done(consumer, records, moves, tallies)

    def _done(
        self, consumer: Consumer, records: Sequence[Record], moves: Sequence[Move], tallies: Mapping[int, Tally]
    ) -> None:
        self._positions.moved(moves)
        for record in records:
            self._suspicion.survived(record)
        consumer.hint({move.partition: move.next_offset for move in moves})
        self._account(tallies)

    def _prepare(self, records: Sequence[Record]) -> W:
        if len(records) == 1 and records[0].partition in self._suspicion.condemned:
            return self._handler.give_up(
                records[0], Reason.CRASHED_REPEATEDLY, "the process died each time this record was taken up"
            )
        return self._handler.prepare(records)

    def _refused(self, consumer: Consumer, records: Sequence[Record], error: StoreRefused) -> None:
        """The database will not have these rows: find the record that is to blame, and set it aside."""
        if len(records) > 1:
            for record in records:
                self._turn(consumer, [record])
            return
        moves = self._positions.moves(records)
        work = self._handler.give_up(records[0], Reason.STORE_REFUSED, error.why)
        self._done(consumer, records, moves, self._commit(consumer, moves, work))

    def _take_up(self, moves: Sequence[Move]) -> None:
        """In writing, before the work: the first batch after an assignment, and every record under suspicion."""
        singly = {m.partition: m.expected_offset for m in moves if m.partition in self._suspicion.left}
        first = {m.partition: m.expected_offset for m in moves if m.partition not in self._taken_up | set(singly)}
        if first:
            streams.note_attempts(self._database, self._config.stream, first)
            self._taken_up |= set(first)
        if singly:  # condemned beforehand: if it kills, it is known
            streams.note_attempts(self._database, self._config.stream, singly, CONDEMN_AFTER)

    def _put_down(self, moves: Sequence[Move]) -> None:
        """We leave alive: whatever stopped us, it was not these records."""
        with suppress(Retryable, Fenced):
            offsets = {move.partition: move.expected_offset for move in moves}
            streams.note_attempts(self._database, self._config.stream, offsets, 0)

    def _commit(self, consumer: Consumer, moves: Sequence[Move], work: W) -> Mapping[int, Tally]:
        """The transaction. Where its answer was lost, the row tells whether it happened."""
        unknown = False

        def attempt() -> Mapping[int, Tally]:
            nonlocal unknown
            if unknown and streams.stands_at(self._database, self._config.stream, moves):
                return {}  # it did happen; its counts are in the rows
            unknown = True
            return self._write(moves, work)

        started_s = self._service.clock.monotonic()
        tallies = self._retried(consumer, attempt)
        self._service.metrics.observe("consumer_commit_seconds", self._service.clock.monotonic() - started_s)
        return tallies

    def _write(self, moves: Sequence[Move], work: W) -> Mapping[int, Tally]:
        clock = self._service.clock
        with self._database.transaction() as transaction:
            now, begun_s = clock.now(), clock.monotonic()  # after the wait for a lock, before all that is stored
            streams.advance(transaction, self._config.stream, moves, now)
            tallies = self._handler.write(transaction, work, now)
            streams.add_tally(transaction, self._config.stream, tallies)
            if clock.monotonic() - begun_s > TRANSACTION_MAX_S:
                raise StoreUnavailable("a turn's transaction took too long", why=f"over {TRANSACTION_MAX_S:.0f} s")
        return tallies

    def _retried(self, consumer: Consumer, work: Callable[[], R]) -> R:
        """Do it until the dependency is back, staying in the group meanwhile. Raises _Overtaken when reassigned."""
        generation = consumer.generation()
        while True:
            try:
                done = work()
            except Retryable as error:
                self._back_off(error)
                consumer.keep_alive()
                self._service.tick()
                if consumer.generation() != generation or self._service.stop.is_set():
                    raise _Overtaken from error
            else:
                self._failures = 0
                return done

    def _back_off(self, error: Retryable) -> None:
        wait_s = BACK_OFF_S[min(self._failures, len(BACK_OFF_S) - 1)]
        self._failures += 1
        self._service.ready.clear()
        dependency = "bus" if isinstance(error, BusUnavailable) else "store"
        self._service.metrics.count("dependency_errors", dependency=dependency)
        self._service.log.warning("waiting", what=error.what, why=error.why, again_in_s=wait_s)
        self._service.wait(wait_s)

    def _fenced(self, consumer: Consumer, offsets: Mapping[int, int], error: Fenced) -> None:
        """Another owner is ahead. Ask the group whether it still knows us, then take the positions from the store."""
        self._service.metrics.count("consumer_cas_rejections")
        self._service.metrics.count("consumer_turns", outcome="fenced")
        self._service.log.warning("fenced", what=error.what)
        consumer.probe(offsets)
        self._positions.read_again(consumer, self._service.clock.now())

    def _account(self, tallies: Mapping[int, Tally]) -> None:
        metrics = self._service.metrics
        metrics.count("consumer_turns", outcome="committed")
        total = sum(tallies.values(), Tally())
        for outcome in ("stored", "duplicates", "dead"):
            metrics.count("consumer_stories", getattr(total, outcome), outcome=outcome)
        broken = self._config.budget.spent(total)
        if broken:
            raise TooManyRejects(
                "too many stories are rejected", why=broken, fix="newstide status; then mend the source"
            )

    def _look_around(self, consumer: Consumer) -> None:
        now_s = self._service.clock.monotonic()
        if now_s - self._looked_around_s < LOOK_AROUND_EVERY_S:
            return
        self._looked_around_s = now_s
        self._database.ping()
        self._positions.check_identity(consumer.identity())
        for partition, lag in self._positions.lags(consumer).items():
            self._service.metrics.set("consumer_lag_records", lag, partition=str(partition))


class _Overtaken(Exception):
    """The partitions were given to somebody else, or a stop was asked for, while we waited: drop the work in hand."""
