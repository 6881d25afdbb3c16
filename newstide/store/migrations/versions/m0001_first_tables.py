"""The first tables."""

import sqlalchemy as sa
from alembic import op

from newstide.store.schema import UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

COUNTING = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _stories()
    _streams()
    _sources()


def _stories() -> None:
    op.create_table(
        "stories",
        sa.Column("story_id", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("language", sa.String(length=3), nullable=False),
        sa.Column("symbols", sa.JSON(), nullable=False),
        sa.Column("flags", sa.JSON(), nullable=False),
        sa.Column("published_at", UtcDateTime, nullable=False),
        sa.Column("received_at", UtcDateTime, nullable=False),
        sa.Column("stored_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("story_id", "revision", name="pk_stories"),
        comment="What was received: one row a revision, never changed.",
    )
    op.create_index("ix_stories_published_at", "stories", ["published_at"], unique=False)
    op.create_table(
        "scores",
        sa.Column("seq", COUNTING, nullable=False),
        sa.Column("story_id", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("model_version", sa.String(length=64), nullable=False),
        sa.Column("tokenizer_hash", sa.String(length=64), nullable=False),
        sa.Column("p_negative", sa.Float(), nullable=False),
        sa.Column("p_neutral", sa.Float(), nullable=False),
        sa.Column("p_positive", sa.Float(), nullable=False),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("label", sa.String(length=8), nullable=False),
        sa.Column("scored_at", UtcDateTime, nullable=False),
        sa.Column("stored_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_scores"),
        sa.UniqueConstraint("story_id", "revision", "model_version", name="uq_scores_story_id"),
        comment="What a model version says of a revision: one row each, never changed.",
    )
    op.create_table(
        "rollups",
        sa.Column("minute", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("language", sa.String(length=3), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("count", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("scored", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("score_sum", sa.Float(), nullable=False),
        sa.Column("score_sum_squares", sa.Float(), nullable=False),
        sa.Column("negative", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("neutral", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("positive", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("unsure", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("minute", "language", "source", name="pk_rollups"),
        comment="Stories by minute of publication (since 1970, UTC), by first score; sums are over the `scored`.",
    )


def _streams() -> None:
    op.create_table(
        "streams",
        sa.Column("consumer", sa.String(length=64), nullable=False),
        sa.Column("topic", sa.String(length=249), nullable=False),
        sa.Column("partition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("cluster_id", sa.String(length=64), nullable=False),
        sa.Column("topic_id", sa.String(length=64), nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("received", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("stored", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("duplicates", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("dead", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("updated_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("consumer", "topic", "partition", name="pk_streams"),
        comment="How far each consumer has come, and what became of all that it received.",
    )
    op.create_table(
        "stream_gaps",
        sa.Column("id", COUNTING, nullable=False),
        sa.Column("consumer", sa.String(length=64), nullable=False),
        sa.Column("topic", sa.String(length=249), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("from_offset", sa.BigInteger(), nullable=False),
        sa.Column("to_offset", sa.BigInteger(), nullable=False),
        sa.Column("noticed_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_stream_gaps"),
        comment="Offsets [from, to) that the bus had dropped before we read them.",
    )
    op.create_table(
        "dead_letters",
        sa.Column("id", COUNTING, nullable=False),
        sa.Column("stage", sa.String(length=16), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("raw_hash", sa.String(length=64), nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_dead_letters"),
        sa.UniqueConstraint("origin", "position", "line", "raw_hash", name="uq_dead_letters_origin"),
        comment="What could not go on, byte for byte, and why.",
    )
    op.create_index("ix_dead_letters_reason", "dead_letters", ["reason"], unique=False)


def _sources() -> None:
    op.create_table(
        "sources",
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("etag", sa.Text(), server_default="", nullable=False),
        sa.Column("last_modified", sa.Text(), server_default="", nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("received", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("published", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("unchanged", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rejected", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("last_success_at", UtcDateTime, nullable=True),
        sa.Column("last_error", sa.Text(), server_default="", nullable=False),
        sa.Column("next_due_at", UtcDateTime, nullable=True),
        sa.Column("updated_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("source", name="pk_sources"),
        comment="Where each source stands; of what it gave, received = published + unchanged + rejected.",
    )
    op.create_table(
        "source_items",
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("story_id", sa.String(length=64), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("seen_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("source", "story_id", name="pk_source_items"),
        comment="The last text of each story: an edit becomes a revision, a repeat nothing.",
    )
    op.create_index("ix_source_items_seen_at", "source_items", ["seen_at"], unique=False)


def downgrade() -> None:
    raise NotImplementedError("scores are append-only: restore a backup instead")
