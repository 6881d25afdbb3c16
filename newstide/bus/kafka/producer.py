"""Records into Kafka: acks=all, idempotent (the client's default), every acknowledgement awaited."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any, Final

from kafka import KafkaProducer
from kafka import errors as kafka_errors

from newstide.bus.kafka.admin import KafkaBusAdmin
from newstide.bus.kafka.config import KafkaConfig, translated
from newstide.bus.port import Outgoing
from newstide.errors import BusUnavailable

OUTSTANDING_BYTES_MAX: Final = 4 << 20
"""Bytes sent and not yet acknowledged: the client itself has no limit (its `buffer_memory` is gone since 3.0)."""
ACKNOWLEDGE_WITHIN_S: Final = 8.0
"""Below the ten seconds of a drain and the thirty of liveness: a loop whose broker is away still stops and ticks."""
EXPIRE_AFTER_S: Final = 30.0
"""What the client could not deliver is dropped: callers write it again, and the copies must not pile up."""
CLOSE_S: Final = 5.0
"""To write what is on its way; without a limit the client waits for ever."""
LET_GO_S: Final = 1.0
"""For the client's thread, whose longest wait is a tenth of that; it is a daemon, should it take longer."""


class KafkaBusProducer:
    """A client that failed is let go, with all that it still held, and the next publish has a new one.

    kafka-python 3.0.12 does not come back by itself when its broker dies with a batch on the way and stays away for
    longer than EXPIRE_AFTER_S: every later batch waits for one that is never answered (tests: test_kafka_producer). The
    callers write again what was not acknowledged, so nothing is lost with the old client, and no late copy of its own
    comes after what the new one wrote.
    """

    def __init__(self, config: KafkaConfig) -> None:
        self._config, self._bootstrap = config, config.bootstrap
        self._met: set[str] = set()
        self._made: Any = self._new()

    def _new(self) -> Any:
        with translated(self._bootstrap):
            return KafkaProducer(
                **self._config.client(),
                acks="all",
                linger_ms=10,
                batch_size=256 << 10,
                compression_type="lz4",
                allow_auto_create_topics=False,
                max_block_ms=int(ACKNOWLEDGE_WITHIN_S * 1000),
                delivery_timeout_ms=int(EXPIRE_AFTER_S * 1000),
            )

    @contextmanager
    def _client(self) -> Iterator[Any]:
        """The client, errors translated; after one it is let go."""
        if self._made is None:
            self._made = self._new()
        try:
            with translated(self._bootstrap):
                yield self._made
        except BusUnavailable:
            _let_go(self._made)
            self._made = None
            raise

    def partitions(self, topic: str) -> int:
        self._meet(topic)
        with self._client() as client:
            return len(client.partitions_for(topic))

    def _meet(self, topic: str) -> None:
        """Ask for the topic once: the client itself would wait for a missing one until its patience ends."""
        if topic in self._met:
            return
        with closing(KafkaBusAdmin(self._config)) as admin:
            admin.identity(topic)
        self._met.add(topic)

    def publish(self, topic: str, records: Iterable[Outgoing]) -> None:
        self._meet(topic)
        waiting: list[Any] = []
        outstanding_bytes = 0
        with self._client() as client:
            for record in records:
                if waiting and outstanding_bytes + len(record.value) > OUTSTANDING_BYTES_MAX:
                    _await(client, waiting)
                    waiting, outstanding_bytes = [], 0
                waiting.append(client.send(topic, key=record.key, value=record.value, partition=record.partition))
                outstanding_bytes += len(record.value)
            _await(client, waiting)

    def close(self) -> None:
        if self._made is not None:
            with suppress(kafka_errors.KafkaError):  # what is not written by now was never acknowledged
                self._made.close(timeout=CLOSE_S)
            _let_go(self._made)


def _await(client: Any, waiting: list[Any]) -> None:
    deadline_s = time.monotonic() + ACKNOWLEDGE_WITHIN_S
    client.flush(timeout=ACKNOWLEDGE_WITHIN_S)
    for future in waiting:
        future.get(timeout=max(0.01, deadline_s - time.monotonic()))


def _let_go(client: Any) -> None:
    """End the client's thread and drop what it holds. Its own `close` does neither while something is held."""
    client._sender.force_close()
    client._sender.join(LET_GO_S)
    with suppress(kafka_errors.KafkaError):
        client.close(timeout=0)
