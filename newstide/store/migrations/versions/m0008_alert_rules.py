"""Rules, watchlists, the engine's state, firings and verdicts."""

import sqlalchemy as sa
from alembic import op

from newstide.store.schema import UtcDateTime, counting

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alert_rules",
        sa.Column("seq", counting, nullable=False),
        sa.Column("rule_id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("removed", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_alert_rules"),
        sa.UniqueConstraint("rule_id", "version", name="uq_alert_rules_rule_id"),
        comment="Every version of every rule, as text and as JSON. Rows are only added; the highest version holds.",
    )
    _watchlists()
    _engine()
    _firings()


def _watchlists() -> None:
    op.create_table(
        "watchlists",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_watchlists"),
        comment="Lists of entities that rules name. `revision` counts the changes of the members.",
    )
    op.create_table(
        "watchlist_members",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("entity_id", sa.String(length=64), nullable=False),
        sa.Column("added_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", "entity_id", name="pk_watchlist_members"),
        comment="Who is on a watchlist.",
    )


def _engine() -> None:
    op.create_table(
        "alert_engines",
        sa.Column("consumer", sa.String(length=64), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.String(length=128), nullable=False),
        sa.Column("held_until", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("consumer", name="pk_alert_engines"),
        comment="One row for each evaluating consumer: `version` is its state's, moved by compare-and-swap; `holder` "
        "evaluates until then, the others stand by.",
    )
    op.create_table(
        "alert_state",
        sa.Column("consumer", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("consumer", "kind", "key", name="pk_alert_state"),
        comment="What the engine remembers, as JSON: its clock, stories that are held, windows, episodes.",
    )


def _firings() -> None:
    op.create_table(
        "firings",
        sa.Column("firing_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("rule_id", sa.String(length=64), nullable=False),
        sa.Column("rule_version", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("severity", sa.String(length=16), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("stored_at", UtcDateTime(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("firing_id", name="pk_firings"),
        comment="What was said, each thing once, whole as JSON. Rows are only added.",
    )
    op.create_index("ix_firings_rule_id", "firings", ["rule_id", "at"], unique=False)
    op.create_index("ix_firings_at", "firings", ["at"], unique=False)
    op.create_table(
        "firing_verdicts",
        sa.Column("id", counting, nullable=False),
        sa.Column("firing_id", sa.String(length=36), nullable=False),
        sa.Column("verdict", sa.String(length=8), nullable=False),
        sa.Column("who", sa.String(length=64), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_firing_verdicts"),
        comment="Whether people found a firing right. Rows are only added; of one person's the last holds.",
    )
    op.create_index("ix_firing_verdicts_firing_id", "firing_verdicts", ["firing_id"], unique=False)


def downgrade() -> None:
    raise NotImplementedError("firings are append-only: restore a backup instead")
