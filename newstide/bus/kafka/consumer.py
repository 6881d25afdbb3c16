"""Records out of Kafka: the group assigns, the store says where to read."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Final

from kafka import ConsumerRebalanceListener, KafkaConsumer, TopicPartition
from kafka import errors as kafka_errors
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.structs import MemberState, OffsetAndMetadata

from newstide.bus.kafka.admin import KafkaBusAdmin
from newstide.bus.kafka.config import KafkaConfig, translated
from newstide.bus.port import Bounds, OffsetOutOfRange, Positions, Record, StreamIdentity
from newstide.errors import BusUnavailable, HistoryChanged, TopicMissing

POLL_AT_LEAST_S: Final = 1.0
"""A shorter poll can throw a finished group join away, without an error and for ever (kafka-python 3.0.12)."""
SETTLE_GRACE_S: Final = 5.0
"""A member whose group has not settled for the session timeout and this much more is built anew."""
FETCH_BYTES_MAX: Final = 8 << 20


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    """Runs on the client's I/O thread, only inside `poll` and `close`: may seek, may ask the store once, no more."""

    def __init__(self, consumer: KafkaConsumer, positions: Positions) -> None:
        self._consumer, self._positions = consumer, positions
        self.generation = 0
        self.refused: Exception | None = None

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        self.generation += 1

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self.generation += 1
        try:
            known = self._positions([tp.partition for tp in assigned])
        except Exception as error:
            self.refused = error
            raise
        for tp in assigned:
            if tp.partition in known:
                self._consumer.seek(tp, known[tp.partition])
            else:
                self._consumer.seek_to_beginning(tp)


class KafkaBusConsumer:
    def __init__(self, config: KafkaConfig, topic: str, group: str, member: str, positions: Positions) -> None:
        self._config, self._topic = config, topic
        self._admin: KafkaBusAdmin | None = None
        self._unsettled_since_s: float | None = None
        with translated(config.bootstrap):
            self._client = KafkaConsumer(
                **config.client(),
                group_id=group,
                group_instance_id=member if config.static_members else None,
                enable_auto_commit=False,
                auto_offset_reset="none",  # positions come from the store; anything else must raise
                allow_auto_create_topics=False,
                partition_assignment_strategy=(RangePartitionAssignor,),
                session_timeout_ms=int(config.session_timeout_s * 1000),
                heartbeat_interval_ms=2_000,
                max_poll_interval_ms=60_000,
                fetch_max_bytes=FETCH_BYTES_MAX,
                fetch_max_wait_ms=50,
                metadata_max_age_ms=30_000,
            )
            self._listener = _Listener(self._client, positions)
            self._client.subscribe([topic], listener=self._listener)
            # Asked for after subscribing, and before the first poll: a join that does not know the topic's partitions
            # yet is done twice, and the second one is what a short poll loses (see POLL_AT_LEAST_S).
            if topic not in self._client.topics():
                self._client.close(timeout_ms=1_000)
                raise TopicMissing(f"topic {topic} does not exist", fix="newstide topics create")

    def poll(self, timeout_s: float, records_max: int) -> list[Record]:
        timeout_ms = int(max(timeout_s, POLL_AT_LEAST_S) * 1000)
        try:
            with translated(self._config.bootstrap):
                polled = self._poll(timeout_ms, records_max)
        except BusUnavailable:
            if self._listener.refused is not None:  # the store's own error, not Kafka's
                raise self._listener.refused from None
            raise
        self._watch_settling()
        return [
            Record(tp.partition, r.offset, r.key, r.value, r.timestamp) for tp in sorted(polled) for r in polled[tp]
        ]

    def _poll(self, timeout_ms: int, records_max: int) -> dict[TopicPartition, list[Any]]:
        try:
            return self._client.poll(timeout_ms=timeout_ms, max_records=records_max)  # type: ignore[no-any-return]
        except kafka_errors.OffsetOutOfRangeError as error:
            ((tp, offset),) = error.args[0].items()
            raise OffsetOutOfRange(tp.partition, offset) from error
        except kafka_errors.LogTruncationError as error:
            raise HistoryChanged(
                f"the log {self._topic} was cut behind what we read",
                why=str(error),
                fix="look at the broker first; to read the log again from its start, set bus.on_history_change=rewind",
            ) from error

    def _watch_settling(self) -> None:
        now_s = time.monotonic()
        if self.ready():
            self._unsettled_since_s = None
        elif self._unsettled_since_s is None:
            self._unsettled_since_s = now_s
        elif now_s - self._unsettled_since_s > self._config.session_timeout_s + SETTLE_GRACE_S:
            raise BusUnavailable("the consumer group did not settle", why="a join was lost", fix="it is joined anew")

    def ready(self) -> bool:
        return bool(self._client.group_metadata().state == MemberState.STABLE)

    def assignment(self) -> frozenset[int]:
        return frozenset(tp.partition for tp in self._client.assignment())

    def generation(self) -> int:
        return self._listener.generation

    def seek(self, partition: int, offset: int) -> None:
        with suppress(ValueError, AssertionError):  # lost in this very moment
            self._client.seek(TopicPartition(self._topic, partition), offset)

    def bounds(self, partitions: Iterable[int]) -> Mapping[int, Bounds]:
        wanted = [TopicPartition(self._topic, partition) for partition in partitions]
        with translated(self._config.bootstrap):
            starts, ends = self._client.beginning_offsets(wanted), self._client.end_offsets(wanted)
        return {tp.partition: Bounds(starts[tp], ends[tp]) for tp in wanted}

    def identity(self) -> StreamIdentity:
        if self._admin is None:
            self._admin = KafkaBusAdmin(self._config)
        return self._admin.identity(self._topic)

    def keep_alive(self) -> None:
        paused = list(self._client.assignment())
        with translated(self._config.bootstrap):
            self._client.pause(*paused)
            arrived = self._client.poll(timeout_ms=int(POLL_AT_LEAST_S * 1000))
            self._client.resume(*self._client.paused())
        for tp, records in arrived.items():  # of partitions assigned in this very poll: read them again later
            self.seek(tp.partition, records[0].offset)

    def hint(self, offsets: Mapping[int, int]) -> None:
        with suppress(kafka_errors.KafkaError):
            self._client.commit_async(self._committable(offsets))

    def probe(self, offsets: Mapping[int, int]) -> None:
        with translated(self._config.bootstrap), suppress(kafka_errors.CommitFailedError):
            self._client.commit(self._committable(offsets), timeout_ms=5_000)

    def _committable(self, offsets: Mapping[int, int]) -> dict[TopicPartition, OffsetAndMetadata]:
        return {TopicPartition(self._topic, p): OffsetAndMetadata(offset, "", -1) for p, offset in offsets.items()}

    def close(self) -> None:
        if self._admin is not None:
            self._admin.close()
        with suppress(kafka_errors.KafkaError, OSError):
            self._client.close(autocommit=False, timeout_ms=3_000)
