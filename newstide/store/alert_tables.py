"""The tables of alerts: rules, watchlists, where the engine stands, what was fired and what people say of it."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table, Text, UniqueConstraint

from newstide.store.schema import UtcDateTime, counting, metadata

alert_rules: Final = Table(
    "alert_rules",
    metadata,
    Column("seq", counting, primary_key=True),
    Column("rule_id", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("owner", String(64), nullable=False),
    Column("text", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("removed", Boolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", String(64), nullable=False),
    UniqueConstraint("rule_id", "version"),
    comment="Every version of every rule, as text and as JSON. Rows are only added; the highest version holds.",
)

watchlists: Final = Table(
    "watchlists",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    comment="Lists of entities that rules name. `revision` counts the changes of the members.",
)

watchlist_members: Final = Table(
    "watchlist_members",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("entity_id", String(64), primary_key=True),
    Column("added_at", UtcDateTime, nullable=False),
    comment="Who is on a watchlist.",
)

alert_engines: Final = Table(
    "alert_engines",
    metadata,
    Column("consumer", String(64), primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("holder", String(128), nullable=False),
    Column("held_until", UtcDateTime, nullable=False),
    comment="One row for each evaluating consumer: `version` is its state's, moved by compare-and-swap; `holder` "
    "evaluates until then, the others stand by.",
)

alert_state: Final = Table(
    "alert_state",
    metadata,
    Column("consumer", String(64), primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("payload", Text, nullable=False),
    comment="What the engine remembers, as JSON: its clock, stories that are held, windows, episodes.",
)

firings: Final = Table(
    "firings",
    metadata,
    Column("firing_id", String(36), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("rule_id", String(64), nullable=False),
    Column("rule_version", Integer, nullable=False),
    Column("owner", String(64), nullable=False),
    Column("severity", String(16), nullable=False),
    Column("subject", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("stored_at", UtcDateTime, nullable=False),
    Column("payload", Text, nullable=False),
    Index("ix_firings_rule_id", "rule_id", "at"),
    Index("ix_firings_at", "at"),
    comment="What was said, each thing once, whole as JSON. Rows are only added.",
)

firing_verdicts: Final = Table(
    "firing_verdicts",
    metadata,
    Column("id", counting, primary_key=True),
    Column("firing_id", String(36), nullable=False, index=True),
    Column("verdict", String(8), nullable=False),
    Column("who", String(64), nullable=False),
    Column("note", Text, nullable=False, server_default=""),
    Column("at", UtcDateTime, nullable=False),
    comment="Whether people found a firing right. Rows are only added; of one person's the last holds.",
)
