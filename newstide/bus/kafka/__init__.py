"""The Kafka bus: kafka-python 3 behind the port. Nothing outside this package imports `kafka`."""

from __future__ import annotations

import importlib.util

from newstide.bus.kafka.admin import KafkaBusAdmin
from newstide.bus.kafka.config import KafkaConfig
from newstide.bus.kafka.consumer import KafkaBusConsumer
from newstide.bus.kafka.producer import KafkaBusProducer
from newstide.bus.port import Admin, Consumer, Positions, Producer
from newstide.errors import MustStop

__all__ = ["KafkaBus", "KafkaConfig"]


class KafkaBus:
    """Raises MustStop where the package `crc32c` is missing: the client would be 3 to 43 times slower, silently."""

    def __init__(self, config: KafkaConfig) -> None:
        if importlib.util.find_spec("crc32c") is None:
            raise MustStop(
                "the package crc32c is not installed",
                why="Kafka checksums would be computed in Python",
                fix="make setup",
            )
        self._config = config

    def producer(self) -> Producer:
        return KafkaBusProducer(self._config)

    def consumer(self, topic: str, group: str, member: str, positions: Positions) -> Consumer:
        return KafkaBusConsumer(self._config, topic, group, member, positions)

    def admin(self) -> Admin:
        return KafkaBusAdmin(self._config)
