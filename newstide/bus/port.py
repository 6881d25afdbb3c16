"""What newstide needs of a log with partitions. An offset always means *next to read*.

The bus assigns partitions and carries bytes. Where a consumer stands is not the bus's business: positions come from the
store through `Positions`, and move only with the results (`newstide.consume`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol


class Record(NamedTuple):
    """One record as it lies in the log. `leader_epoch`-like details of a broker stay in its adapter."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp_ms: int


class Outgoing(NamedTuple):
    """One record to be written; the caller chose the partition (`newstide.messages.partition_of`)."""

    partition: int
    key: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class StreamIdentity:
    """Which log this is. A topic deleted and made again has the same name and another `topic_id`."""

    cluster_id: str
    topic_id: str


class Bounds(NamedTuple):
    """The retained offsets of a partition: `start` is the first, `end` the one after the last."""

    start: int
    end: int


Positions = Callable[[Iterable[int]], Mapping[int, int]]
"""Asked on every assignment, from the adapter's own thread: where to start reading each partition. A partition left
out is read from the log's start. It may run one short query, on a connection of its own, and nothing else. What it
raises reaches the caller of `poll`, and the consumer must then be closed."""


class Producer(Protocol):
    def partitions(self, topic: str) -> int:
        """How many partitions the topic has. Raises TopicMissing, BusUnavailable."""
        ...

    def publish(self, topic: str, records: Iterable[Outgoing]) -> None:
        """Write the records and return once the bus has acknowledged every one. Order is kept for each partition.

        Raises BusUnavailable: then any part of them may have been written, and writing them again is right
        (stories are keyed). The bytes in flight are bounded.
        """
        ...

    def close(self) -> None: ...


class Consumer(Protocol):
    """One member of a group on one topic."""

    def poll(self, timeout_s: float, records_max: int) -> list[Record]:
        """The next records of the assigned partitions, each partition's in order; empty after `timeout_s`.

        Raises BusUnavailable (poll again later), OffsetOutOfRange (seek, then poll again), Fenced (close).
        """
        ...

    def assignment(self) -> frozenset[int]: ...

    def generation(self) -> int:
        """Grows with every assignment: what was read under an older one must be dropped."""
        ...

    def seek(self, partition: int, offset: int) -> None:
        """Read on from `offset`; without effect when the partition is no longer ours."""
        ...

    def bounds(self, partitions: Iterable[int]) -> Mapping[int, Bounds]: ...

    def identity(self) -> StreamIdentity:
        """Asked anew at each call. Raises TopicMissing, BusUnavailable."""
        ...

    def keep_alive(self) -> None:
        """Stay in the group while no record is wanted (a slow store): reads nothing, moves nothing."""
        ...

    def hint(self, offsets: Mapping[int, int]) -> None:
        """Tell the bus where we stand, for lag tools. May be lost; nothing depends on it."""
        ...

    def probe(self, offsets: Mapping[int, int]) -> None:
        """After a rejected move: find out whether the group still knows us. Raises Fenced when replaced for good."""
        ...

    def ready(self) -> bool:
        """Whether the group has settled (an assignment, which may be empty, was received)."""
        ...

    def close(self) -> None: ...


class OffsetOutOfRange(Exception):
    """The position asked for is not retained: `partition`, and the `offset` that was asked for."""

    def __init__(self, partition: int, offset: int) -> None:
        super().__init__(f"partition {partition}: offset {offset} is not retained")
        self.partition, self.offset = partition, offset


class Admin(Protocol):
    def create_topic(self, topic: str, partitions: int) -> bool:
        """True when made now, False when it was there already (its partition count is not changed)."""
        ...

    def describe_topic(self, topic: str) -> TopicDescription: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class TopicDescription:
    topic: str
    identity: StreamIdentity
    bounds: Mapping[int, Bounds]

    @property
    def partitions(self) -> int:
        return len(self.bounds)


class Bus(Protocol):
    """The factory that a composition root builds once and hands on."""

    def producer(self) -> Producer: ...

    def consumer(self, topic: str, group: str, member: str, positions: Positions) -> Consumer: ...

    def admin(self) -> Admin: ...
