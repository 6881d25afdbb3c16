"""Topics: made and described."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from kafka import KafkaAdminClient, TopicPartition
from kafka import errors as kafka_errors
from kafka.admin import OffsetSpec

from newstide.bus.kafka.config import KafkaConfig, translated
from newstide.bus.port import Bounds, StreamIdentity, TopicDescription
from newstide.errors import TopicMissing

REPLICATION_OF_THE_BROKER: Final = -1


class KafkaBusAdmin:
    def __init__(self, config: KafkaConfig) -> None:
        self._bootstrap = config.bootstrap
        with translated(config.bootstrap):
            self._client = KafkaAdminClient(**config.client())

    def create_topic(self, topic: str, partitions: int) -> bool:
        wanted = {topic: {"num_partitions": partitions, "replication_factor": REPLICATION_OF_THE_BROKER}}
        with translated(self._bootstrap):
            try:
                self._client.create_topics(wanted, wait_for_metadata=True)
            except kafka_errors.TopicAlreadyExistsError:
                return False
        return True

    def identity(self, topic: str) -> StreamIdentity:
        return StreamIdentity(cluster_id=self._cluster_id(), topic_id=str(self._described(topic)["topic_id"]))

    def describe_topic(self, topic: str) -> TopicDescription:
        described = self._described(topic)
        tps = [TopicPartition(topic, entry["partition_index"]) for entry in described["partitions"]]
        with translated(self._bootstrap):
            starts = self._client.list_partition_offsets(dict.fromkeys(tps, OffsetSpec.EARLIEST))
            ends = self._client.list_partition_offsets(dict.fromkeys(tps, OffsetSpec.LATEST))
        identity = StreamIdentity(cluster_id=self._cluster_id(), topic_id=str(described["topic_id"]))
        bounds = {tp.partition: Bounds(starts[tp].offset, ends[tp].offset) for tp in sorted(tps)}
        return TopicDescription(topic=topic, identity=identity, bounds=bounds)

    def _described(self, topic: str) -> Mapping[str, Any]:
        with translated(self._bootstrap):
            described = self._client.describe_topics([topic])
        if not described or described[0].get("topic_id") is None or described[0]["error_code"]:
            raise TopicMissing(f"topic {topic} does not exist at {self._bootstrap}", fix="newstide topics create")
        return described[0]  # type: ignore[no-any-return]

    def _cluster_id(self) -> str:
        with translated(self._bootstrap):
            return str(self._client.describe_cluster()["cluster_id"])

    def close(self) -> None:
        self._client.close()
