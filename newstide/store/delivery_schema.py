"""The tables of telling people: whom, where, what was decided, and what became of each attempt."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Float, Index, Integer, String, Table, Text

from newstide.store.schema import UtcDateTime, counting, metadata

subscriptions: Final = Table(
    "subscriptions",
    metadata,
    Column("owner", String(64), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("body", Text, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    comment="What each person wants to be told, and how, as JSON (newstide.alerting.subscription).",
)

mutes: Final = Table(
    "mutes",
    metadata,
    Column("id", counting, primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("spare", String(8), nullable=False),
    Column("scope", String(16), nullable=False),
    Column("value", Text, nullable=False),
    Column("since", UtcDateTime, nullable=False),
    Column("until", UtcDateTime),
    Column("ended_at", UtcDateTime),
    Index("ix_mutes_owner", "owner"),
    comment="Mutes, snoozes and acknowledgements; one that is over keeps its row.",
)

channels: Final = Table(
    "channels",
    metadata,
    Column("owner", String(64), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("address", Text, nullable=False),
    Column("secret", Text, nullable=False),
    Column("language", String(2), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("disabled_at", UtcDateTime),
    Column("disabled_why", Text, nullable=False, server_default=""),
    Column("free_at", UtcDateTime, nullable=False),
    Column("leased_by", String(32), nullable=False, server_default=""),
    Index("ix_channels_free_at", "free_at"),
    comment="Where people are told. Address and secret are secrets. One sender at a time holds one, until free_at.",
)

inbox: Final = Table(
    "inbox",
    metadata,
    Column("owner", String(64), primary_key=True),
    Column("firing_id", String(36), primary_key=True),
    Column("stored_at", UtcDateTime, nullable=False),
    Index("ix_inbox_owner", "owner", "stored_at"),
    Index("ix_inbox_firing_id", "firing_id"),
    comment="Which firings concern each person: all that was ever said to them, sent or not.",
)

firing_stories: Final = Table(
    "firing_stories",
    metadata,
    Column("story_id", String(64), primary_key=True),
    Column("firing_id", String(36), primary_key=True),
    comment="Which firings a story is evidence of: whom to tell when it no longer holds.",
)

deliveries: Final = Table(
    "deliveries",
    metadata,
    Column("delivery_id", String(36), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("channel", String(64), nullable=False),
    Column("subscription", String(64), nullable=False),
    Column("firing_id", String(36), nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("reason", String(64), nullable=False),
    Column("digest_id", String(36)),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("uncounted", Integer, nullable=False, server_default="0"),
    Column("planned_at", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Index("ix_deliveries_due", "state", "owner", "channel", "due_at"),
    Index("ix_deliveries_firing_id", "firing_id"),
    Index("ix_deliveries_digest_id", "digest_id"),
    Index("ix_deliveries_created_at", "created_at"),
    comment="The outbox and its record: one row a firing and channel, and one a digest, which has no firing.",
)

delivery_attempts: Final = Table(
    "delivery_attempts",
    metadata,
    Column("delivery_id", String(36), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("sender", String(64), nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("status", Integer),
    Column("seconds", Float),
    Column("detail", Text, nullable=False),
    comment="Every attempt. One without a known end was cut short: its receiver may have been told.",
)
