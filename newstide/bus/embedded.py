"""The embedded bus: a partitioned log in one SQLite file, for one machine.

Groups work like a broker's: members renew a row, the living share the partitions by range. That sharing is only a
matter of speed; two members that both believe they own a partition are kept apart by the store's compare-and-swap.
"""

from __future__ import annotations

import sqlite3
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import groupby
from pathlib import Path
from typing import Final

from newstide.bus.port import (
    Admin,
    Bounds,
    Consumer,
    OffsetOutOfRange,
    Outgoing,
    Positions,
    Producer,
    Record,
    StreamIdentity,
    TopicDescription,
)
from newstide.errors import BusUnavailable, TopicMissing
from newstide.files import make_folder, require_whole

MEMBER_TIMEOUT_S: Final = 10.0
"""A member unseen for this long has lost its partitions; as the Kafka adapter's session timeout."""
RENEW_EVERY_S: Final = 1.0
IDLE_WAIT_S: Final = 0.05
"""Between two looks at an empty log: far below the second that a person notices, about 0.1 % of a core."""
RETENTION_S: Final = 7 * 24 * 3600
RECORDS_MAX: Final = 1_000_000
"""A partition's retained records; with the time limit this bounds the file."""
PURGE_EVERY: Final = 2_000
"""Publishes between two looks for records to drop."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS cluster (only INTEGER PRIMARY KEY CHECK (only = 1), cluster_id TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS topics (topic TEXT PRIMARY KEY, topic_id TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS partitions (topic_id TEXT, partition INTEGER, log_start INTEGER NOT NULL DEFAULT 0,
    log_end INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (topic_id, partition));
CREATE TABLE IF NOT EXISTS records (topic_id TEXT, partition INTEGER, "offset" INTEGER, timestamp_ms INTEGER NOT NULL,
    key BLOB, value BLOB, PRIMARY KEY (topic_id, partition, "offset"));
CREATE TABLE IF NOT EXISTS members (topic_id TEXT, "group" TEXT, member TEXT, seen_s REAL NOT NULL,
    PRIMARY KEY (topic_id, "group", member));
"""


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        require_whole(f"the embedded log {path}", error)
        what, fix = f"the embedded log {path} does not answer", "newstide doctor --only bus"
        raise BusUnavailable(what, why=str(error), fix=fix) from error


class _Log:
    """One connection. Writes take the write lock at once, so a read before a write never has to be repeated."""

    def __init__(self, path: Path) -> None:
        self.path = path
        make_folder(path.parent)
        with _translated(path):
            self._connection = sqlite3.connect(path, isolation_level=None, timeout=10.0, check_same_thread=False)
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=FULL")
            with self.writing() as write:
                for statement in _SCHEMA.split(";")[:-1]:
                    write.execute(statement)
                write.execute("INSERT OR IGNORE INTO cluster VALUES (1, ?)", (uuid.uuid4().hex,))

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        with _translated(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # SQLite ends some by itself, such as on a full disk
                    self._connection.execute("ROLLBACK")
                raise

    def rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        with _translated(self.path):
            return self._connection.execute(query, values).fetchall()

    def identity(self, topic: str) -> StreamIdentity:
        rows = self.rows("SELECT cluster_id, topic_id FROM cluster, topics WHERE topic = ?", topic)
        if not rows:
            raise TopicMissing(f"topic {topic} does not exist", why="it was never made", fix="newstide topics create")
        return StreamIdentity(cluster_id=str(rows[0][0]), topic_id=str(rows[0][1]))

    def bounds(self, topic_id: str) -> dict[int, Bounds]:
        query = "SELECT partition, log_start, log_end FROM partitions WHERE topic_id = ? ORDER BY partition"
        return {int(p): Bounds(int(s), int(e)) for p, s, e in self.rows(query, topic_id)}  # type: ignore[call-overload]

    def close(self) -> None:
        self._connection.close()


class EmbeddedProducer:
    def __init__(self, path: Path) -> None:
        self._log, self._publishes = _Log(path), 0

    def partitions(self, topic: str) -> int:
        return len(self._log.bounds(self._log.identity(topic).topic_id))

    def publish(self, topic: str, records: Iterable[Outgoing]) -> None:
        topic_id = self._log.identity(topic).topic_id
        now_ms = time.time_ns() // 1_000_000
        ordered = sorted(records, key=lambda record: record.partition)
        with self._log.writing() as write:
            for partition, group in groupby(ordered, key=lambda record: record.partition):
                (end,) = write.execute(
                    "SELECT log_end FROM partitions WHERE topic_id = ? AND partition = ?", (topic_id, partition)
                ).fetchone()
                rows = [(topic_id, partition, end + n, now_ms, r.key, r.value) for n, r in enumerate(group)]
                write.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?)", rows)
                write.execute(
                    "UPDATE partitions SET log_end = ? WHERE topic_id = ? AND partition = ?",
                    (end + len(rows), topic_id, partition),
                )
            self._publishes += 1
            if self._publishes % PURGE_EVERY == 0:
                _purge(write, topic_id, now_ms)

    def close(self) -> None:
        self._log.close()


