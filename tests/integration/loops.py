"""The consume loop on a stage: a bus and a database of one kind, a handler with a stub model, and hands to harm them.

Run as a program (`python -m tests.integration.loops KIND BUS DATABASE RAW SCORED`) it is one processor that drains the
topic and dies, without a word, of any text with the word "killer".
"""

import os
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from newstide.bus.embedded import EmbeddedBus
from newstide.bus.kafka import KafkaBus, KafkaConfig
from newstide.bus.port import Bus, Outgoing, Record
from newstide.clock import SystemClock
from newstide.codec import decode_stories, encode, pack
from newstide.consume.loop import ConsumeLoop, LoopConfig
from newstide.consume.policy import RejectBudget
from newstide.messages import NewsItem, Tally, content_hash_of, partition_of, story_id_of
from newstide.scoring.port import Encoded
from newstide.scoring.stub import StubScorer
from newstide.sections import BusSettings, ServiceSettings
from newstide.service import Service
from newstide.settings import Settings
from newstide.store import health, migrate
from newstide.store.database import Database, Transaction
from newstide.store.schema import scores, stream_gaps
from newstide.store.streams import Stream
from newstide.telemetry import Metrics, configure_logs, logger
from processor.handler import ScoreStories
from processor.pipeline import Work
from processor.reading import Reader

PARTITIONS = 3
CLUSTER = pytest.param("cluster", marks=[pytest.mark.kafka, pytest.mark.postgres])
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def item(number: int, title: str = "", revision: int = 1) -> NewsItem:
    text = title or f"Company {number} beats estimates"
    return NewsItem(
        story_id=story_id_of("test", str(number)),
        revision=revision,
        content_hash=content_hash_of(text, ""),
        source="test",
        title=text,
        language="en",
        published_at=NOON + timedelta(seconds=number),
        received_at=NOON + timedelta(seconds=number),
    )


def wait_until(true: Callable[[], bool], within_s: float = 40) -> None:
    deadline_s = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline_s, "it did not come true"
        time.sleep(0.02)


def items(count: int, first: int = 0) -> list[NewsItem]:
    return [item(n) for n in range(first, first + count)]


class Handler(ScoreStories):
    """The processor's own, with a place for a test to put its hand in before each step."""

    before_announce: Callable[[], None] | None = None
    before_write: Callable[[Work], None] | None = None
    before_prepare: Callable[[Sequence[Record]], None] | None = None

    def prepare(self, records: Sequence[Record]) -> Work:
        if self.before_prepare is not None:
            self.before_prepare(records)
        return super().prepare(records)

    def announce(self, work: Work) -> None:
        super().announce(work)
        if self.before_announce is not None:
            self.before_announce()

    def write(self, transaction: Transaction, work: Work, now: datetime) -> Mapping[int, Tally]:
        if self.before_write is not None:
            self.before_write(work)
        return super().write(transaction, work, now)


class KilledBy(StubScorer):
    """A scorer that takes the process with it."""

    def encode(self, texts: Sequence[str]) -> list[Encoded]:
        if any("killer" in text for text in texts):
            os._exit(9)
        return super().encode(texts)


@dataclass
class Actor:
    """One processor that a test runs in its own thread or in another."""

    loop: ConsumeLoop[Work]
    handler: Handler
    service: Service
    error: BaseException | None = None
    thread: threading.Thread = field(init=False)

    def start(self) -> "Actor":
        self.thread = threading.Thread(target=self._run, name="processor", daemon=True)
        self.thread.start()
        return self

    def _run(self) -> None:
        try:
            self.loop.run()
        except BaseException as error:
            self.error = error

    def join(self, within_s: float = 60) -> None:
        self.thread.join(within_s)
        assert not self.thread.is_alive(), "the loop did not end"

    def metric(self, name: str) -> float:
        for line in self.service.metrics.exposition().decode().splitlines():
            if line.startswith(name + " "):
                return float(line.rpartition(" ")[2])
        return 0.0


