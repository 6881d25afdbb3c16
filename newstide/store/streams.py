"""How far each consumer has come. An offset here moves only by compare-and-swap, in the transaction of the results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select, text, update

from newstide.bus.port import StreamIdentity
from newstide.errors import Fenced
from newstide.messages import Tally
from newstide.store.bulk import insert_new
from newstide.store.database import Database
from newstide.store.schema import stream_gaps, streams

ASSIGNMENT_TIMEOUT_MS: Final = 2_000
"""Positions are read on the bus client's thread, which sends no heartbeats meanwhile."""


@dataclass(frozen=True, slots=True)
class Stream:
    """One consumer's reading of one topic."""

    consumer: str
    topic: str


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a partition stands. `fingerprint` is that of the record before `next_offset`, if there was one."""

    identity: StreamIdentity
    next_offset: int
    fingerprint: str | None
    attempts: int
    """Processes that took up the batch at `next_offset` and were not heard of again."""


@dataclass(frozen=True, slots=True)
class Move:
    """One step of a partition, from where we believe it stands to where the results bring it."""

    partition: int
    expected_offset: int
    next_offset: int
    fingerprint: str


def _is(stream: Stream, partition: int | None = None) -> ColumnElement[bool]:
    mine = and_(streams.c.consumer == stream.consumer, streams.c.topic == stream.topic)
    return mine if partition is None else and_(mine, streams.c.partition == partition)


def progress(database: Database, stream: Stream, partitions: Iterable[int]) -> dict[int, Progress]:
    """The known positions; a partition never read is left out."""
    query = select(streams).where(_is(stream), streams.c.partition.in_(list(partitions)))
    with database.transaction() as connection:
        if not database.is_sqlite:
            connection.execute(text(f"SET LOCAL statement_timeout = {ASSIGNMENT_TIMEOUT_MS}"))
        return {
            row.partition: Progress(
                StreamIdentity(row.cluster_id, row.topic_id), row.next_offset, row.fingerprint, row.attempts
            )
            for row in connection.execute(query)
        }


def begin(
    database: Database, stream: Stream, identity: StreamIdentity, starts: Mapping[int, int], now: datetime
) -> None:
    """Write down where reading begins, for partitions that have no position yet."""
    rows = [
        {
            "consumer": stream.consumer,
            "topic": stream.topic,
            "partition": partition,
            "cluster_id": identity.cluster_id,
            "topic_id": identity.topic_id,
            "next_offset": start,
            "updated_at": now,
        }
        for partition, start in sorted(starts.items())
    ]
    with database.transaction() as connection:
        insert_new(connection, streams, rows, ("partition",))


def begin_again(database: Database, stream: Stream, offsets: Mapping[int, int]) -> None:
    """Forget these positions, so that the next assignment starts at the log's start. Their tallies begin anew as well.

    A partition that stands elsewhere by now is left alone: another owner has begun it again already.
    """
    with database.transaction() as connection:
        for partition, offset in sorted(offsets.items()):
            connection.execute(delete(streams).where(_is(stream, partition), streams.c.next_offset == offset))


def note_attempts(database: Database, stream: Stream, offsets: Mapping[int, int], attempts: int | None = None) -> None:
    """Say, in a transaction of its own, that work begins at these offsets: what a killed process leaves behind.

    One attempt more, or so many as `attempts` says: 0 when whoever began is alive to take it back.
    """
    with database.transaction() as connection:
        for partition, offset in sorted(offsets.items()):
            here = update(streams).where(_is(stream, partition), streams.c.next_offset == offset)
            connection.execute(here.values(attempts=streams.c.attempts + 1 if attempts is None else attempts))


def stands_at(database: Database, stream: Stream, moves: Sequence[Move]) -> bool:
    """Whether these moves have been made already: the answer to a COMMIT whose own answer was lost."""
    known = progress(database, stream, [move.partition for move in moves])
    return all(
        move.partition in known
        and (known[move.partition].next_offset, known[move.partition].fingerprint)
        == (move.next_offset, move.fingerprint)
        for move in moves
    )


def skip_gap(
    database: Database, stream: Stream, partition: int, from_offset: int, to_offset: int, now: datetime
) -> None:
    """Record that the bus no longer has [from, to), and go on behind it. Raises Fenced."""
    with database.transaction() as connection:
        _advance_one(connection, stream, Move(partition, from_offset, to_offset, ""), now)
        connection.execute(
            insert(stream_gaps).values(
                consumer=stream.consumer,
                topic=stream.topic,
                partition=partition,
                from_offset=from_offset,
                to_offset=to_offset,
                noticed_at=now,
            )
        )


def advance(connection: Connection, stream: Stream, moves: Sequence[Move], now: datetime) -> None:
    """The first statements of a turn's transaction. Raises Fenced when a partition stands elsewhere: roll back.

    Rows are taken in partition order, so that two owners never wait for each other in a circle.
    """
    for move in sorted(moves, key=lambda move: move.partition):
        _advance_one(connection, stream, move, now)


def _advance_one(connection: Connection, stream: Stream, move: Move, now: datetime) -> None:
    moved = connection.execute(
        update(streams)
        .where(_is(stream, move.partition), streams.c.next_offset == move.expected_offset)
        .values(next_offset=move.next_offset, fingerprint=move.fingerprint or None, attempts=0, updated_at=now)
    )
    if moved.rowcount != 1:
        raise Fenced(
            f"{stream.topic}/{move.partition} no longer stands at {move.expected_offset}",
            why="another processor has taken over this partition",
        )


def add_tally(connection: Connection, stream: Stream, tallies: Mapping[int, Tally]) -> None:
    """Count what became of the batch, in the same transaction (the rows are already ours)."""
    for partition, tally in sorted(tallies.items()):
        connection.execute(
            update(streams)
            .where(_is(stream, partition))
            .values(
                received=streams.c.received + tally.received,
                stored=streams.c.stored + tally.stored,
                duplicates=streams.c.duplicates + tally.duplicates,
                dead=streams.c.dead + tally.dead,
            )
        )