def _purge(write: sqlite3.Connection, topic_id: str, now_ms: int) -> None:
    """Drop what is over the limits; the log's start says afterwards what is gone."""
    write.execute(
        """UPDATE partitions SET log_start = MAX(log_start, log_end - ?, COALESCE((SELECT MIN("offset") FROM records r
           WHERE r.topic_id = partitions.topic_id AND r.partition = partitions.partition AND r.timestamp_ms >= ?),
           log_end)) WHERE topic_id = ?""",
        (RECORDS_MAX, now_ms - RETENTION_S * 1000, topic_id),
    )
    write.execute(
        """DELETE FROM records WHERE topic_id = ? AND "offset" < (SELECT log_start FROM partitions p
           WHERE p.topic_id = records.topic_id AND p.partition = records.partition)""",
        (topic_id,),
    )


class EmbeddedConsumer:
    def __init__(self, path: Path, topic: str, group: str, member: str, positions: Positions) -> None:
        self._log, self._topic, self._group, self._member = _Log(path), topic, group, member
        self._topic_id = self._log.identity(topic).topic_id
        self._positions, self._next = positions, dict[int, int]()
        self._generation, self._renewed_s, self._polls = 0, float("-inf"), 0

    def poll(self, timeout_s: float, records_max: int) -> list[Record]:
        deadline_s = time.monotonic() + timeout_s
        while True:
            self._renew()
            records = self._read(records_max)
            left_s = deadline_s - time.monotonic()
            if records or left_s <= 0:
                return records
            time.sleep(min(IDLE_WAIT_S, left_s))

    def _read(self, records_max: int) -> list[Record]:
        records: list[Record] = []
        bounds = self._log.bounds(self._topic_id)
        self._polls += 1  # another partition comes first each time, so that a busy one cannot starve the others
        mine = sorted(self._next)
        first = self._polls % max(1, len(mine))
        for partition in mine[first:] + mine[:first]:
            position = self._next[partition]
            start, end = bounds[partition]
            if not start <= position <= end:
                raise OffsetOutOfRange(partition, position)
            if position == end or len(records) == records_max:
                continue
            query = """SELECT partition, "offset", key, value, timestamp_ms FROM records
                       WHERE topic_id = ? AND partition = ? AND "offset" >= ? ORDER BY "offset" LIMIT ?"""
            rows = self._log.rows(query, self._topic_id, partition, position, records_max - len(records))
            records += [Record(*row) for row in rows]  # type: ignore[arg-type]
            if rows:
                self._next[partition] = records[-1].offset + 1
        return records

    def _renew(self) -> None:
        """Once a second: say that we live, forget who does not, and take our share."""
        now_s = time.time()
        if time.monotonic() - self._renewed_s < RENEW_EVERY_S:
            return
        key = (self._topic_id, self._group)
        with self._log.writing() as write:
            write.execute("INSERT OR REPLACE INTO members VALUES (?, ?, ?, ?)", (*key, self._member, now_s))
            write.execute(
                'DELETE FROM members WHERE topic_id = ? AND "group" = ? AND seen_s < ?',
                (*key, now_s - MEMBER_TIMEOUT_S),
            )
        rows = self._log.rows('SELECT member FROM members WHERE topic_id = ? AND "group" = ? ORDER BY member', *key)
        self._renewed_s = time.monotonic()
        share = range_share(sorted(self._log.bounds(self._topic_id)), [str(member) for (member,) in rows], self._member)
        if share != frozenset(self._next) or self._generation == 0:
            self._assign(share)

    def _assign(self, share: frozenset[int]) -> None:
        bounds = self._log.bounds(self._topic_id)
        known = self._positions(share)
        self._next = {partition: known.get(partition, bounds[partition].start) for partition in share}
        self._generation += 1

    def assignment(self) -> frozenset[int]:
        return frozenset(self._next)

    def generation(self) -> int:
        return self._generation

    def ready(self) -> bool:
        return self._generation > 0

    def seek(self, partition: int, offset: int) -> None:
        if partition in self._next:
            self._next[partition] = offset

    def bounds(self, partitions: Iterable[int]) -> Mapping[int, Bounds]:
        known = self._log.bounds(self.identity().topic_id)
        return {partition: known[partition] for partition in partitions}

    def identity(self) -> StreamIdentity:
        return self._log.identity(self._topic)

    def keep_alive(self) -> None:
        self._renew()

    def hint(self, offsets: Mapping[int, int]) -> None:
        """Nobody watches an embedded log from outside."""

    def probe(self, offsets: Mapping[int, int]) -> None:
        self._renewed_s = float("-inf")
        self._renew()

    def close(self) -> None:
        """Leave, so that the others take over at once; where that fails, our silence tells them later."""
        with suppress(BusUnavailable), self._log.writing() as write:
            write.execute(
                'DELETE FROM members WHERE topic_id = ? AND "group" = ? AND member = ?',
                (self._topic_id, self._group, self._member),
            )
        self._log.close()


