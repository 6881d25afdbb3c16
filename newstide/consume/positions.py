"""Where each partition stands, and whether the log is still the one that was read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from newstide.bus.port import Consumer, OffsetOutOfRange, Record, StreamIdentity
from newstide.consume.policy import fingerprint
from newstide.errors import HistoryChanged
from newstide.store import streams
from newstide.store.database import Database
from newstide.store.streams import Move, Progress, Stream


class Positions:
    """Called by the bus on every assignment (on its own thread, while the loop is inside `poll`), used by the loop.

    A partition is entered one record early: the first record that comes is the last one that was processed, and must
    carry the fingerprint that was kept of it.
    """

    def __init__(self, database: Database, stream: Stream) -> None:
        self._database, self._stream = database, stream
        self._known: dict[int, Progress] = {}
        self._to_check: set[int] = set()

    def __call__(self, partitions: Iterable[int]) -> Mapping[int, int]:
        self._known = streams.progress(self._database, self._stream, partitions)
        self._to_check = {p for p, known in self._known.items() if known.fingerprint}
        return {p: known.next_offset - (p in self._to_check) for p, known in self._known.items()}

    def attempts(self) -> dict[int, int]:
        return {partition: known.attempts for partition, known in self._known.items()}

    def offsets(self) -> dict[int, int]:
        return {partition: known.next_offset for partition, known in self._known.items()}

    def settle(self, consumer: Consumer, now: datetime) -> Mapping[int, int]:
        """After an assignment: is it the log that we know? And write down where unread partitions begin.

        Returns these beginnings.
        """
        identity = consumer.identity()
        self.check_identity(identity)
        new = sorted(consumer.assignment() - set(self._known))
        if not new:
            return {}
        starts = {partition: bounds.start for partition, bounds in consumer.bounds(new).items()}
        streams.begin(self._database, self._stream, identity, starts, now)
        for partition, start in starts.items():
            self._known[partition] = Progress(identity, start, None, 0)
        return starts

    def check_identity(self, identity: StreamIdentity) -> None:
        for partition, known in self._known.items():
            if known.identity != identity:
                raise self._changed(partition, "the topic was made anew, or this is another cluster")

    def unread(self, records: Sequence[Record]) -> list[Record]:
        """The records without those that were only fetched to be recognised. Raises HistoryChanged."""
        fresh: list[Record] = []
        for record in records:
            known = self._known.get(record.partition)
            if record.partition in self._to_check and known is not None:
                self._to_check.discard(record.partition)
                if record.offset < known.next_offset:
                    if fingerprint(record) != known.fingerprint:
                        raise self._changed(record.partition, f"another record stands at offset {record.offset}")
                    continue
            fresh.append(record)
        return fresh

    def out_of_range(self, consumer: Consumer, error: OffsetOutOfRange, now: datetime) -> int:
        """Find where to read on; returns how many records are gone for ever. Raises HistoryChanged, Fenced."""
        partition = error.partition
        known, bounds = self._known[partition], consumer.bounds([partition])[partition]
        if known.next_offset > bounds.end:
            raise self._changed(partition, f"the log ends at {bounds.end}, and {known.next_offset} was read before")
        self._to_check.discard(partition)
        gap = max(0, bounds.start - known.next_offset)
        if gap:
            streams.skip_gap(self._database, self._stream, partition, known.next_offset, bounds.start, now)
            self._known[partition] = replace(known, next_offset=bounds.start, fingerprint=None)
        consumer.seek(partition, self._known[partition].next_offset)
        return gap

    def moves(self, records: Sequence[Record]) -> list[Move]:
        """The step of each partition that these records make."""
        last = {record.partition: record for record in records}
        return [
            Move(partition, self._known[partition].next_offset, record.offset + 1, fingerprint(record))
            for partition, record in sorted(last.items())
        ]

    def moved(self, moves: Sequence[Move]) -> None:
        for move in moves:
            known = self._known[move.partition]
            self._known[move.partition] = replace(
                known, next_offset=move.next_offset, fingerprint=move.fingerprint, attempts=0
            )

    def lags(self, consumer: Consumer, moves: Sequence[Move] = ()) -> dict[int, int]:
        """Records of each of our partitions that are left to read, once these moves are made."""
        reached = self.offsets() | {move.partition: move.next_offset for move in moves}
        bounds = consumer.bounds(consumer.assignment())
        return {p: max(0, bounds[p].end - offset) for p, offset in reached.items() if p in bounds}

    def behind(self, consumer: Consumer, moves: Sequence[Move] = ()) -> list[int]:
        """The partitions of which any is."""
        return [partition for partition, lag in self.lags(consumer, moves).items() if lag]

    def read_again(self, consumer: Consumer, now: datetime) -> None:
        """Take the positions from the store once more, and go there. One that was taken back begins anew."""
        offsets = dict(self(consumer.assignment()))
        for partition, offset in {**offsets, **self.settle(consumer, now)}.items():
            consumer.seek(partition, offset)

    def _changed(self, partition: int, why: str) -> HistoryChanged:
        return HistoryChanged(
            f"the log {self._stream.topic}/{partition} is not the one that was read",
            why=why,
            fix="look at the broker first; to read the log again from its start, set bus.on_history_change=rewind",
        )
