"""What people say of texts, and what a candidate model says beside the active one."""

import sqlalchemy as sa
from alembic import op

from newstide.store.schema import UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

COUNTING = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "labels",
        sa.Column("id", COUNTING, nullable=False),
        sa.Column("story_id", sa.String(length=64), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("text_hash", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=3), nullable=False),
        sa.Column("entity", sa.String(length=64), nullable=True),
        sa.Column("sentiment", sa.String(length=8), nullable=True),
        sa.Column("topic", sa.String(length=32), nullable=True),
        sa.Column("annotator", sa.String(length=64), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("model_version", sa.String(length=64), nullable=True),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_labels"),
        comment="What people say of texts. Rows are only added; of one person's on one text and entity the last holds.",
    )
    op.create_index("ix_labels_text_hash", "labels", ["text_hash"], unique=False)
    op.create_table(
        "shadow_scores",
        sa.Column("seq", COUNTING, nullable=False),
        sa.Column("story_id", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("model_version", sa.String(length=64), nullable=False),
        sa.Column("p_negative", sa.Float(), nullable=False),
        sa.Column("p_neutral", sa.Float(), nullable=False),
        sa.Column("p_positive", sa.Float(), nullable=False),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("label", sa.String(length=8), nullable=False),
        sa.Column("scored_at", UtcDateTime, nullable=False),
        sa.Column("stored_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_shadow_scores"),
        sa.UniqueConstraint("story_id", "revision", "model_version", name="uq_shadow_scores_story_id"),
        comment="What a candidate says beside the active model. Apart, so that no page, rollup or count can meet it.",
    )


def downgrade() -> None:
    raise NotImplementedError("scores are append-only: restore a backup instead")