def range_share(partitions: list[int], members: list[str], member: str) -> frozenset[int]:
    """Neighbouring partitions for each member, the first members taking one more where it does not come out even."""
    if member not in members:
        return frozenset()
    each, more = divmod(len(partitions), len(members))
    rank = members.index(member)
    first = rank * each + min(rank, more)
    return frozenset(partitions[first : first + each + (rank < more)])


class EmbeddedAdmin:
    def __init__(self, path: Path) -> None:
        self._log = _Log(path)

    def create_topic(self, topic: str, partitions: int) -> bool:
        topic_id = uuid.uuid4().hex
        with self._log.writing() as write:
            made = write.execute("INSERT OR IGNORE INTO topics VALUES (?, ?)", (topic, topic_id)).rowcount == 1
            if made:
                rows = [(topic_id, partition) for partition in range(partitions)]
                write.executemany("INSERT INTO partitions (topic_id, partition) VALUES (?, ?)", rows)
        return made

    def describe_topic(self, topic: str) -> TopicDescription:
        identity = self._log.identity(topic)
        return TopicDescription(topic=topic, identity=identity, bounds=self._log.bounds(identity.topic_id))

    def close(self) -> None:
        self._log.close()


class EmbeddedBus:
    def __init__(self, path: Path) -> None:
        self._path = path

    def producer(self) -> Producer:
        return EmbeddedProducer(self._path)

    def consumer(self, topic: str, group: str, member: str, positions: Positions) -> Consumer:
        return EmbeddedConsumer(self._path, topic, group, member, positions)

    def admin(self) -> Admin:
        return EmbeddedAdmin(self._path)
