"""What is known of near-duplicates, and stories that their publisher took back."""

import sqlalchemy as sa
from alembic import op

from newstide.store.schema import UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BANDS = [f"band_{number:02d}" for number in range(12)]


def upgrade() -> None:
    op.add_column("stories", sa.Column("withdrawn", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_table(
        "story_novelty",
        sa.Column("story_id", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("cluster_id", sa.String(length=64), nullable=False),
        sa.Column("copies", sa.Integer(), nullable=False),
        sa.Column("independent_sources", sa.Integer(), nullable=False),
        sa.Column("first_seen_at", UtcDateTime, nullable=False),
        sa.Column("similar_12h", sa.Integer(), nullable=False),
        sa.Column("similar_24h", sa.Integer(), nullable=False),
        sa.Column("similar_3d", sa.Integer(), nullable=False),
        sa.Column("similar_5d", sa.Integer(), nullable=False),
        sa.Column("similar_7d", sa.Integer(), nullable=False),
        sa.Column("days_since_similar", sa.Float(), nullable=True),
        sa.Column("stored_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("story_id", "revision", name="pk_story_novelty"),
        comment="What was known of its like when a revision was first scored: one row each, never changed.",
    )
    op.create_index("ix_story_novelty_cluster_id", "story_novelty", ["cluster_id"], unique=False)
    op.create_table(
        "novelty_members",
        sa.Column("story_id", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("cluster_id", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("published_at", UtcDateTime, nullable=False),
        sa.Column("withdrawn", sa.Boolean(), server_default=sa.false(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in BANDS),
        sa.Column("stored_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("story_id", name="pk_novelty_members"),
        comment="The latest text of each story with its MinHash bands, for 30 days: what a new story is compared with.",
    )
    for column in ("cluster_id", "stored_at", *BANDS):
        op.create_index(f"ix_novelty_members_{column}", "novelty_members", [column], unique=False)


def downgrade() -> None:
    raise NotImplementedError("scores are append-only: restore a backup instead")
