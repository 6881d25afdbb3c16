"""Sources become a registry: what an operator wants of each, its rhythm, and the lease of whoever asks it.

Feeds that stood in the settings before are rows already. They have no interval, so nobody asks them until they are
added (docs/sources.md): the settings say no more which of them are wanted.
"""

import sqlalchemy as sa
from alembic import op

from newstide.store.schema import UtcDateTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("sources") as table:
        table.add_column(sa.Column("tier", sa.Integer(), server_default="2", nullable=False))
        table.add_column(sa.Column("language", sa.String(length=3), server_default="", nullable=False))
        table.add_column(sa.Column("every_s", sa.Float(), nullable=True))
        table.add_column(sa.Column("quiet_after_s", sa.Float(), nullable=True))
        table.add_column(sa.Column("enabled", sa.Boolean(), server_default=sa.true(), nullable=False))
        table.add_column(sa.Column("options", sa.JSON(), server_default="{}", nullable=False))
        table.add_column(sa.Column("note", sa.Text(), server_default="", nullable=False))
        table.add_column(sa.Column("added_at", UtcDateTime, nullable=True))
        table.add_column(sa.Column("polled_at", UtcDateTime, nullable=True))
        table.add_column(sa.Column("last_new_at", UtcDateTime, nullable=True))
        table.add_column(sa.Column("rhythm_s", sa.Float(), nullable=True))
        table.add_column(sa.Column("rate_key", sa.String(length=255), server_default="", nullable=False))
        table.add_column(sa.Column("rate_free_at", UtcDateTime, nullable=True))
        table.add_column(sa.Column("lease_owner", sa.String(length=64), server_default="", nullable=False))
        table.add_column(sa.Column("lease_until", UtcDateTime, nullable=True))
        table.add_column(sa.Column("lease_epoch", sa.BigInteger(), server_default="0", nullable=False))
        table.create_index("ix_sources_rate_key", ["rate_key"], unique=False)


def downgrade() -> None:
    raise NotImplementedError("scores are append-only: restore a backup instead")
