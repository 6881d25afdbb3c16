"""Records into Kafka: acks=all, idempotent (the client's default), every acknowledgement awaited."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import closing
from typing import Any, Final

from kafka import KafkaProducer

from newstide.bus.kafka.admin import KafkaBusAdmin
from newstide.bus.kafka.config import KafkaConfig, translated
from newstide.bus.port import Outgoing

OUTSTANDING_BYTES_MAX: Final = 4 << 20
"""Bytes sent and not yet acknowledged: the client itself has no limit (its `buffer_memory` is gone since 3.0)."""
ACKNOWLEDGE_WITHIN_S: Final = 8.0
"""Below the ten seconds of a drain and the thirty of liveness: a loop whose broker is away still stops and ticks."""
EXPIRE_AFTER_S: Final = 30.0
"""What the client could not deliver is dropped: callers write it again, and the copies must not pile up."""


class KafkaBusProducer:
    def __init__(self, config: KafkaConfig) -> None:
        self._config, self._bootstrap = config, config.bootstrap
        self._met: set[str] = set()
        with translated(config.bootstrap):
            self._client = KafkaProducer(
                **config.client(),
                acks="all",
                linger_ms=10,
                batch_size=256 << 10,
                compression_type="lz4",
                allow_auto_create_topics=False,
                max_block_ms=int(ACKNOWLEDGE_WITHIN_S * 1000),
                delivery_timeout_ms=int(EXPIRE_AFTER_S * 1000),
            )

    def partitions(self, topic: str) -> int:
        self._meet(topic)
        with translated(self._bootstrap):
            return len(self._client.partitions_for(topic))

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
        with translated(self._bootstrap):
            for record in records:
                if waiting and outstanding_bytes + len(record.value) > OUTSTANDING_BYTES_MAX:
                    self._await(waiting)
                    waiting, outstanding_bytes = [], 0
                waiting.append(self._client.send(topic, key=record.key, value=record.value, partition=record.partition))
                outstanding_bytes += len(record.value)
            self._await(waiting)

    def _await(self, waiting: list[Any]) -> None:
        deadline_s = time.monotonic() + ACKNOWLEDGE_WITHIN_S
        self._client.flush(timeout=ACKNOWLEDGE_WITHIN_S)
        for future in waiting:
            future.get(timeout=max(0.01, deadline_s - time.monotonic()))

    def close(self) -> None:
        self._client.close(timeout=5)  # without one it waits for ever
