"""Stories to the bus, and the patience with what is away."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

from newstide import codec
from newstide.bus.connect import connect_ready
from newstide.bus.port import Outgoing, Producer
from newstide.errors import BusUnavailable, Retryable
from newstide.messages import NewsItem, partition_of
from newstide.service import Service
from newstide.settings import Settings
from newstide.store.connect import connect as connect_store
from newstide.store.database import Database

WAIT_S_MIN: Final = 0.5
WAIT_S_MAX: Final = 10.0
"""Between two tries: a broker that is back is noticed soon, one that is away is not hammered."""
COMMAND_PATIENCE_S: Final = 60.0
"""A command gives up after this; a service (patience None) waits until it is stopped."""

T = TypeVar("T")


def until_done(work: Callable[[], T], service: Service, patience_s: float | None) -> T:
    """Do `work`, again with back-off for as long as a dependency is away.

    Raises what `work` raised last when the patience is over or the service stops.
    """
    started_s = service.clock.monotonic()
    wait_s = WAIT_S_MIN
    while True:
        service.tick()
        try:
            return work()
        except Retryable as error:
            dependency = "bus" if isinstance(error, BusUnavailable) else "store"
            service.metrics.count("dependency_errors", dependency=dependency)
            over = patience_s is not None and service.clock.monotonic() - started_s + wait_s > patience_s
            if over or service.stop.is_set():
                raise
            service.log.warning("dependency_away", dependency=dependency, why=error.why or error.what, wait_s=wait_s)
            service.wait(wait_s)
            wait_s = min(2 * wait_s, WAIT_S_MAX)


@dataclass(slots=True)
class Publisher:
    """Writes stories to one topic and returns when the bus has them. The caller bounds how many it hands over."""

    producer: Producer
    topic: str
    service: Service
    patience_s: float | None = None
    _partitions: int = 0

    def publish(self, items: Sequence[NewsItem], *, packed: bool = True) -> None:
        """`packed` puts up to 256 stories of a partition into a record; otherwise a record is a story.

        Each partition's stories keep their order. Raises as `until_done`: then nothing may be counted as published.
        """
        if not items:
            return
        started_s = self.service.clock.monotonic()
        until_done(lambda: self._publish_once(items, packed), self.service, self.patience_s)
        self.service.metrics.observe("ingest_publish_seconds", self.service.clock.monotonic() - started_s)

    def _publish_once(self, items: Sequence[NewsItem], packed: bool) -> None:
        if not self._partitions:
            self._partitions = self.producer.partitions(self.topic)
        self.producer.publish(self.topic, _records(items, self._partitions, packed))


def _records(items: Sequence[NewsItem], partitions: int, packed: bool) -> Iterator[Outgoing]:
    by_partition: dict[int, list[NewsItem]] = {}
    for item in items:
        by_partition.setdefault(partition_of(item.story_id, partitions), []).append(item)
    for partition, some in sorted(by_partition.items()):
        if not packed:
            for item in some:
                yield Outgoing(partition, item.story_id.encode("ascii"), codec.encode(item))
            continue
        first = 0
        for value, count in codec.pack(map(codec.encode, some)):
            yield Outgoing(partition, some[first].story_id.encode("ascii"), value)
            first += count


@dataclass(frozen=True, slots=True)
class Outlets:
    """Where a program of ours puts things: what it remembers, and what it publishes."""

    database: Database
    publisher: Publisher


@contextmanager
def connected(settings: Settings, service: Service, patience_s: float | None) -> Iterator[Outlets]:
    """The database and the bus that the settings name, waited for, and closed again.

    Raises SchemaMismatch, TopicMissing.
    """
    bus = until_done(lambda: connect_ready(settings), service, patience_s)
    database = until_done(lambda: connect_store(settings), service, patience_s)
    try:
        producer = until_done(bus.producer, service, patience_s)
        try:
            yield Outlets(database, Publisher(producer, settings.bus.topic_raw, service, patience_s))
        finally:
            producer.close()
    finally:
        database.close()
