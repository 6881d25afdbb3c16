"""What an operator asks: how far, how many, how late, and what went wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from newstide.store.database import Database
from newstide.store.schema import dead_letters, scores, stories, stream_gaps, streams


@dataclass(frozen=True, slots=True)
class PartitionHealth:
    consumer: str
    topic: str
    partition: int
    next_offset: int
    received: int
    stored: int
    duplicates: int
    dead: int
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class DeadLetterRow:
    id: int
    stage: str
    origin: str
    position: int
    line: int
    reason: str
    detail: str
    raw: bytes
    at: datetime


def partitions(database: Database) -> list[PartitionHealth]:
    columns = [streams.c[name] for name in PartitionHealth.__dataclass_fields__]
    query = select(*columns).order_by(streams.c.consumer, streams.c.topic, streams.c.partition)
    with database.transaction() as connection:
        return [PartitionHealth(*row) for row in connection.execute(query)]


def dead_letter_counts(database: Database) -> dict[str, int]:
    """Dead letters by stage and reason, as `process:not_json`."""
    query = select(dead_letters.c.stage, dead_letters.c.reason, func.count()).group_by(
        dead_letters.c.stage, dead_letters.c.reason
    )
    with database.transaction() as connection:
        return {f"{stage}:{reason}": int(count) for stage, reason, count in connection.execute(query)}


def dead_letter_rows(database: Database, limit: int) -> list[DeadLetterRow]:
    columns = [dead_letters.c[name] for name in DeadLetterRow.__dataclass_fields__]
    with database.transaction() as connection:
        newest = connection.execute(select(*columns).order_by(dead_letters.c.id.desc()).limit(limit))
        return [DeadLetterRow(*row) for row in newest]


def gap_total(database: Database) -> int:
    """Records that the bus dropped before we read them."""
    query = select(func.coalesce(func.sum(stream_gaps.c.to_offset - stream_gaps.c.from_offset), 0))
    with database.transaction() as connection:
        return int(connection.execute(query).scalar_one())


def label_counts(database: Database, after_seq: int = 0) -> dict[str, int]:
    query = select(scores.c.label, func.count()).where(scores.c.seq > after_seq).group_by(scores.c.label)
    with database.transaction() as connection:
        return {str(label): int(count) for label, count in connection.execute(query)}


def latencies_s(database: Database, after_seq: int = 0, limit: int = 20_000) -> list[float]:
    """Seconds from receipt to storage of the newest stories, sorted."""
    query: Any = (
        select(stories.c.received_at, scores.c.stored_at)
        .join_from(
            scores, stories, (stories.c.story_id == scores.c.story_id) & (stories.c.revision == scores.c.revision)
        )
        .where(scores.c.seq > after_seq)
        .order_by(scores.c.seq.desc())
        .limit(limit)
    )
    with database.transaction() as connection:
        return sorted((stored - received).total_seconds() for received, stored in connection.execute(query))
