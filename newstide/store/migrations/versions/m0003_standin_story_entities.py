"""STAND-IN for the entity helper's migration: only so that this branch runs alone. Drop it when the two are merged."""

import sqlalchemy as sa
from alembic import op

from newstide.store.schema import UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "story_entities",
        sa.Column("story_id", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("model_version", sa.String(length=64), nullable=False),
        sa.Column("entity_id", sa.String(length=64), nullable=False),
        sa.Column("relevance", sa.Float(), nullable=False),
        sa.Column("p_negative", sa.Float(), nullable=False),
        sa.Column("p_neutral", sa.Float(), nullable=False),
        sa.Column("p_positive", sa.Float(), nullable=False),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("label", sa.String(length=8), nullable=False),
        sa.Column("stored_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("story_id", "revision", "model_version", "entity_id", name="pk_story_entities"),
    )
    op.create_index("ix_story_entities_entity_id", "story_entities", ["entity_id"], unique=False)


def downgrade() -> None:
    raise NotImplementedError("scores are append-only: restore a backup instead")
