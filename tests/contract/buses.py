"""Both buses behind one face, with what only a test may do to a log. Used by the contract suite of the bus."""

import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Protocol

from newstide.bus.embedded import EmbeddedBus
from newstide.bus.kafka import KafkaBus, KafkaConfig
from newstide.bus.port import Bus, Consumer, Outgoing, Positions, Record
from tests.services.broker import Broker
from tests.services.common import free_port

WITHIN_S = 40.0  # what a test waits at most: a session (6 s), a rebalance, and a busy machine

MEMBER = """
import sys
from pathlib import Path
from newstide.bus.embedded import EmbeddedBus
from newstide.bus.kafka import KafkaBus, KafkaConfig
kind, address, topic, member = sys.argv[1:]
bus = EmbeddedBus(Path(address)) if kind == "embedded" else KafkaBus(KafkaConfig(address, session_timeout_s=6))
consumer = bus.consumer(topic, "group of " + topic, member, lambda partitions: {})
said = None
while True:
    consumer.poll(1.0, 10)
    if consumer.assignment() != said:
        said = consumer.assignment()
        print(*sorted(said), flush=True)
"""


class Ground(Protocol):
    """A bus under test."""

    bus: Bus

    def topic(self, partitions: int = 1) -> str: ...

    def recreate(self, topic: str) -> None: ...

    def forget(self, topic: str, before: int) -> None:
        """Drop the records of partition 0 before an offset, as retention does."""

    def write_nothing(self, topic: str) -> None:
        """Write a record without a value, as strangers may."""

    def member(self, topic: str, name: str) -> "subprocess.Popen[str]":
        """Another process in the group of the topic; it prints its partitions whenever they change."""

    def unreachable(self) -> Bus: ...


class Embedded:
    def __init__(self, folder: Path) -> None:
        self._folder, self._path = folder, folder / "bus.db"
        self.bus: Bus = EmbeddedBus(self._path)

    def topic(self, partitions: int = 1) -> str:
        with closing(self.bus.admin()) as admin:
            admin.create_topic("news", partitions)
        return "news"

    def recreate(self, topic: str) -> None:
        with closing(sqlite3.connect(self._path)) as connection, connection:
            for table in ("topics", "partitions", "records", "members"):
                connection.execute(f"DELETE FROM {table}")  # noqa: S608 - four words of ours
        self.topic()

    def forget(self, topic: str, before: int) -> None:
        with closing(sqlite3.connect(self._path)) as connection, connection:
            connection.execute("UPDATE partitions SET log_start = ? WHERE partition = 0", (before,))
            connection.execute('DELETE FROM records WHERE partition = 0 AND "offset" < ?', (before,))

    def write_nothing(self, topic: str) -> None:
        with closing(self.bus.producer()) as producer:
            producer.publish(topic, [Outgoing(0, b"key", None)])  # type: ignore[arg-type]

    def member(self, topic: str, name: str) -> "subprocess.Popen[str]":
        return _process("embedded", str(self._path), topic, name)

    def unreachable(self) -> Bus:
        blocked = self._folder / "blocked"
        blocked.mkdir(exist_ok=True)
        return EmbeddedBus(blocked)  # a folder stands where the file should be


class Kafka:
    def __init__(self, broker: Broker) -> None:
        self._broker = broker.start()
        self.bus: Bus = KafkaBus(KafkaConfig(broker.bootstrap, session_timeout_s=6))

    def topic(self, partitions: int = 1) -> str:
        return self._broker.create_topic(partitions=partitions)

    def recreate(self, topic: str) -> None:
        self._broker.delete_topic(topic)
        self._broker.create_topic(topic)

    def forget(self, topic: str, before: int) -> None:
        from kafka import TopicPartition

        with closing(self._broker.admin()) as admin:
            admin.delete_records({TopicPartition(topic, 0): before})

    def write_nothing(self, topic: str) -> None:
        from kafka import KafkaProducer

        with closing(KafkaProducer(bootstrap_servers=self._broker.bootstrap)) as producer:
            producer.send(topic, key=b"key", partition=0).get(timeout=WITHIN_S)

    def member(self, topic: str, name: str) -> "subprocess.Popen[str]":
        return _process("kafka", self._broker.bootstrap, topic, name)

    def unreachable(self) -> Bus:
        return KafkaBus(KafkaConfig(f"127.0.0.1:{free_port()}", connect_within_s=2))


def _process(*arguments: str) -> "subprocess.Popen[str]":
    root = Path(__file__).resolve().parents[2]
    return subprocess.Popen([sys.executable, "-c", MEMBER, *arguments], stdout=subprocess.PIPE, text=True, cwd=root)


def from_start(_partitions: Iterable[int]) -> Mapping[int, int]:
    """Positions of a consumer that never read anything."""
    return {}


class Hands:
    """A test's producers and consumers, closed at its end."""

    def __init__(self, ground: Ground, stack: ExitStack) -> None:
        self._ground, self._stack = ground, stack
        self.producer = ground.bus.producer()
        stack.callback(self.producer.close)

    def publish(self, topic: str, *values: bytes, partition: int = 0) -> None:
        self.producer.publish(topic, [Outgoing(partition, b"key", value) for value in values])

    def consumer(self, topic: str, member: str = "one", positions: Positions = from_start) -> Consumer:
        made = self._ground.bus.consumer(topic, f"group of {topic}", member, positions)
        self._stack.callback(made.close)
        return made


def read(consumer: Consumer, count: int) -> list[Record]:
    """Poll until so many records are there. One more poll would say whether there are too many."""
    records: list[Record] = []
    deadline_s = time.monotonic() + WITHIN_S
    while len(records) < count:
        assert time.monotonic() < deadline_s, f"{len(records)} of {count} records: {records}"
        records += consumer.poll(1.0, 100)
    return records


def turn_until(done: Callable[[], bool], *consumers: Consumer) -> None:
    """Poll the consumers in turn, dropping what they read, until it is so."""
    deadline_s = time.monotonic() + WITHIN_S
    while not done():
        assert time.monotonic() < deadline_s, [sorted(c.assignment()) for c in consumers]
        for consumer in consumers:
            consumer.poll(1.0, 10)