class Stage:
    """A bus, a database and two topics. `kind` is `embedded` (a folder, SQLite) or `cluster` (Kafka, PostgreSQL)."""

    def __init__(self, kind: str, address: str, database_url: str, raw: str = "", scored: str = "") -> None:
        self.kind, self.address, self.database_url = kind, address, database_url
        self.bus = bus_of(kind, address)
        self.database = Database(database_url)
        suffix = uuid.uuid4().hex[:8]
        self.raw, self.scored = raw or f"raw-{suffix}", scored or f"scored-{suffix}"
        self.stream = Stream("processor", self.raw)
        self._producers = [self.bus.producer()]

    def prepare(self) -> None:
        migrate.upgrade(self.database)
        with closing(self.bus.admin()) as admin:
            admin.create_topic(self.raw, PARTITIONS)
            admin.create_topic(self.scored, PARTITIONS)

    def publish(self, *items: NewsItem) -> None:
        self._producers[0].publish(
            self.raw, [Outgoing(partition_of(i.story_id, PARTITIONS), i.story_id.encode(), encode(i)) for i in items]
        )

    def publish_packed(self, *items: NewsItem) -> None:
        for partition in range(PARTITIONS):
            mine = [encode(i) for i in items if partition_of(i.story_id, PARTITIONS) == partition]
            self._producers[0].publish(self.raw, [Outgoing(partition, b"k", value) for value, _ in pack(mine)])

    def publish_bytes(self, *values: bytes, partition: int = 0) -> None:
        self._producers[0].publish(self.raw, [Outgoing(partition, b"k", value) for value in values])

    def actor(
        self,
        instance: str = "one",
        *,
        drain: bool = True,
        budget: RejectBudget | None = None,
        rewind: bool = False,
        batch: int = 32,
        bus: Bus | None = None,
        scorer: StubScorer | None = None,
    ) -> Actor:
        settings = Settings(bus=BusSettings(topic_raw=self.raw, topic_scored=self.scored))
        service = Service("test", instance, SystemClock(), Metrics(), logger("test"))
        producer = self.bus.producer()
        self._producers.append(producer)
        handler = Handler(
            settings,
            lambda: Reader(scorer or StubScorer(), settings.model.token_budget),
            producer,
            self.database,
            service,
        )
        config = LoopConfig(
            stream=self.stream,
            stories_max=batch,
            budget=budget or RejectBudget(1.0, 1_000_000),
            rewind_on_history_change=rewind,
            drain=drain,
        )
        return Actor(ConsumeLoop(config, bus or self.bus, self.database, handler, service), handler, service)

    def drain(self) -> Actor:
        """Run a processor until nothing waits."""
        actor = self.actor()
        actor.loop.run()
        return actor

    def score_keys(self) -> list[tuple[str, int, str]]:
        query = scores.select().with_only_columns(scores.c.story_id, scores.c.revision, scores.c.model_version)
        with self.database.transaction() as connection:
            return sorted((str(s), int(r), str(m)) for s, r, m in connection.execute(query))

    def assert_exactly(self, *items: NewsItem) -> None:
        assert self.score_keys() == sorted((i.story_id, i.revision, "stub-1") for i in items)

    def tally(self) -> Tally:
        """Of all partitions; checks that each reconciles."""
        rows = [p for p in health.partitions(self.database) if p.consumer == self.stream.consumer]
        assert all(p.received == p.stored + p.duplicates + p.dead for p in rows)
        return sum((Tally(p.stored, p.duplicates, p.dead) for p in rows), Tally())

    def offsets(self) -> dict[int, int]:
        return {p.partition: p.next_offset for p in health.partitions(self.database)}

    def log_ends(self) -> dict[int, int]:
        with closing(self.bus.admin()) as admin:
            return {p: b.end for p, b in admin.describe_topic(self.raw).bounds.items()}

    def gaps(self) -> list[tuple[int, int, int]]:
        query = stream_gaps.select().with_only_columns(
            stream_gaps.c.partition, stream_gaps.c.from_offset, stream_gaps.c.to_offset
        )
        with self.database.transaction() as connection:
            return [(int(p), int(a), int(b)) for p, a, b in connection.execute(query)]

    def announced(self) -> list[str]:
        """Story ids on `news.scored`, in the order of the log, repeats included."""
        with closing(self.bus.admin()) as admin:
            left = sum(b.end - b.start for b in admin.describe_topic(self.scored).bounds.values())
        found: list[str] = []
        consumer = self.bus.consumer(self.scored, f"reader-{uuid.uuid4().hex[:6]}", "reader", lambda partitions: {})
        with closing(consumer):
            while left:
                for record in consumer.poll(1.0, 500):
                    left -= 1
                    found += [good.message.item.story_id for good in decode_stories(record.value)[0]]
        return found

    def close(self) -> None:
        for producer in self._producers:
            producer.close()
        self.database.close()


def bus_of(kind: str, address: str) -> Bus:
    if kind == "embedded":
        return EmbeddedBus(Path(address))
    return KafkaBus(KafkaConfig(address, session_timeout_s=6))


@contextmanager
def staged(kind: str, address: str, database_url: str) -> Iterator[Stage]:
    with closing(Stage(kind, address, database_url)) as stage:
        stage.prepare()
        yield stage


def main() -> None:
    configure_logs(ServiceSettings(log_level="error"))
    with closing(Stage(*sys.argv[1:])) as stage:
        stage.actor(scorer=KilledBy()).loop.run()


if __name__ == "__main__":
    main()
