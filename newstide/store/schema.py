"""The tables. A change here needs a migration beside it; a test compares the two."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)
from sqlalchemy.types import TypeDecorator

from newstide.index.moments import NAMES
from newstide.messages import TIER_DEFAULT


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC in Python; `timestamptz` in PostgreSQL, fixed-width text in SQLite, so that it sorts as it should."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None or dialect.name != "sqlite":
            return value
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)
counting = BigInteger().with_variant(Integer, "sqlite")
"""SQLite only counts up by itself in a column of exactly this type."""


def count(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, default=0, server_default="0")


streams: Final = Table(
    "streams",
    metadata,
    Column("consumer", String(64), primary_key=True),
    Column("topic", String(249), primary_key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("cluster_id", String(64), nullable=False),
    Column("topic_id", String(64), nullable=False),
    Column("next_offset", BigInteger, nullable=False),
    Column("fingerprint", String(64)),
    Column("attempts", Integer, nullable=False, default=0, server_default="0"),
    count("received"),
    count("stored"),
    count("duplicates"),
    count("dead"),
    Column("updated_at", UtcDateTime, nullable=False),
    comment="How far each consumer has come, and what became of all that it received.",
)

stream_gaps: Final = Table(
    "stream_gaps",
    metadata,
    Column("id", counting, primary_key=True),
    Column("consumer", String(64), nullable=False),
    Column("topic", String(249), nullable=False),
    Column("partition", Integer, nullable=False),
    Column("from_offset", BigInteger, nullable=False),
    Column("to_offset", BigInteger, nullable=False),
    Column("noticed_at", UtcDateTime, nullable=False),
    comment="Offsets [from, to) that the bus had dropped before we read them.",
)

stories: Final = Table(
    "stories",
    metadata,
    Column("story_id", String(64), primary_key=True),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("content_hash", String(64), nullable=False),
    Column("source", String(64), nullable=False),
    Column("url", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("language", String(3), nullable=False),
    Column("symbols", JSON, nullable=False),
    Column("flags", JSON, nullable=False),
    Column("published_at", UtcDateTime, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("withdrawn", Boolean, nullable=False, default=False, server_default=false()),
    Column("stored_at", UtcDateTime, nullable=False),
    Column("tier", Integer, nullable=False, default=TIER_DEFAULT, server_default=str(TIER_DEFAULT)),
    Index("ix_stories_published_at", "published_at"),
    comment="What was received: one row a revision, never changed.",
)


def _opinion() -> list[Column[Any]]:
    """What a model says of a story, in use or in the shadow. New ones each time: a column belongs to one table."""
    return [
        Column("p_negative", Float, nullable=False),
        Column("p_neutral", Float, nullable=False),
        Column("p_positive", Float, nullable=False),
        Column("score", Float),
        Column("label", String(8), nullable=False),
        Column("scored_at", UtcDateTime, nullable=False),
        Column("stored_at", UtcDateTime, nullable=False),
    ]


scores: Final = Table(
    "scores",
    metadata,
    Column("seq", counting, primary_key=True),
    Column("story_id", String(64), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("model_version", String(64), nullable=False),
    Column("tokenizer_hash", String(64), nullable=False),
    *_opinion(),
    Column("topic", String(32)),
    Column("p_topic", Float),
    UniqueConstraint("story_id", "revision", "model_version"),
    comment="What a model version says of a revision: one row each, never changed.",
)

shadow_scores: Final = Table(
    "shadow_scores",
    metadata,
    Column("seq", counting, primary_key=True),
    Column("story_id", String(64), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("model_version", String(64), nullable=False),
    *_opinion(),
    UniqueConstraint("story_id", "revision", "model_version"),
    comment="What a candidate says beside the active model. Apart, so that no page, rollup or count can meet it.",
)

rollups: Final = Table(
    "rollups",
    metadata,
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("entity_id", String(64), primary_key=True),
    Column("start", BigInteger, primary_key=True, autoincrement=False),
    Column("topic", String(32), primary_key=True),
    Column("language", String(3), primary_key=True),
    Column("tier", Integer, primary_key=True, autoincrement=False),
    Column("source", String(64), primary_key=True),
    *(count(name) for name in NAMES),
    Index("ix_rollups_start", "level", "start"),
    comment="Moments (newstide.index) of the current view by `level` minutes of publication, from `start`, minutes "
    "since 1970. Entity '' is the whole stream, which alone is kept by source. A cache: it can be made anew from rows.",
)

rollup_levels: Final = Table(
    "rollup_levels",
    metadata,
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("complete_from", BigInteger, nullable=False),
    comment="From which minute on the rollups of a level hold every story; older ones are pruned.",
)

dead_letters: Final = Table(
    "dead_letters",
    metadata,
    Column("id", counting, primary_key=True),
    Column("stage", String(16), nullable=False),
    Column("origin", Text, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("line", Integer, nullable=False),
    Column("reason", String(32), nullable=False, index=True),
    Column("detail", Text, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("raw_hash", String(64), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    UniqueConstraint("origin", "position", "line", "raw_hash"),  # a log made anew counts from 0 again
    comment="What could not go on, byte for byte, and why.",
)

labels: Final = Table(
    "labels",
    metadata,
    Column("id", counting, primary_key=True),
    Column("story_id", String(64)),
    Column("text", Text, nullable=False),
    Column("text_hash", String(64), nullable=False),
    Column("language", String(3), nullable=False),
    Column("entity", String(64)),
    Column("sentiment", String(8)),
    Column("topic", String(32)),
    Column("annotator", String(64), nullable=False),
    Column("note", Text, nullable=False, server_default=""),
    Column("model_version", String(64)),
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_labels_text_hash", "text_hash"),
    comment="What people say of texts. Rows are only added; of one person's on one text and entity the last holds.",
)

Row = dict[str, Any]
