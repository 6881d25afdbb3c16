"""Topics and tiers beside the scores; rollups by entity, topic, language and tier, at three levels.

The old rollups go: they are sums of rows that are still there, and `migrate.upgrade` makes the new ones of them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

LEVELS = (1, 60, 1_440)
EVER = -(2**62)
NAMES = (
    "count", "copies", "scored", "weight", "weight_squares", "score_sum", "score_squares",
    "negative", "neutral", "positive", "unsure",
)  # fmt: skip
COMMENT = (
    "Moments (newstide.index) of the current view by `level` minutes of publication, from `start`, minutes "
    "since 1970. Entity '' is the whole stream, which alone is kept by source. A cache: it can be made anew from rows."
)


def upgrade() -> None:
    op.add_column("stories", sa.Column("tier", sa.Integer(), server_default="2", nullable=False))
    op.add_column("scores", sa.Column("topic", sa.String(length=32), nullable=True))
    op.add_column("scores", sa.Column("p_topic", sa.Float(), nullable=True))
    op.drop_table("rollups")
    op.create_table(
        "rollups",
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("entity_id", sa.String(length=64), nullable=False),
        sa.Column("start", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("topic", sa.String(length=32), nullable=False),
        sa.Column("language", sa.String(length=3), nullable=False),
        sa.Column("tier", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        *(sa.Column(name, sa.BigInteger(), server_default="0", nullable=False) for name in NAMES),
        sa.PrimaryKeyConstraint(
            "level", "entity_id", "start", "topic", "language", "tier", "source", name="pk_rollups"
        ),
        comment=COMMENT,
    )
    op.create_index("ix_rollups_start", "rollups", ["level", "start"], unique=False)
    levels = op.create_table(
        "rollup_levels",
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("complete_from", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("level", name="pk_rollup_levels"),
        comment="From which minute on the rollups of a level hold every story; older ones are pruned.",
    )
    op.bulk_insert(levels, [{"level": level, "complete_from": EVER} for level in LEVELS])


def downgrade() -> None:
    raise NotImplementedError("scores are append-only: restore a backup instead")
