"""Whom to tell, where, what was decided, and what became of it."""

import sqlalchemy as sa
from alembic import op

from newstide.store.schema import UtcDateTime, counting

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _people()
    _inbox()
    _outbox()


def _people() -> None:
    op.create_table(
        "subscriptions",
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("updated_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("owner", "name", name="pk_subscriptions"),
        comment="What each person wants to be told, and how, as JSON (newstide.alerting.subscription).",
    )
    op.create_table(
        "mutes",
        sa.Column("id", counting, nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("spare", sa.String(length=8), nullable=False),
        sa.Column("scope", sa.String(length=16), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("since", UtcDateTime, nullable=False),
        sa.Column("until", UtcDateTime, nullable=True),
        sa.Column("ended_at", UtcDateTime, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_mutes"),
        comment="Mutes, snoozes and acknowledgements; one that is over keeps its row.",
    )
    op.create_index("ix_mutes_owner", "mutes", ["owner"], unique=False)
    op.create_table(
        "channels",
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("disabled_at", UtcDateTime, nullable=True),
        sa.Column("disabled_why", sa.Text(), server_default="", nullable=False),
        sa.Column("free_at", UtcDateTime, nullable=False),
        sa.Column("leased_by", sa.String(length=32), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("owner", "name", name="pk_channels"),
        comment="Where people are told. Address and secret are secrets. One sender at a time holds one, until free_at.",
    )
    op.create_index("ix_channels_free_at", "channels", ["free_at"], unique=False)


def _inbox() -> None:
    op.create_table(
        "inbox",
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("firing_id", sa.String(length=36), nullable=False),
        sa.Column("stored_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("owner", "firing_id", name="pk_inbox"),
        comment="Which firings concern each person: all that was ever said to them, sent or not.",
    )
    op.create_index("ix_inbox_owner", "inbox", ["owner", "stored_at"], unique=False)
    op.create_index("ix_inbox_firing_id", "inbox", ["firing_id"], unique=False)
    op.create_table(
        "firing_stories",
        sa.Column("story_id", sa.String(length=64), nullable=False),
        sa.Column("firing_id", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("story_id", "firing_id", name="pk_firing_stories"),
        comment="Which firings a story is evidence of: whom to tell when it no longer holds.",
    )


def _outbox() -> None:
    op.create_table(
        "deliveries",
        sa.Column("delivery_id", sa.String(length=36), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=64), nullable=False),
        sa.Column("subscription", sa.String(length=64), nullable=False),
        sa.Column("firing_id", sa.String(length=36), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("digest_id", sa.String(length=36), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("uncounted", sa.Integer(), server_default="0", nullable=False),
        sa.Column("planned_at", UtcDateTime, nullable=False),
        sa.Column("due_at", UtcDateTime, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("ended_at", UtcDateTime, nullable=True),
        sa.PrimaryKeyConstraint("delivery_id", name="pk_deliveries"),
        comment="The outbox and its record: one row a firing and channel, and one a digest, which has no firing.",
    )
    op.create_index("ix_deliveries_due", "deliveries", ["state", "owner", "channel", "due_at"], unique=False)
    for column in ("firing_id", "digest_id", "created_at"):
        op.create_index(f"ix_deliveries_{column}", "deliveries", [column], unique=False)
    op.create_table(
        "delivery_attempts",
        sa.Column("delivery_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("started_at", UtcDateTime, nullable=False),
        sa.Column("sender", sa.String(length=64), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("seconds", sa.Float(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("delivery_id", "number", name="pk_delivery_attempts"),
        comment="Every attempt. One without a known end was cut short: its receiver may have been told.",
    )


def downgrade() -> None:
    raise NotImplementedError("scores are append-only: restore a backup instead")
