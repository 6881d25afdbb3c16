"""The tables of near-duplicates: what was said of each story for good, and what is kept for a while to say it."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, String, Table, Text, false

from newstide.novelty.signature import BANDS
from newstide.store.schema import UtcDateTime, metadata

BAND_NAMES: Final = tuple(f"band_{number:02d}" for number in range(BANDS))

story_novelty: Final = Table(
    "story_novelty",
    metadata,
    Column("story_id", String(64), primary_key=True),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("cluster_id", String(64), nullable=False, index=True),
    Column("copies", Integer, nullable=False),
    Column("independent_sources", Integer, nullable=False),
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("similar_12h", Integer, nullable=False),
    Column("similar_24h", Integer, nullable=False),
    Column("similar_3d", Integer, nullable=False),
    Column("similar_5d", Integer, nullable=False),
    Column("similar_7d", Integer, nullable=False),
    Column("days_since_similar", Float),
    Column("stored_at", UtcDateTime, nullable=False),
    comment="What was known of its like when a revision was first scored: one row each, never changed.",
)

novelty_members: Final = Table(
    "novelty_members",
    metadata,
    Column("story_id", String(64), primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("cluster_id", String(64), nullable=False),
    Column("text", Text, nullable=False),
    Column("source", String(64), nullable=False),
    Column("published_at", UtcDateTime, nullable=False),
    Column("withdrawn", Boolean, nullable=False, server_default=false()),
    *(Column(name, BigInteger, nullable=False) for name in BAND_NAMES),
    Column("stored_at", UtcDateTime, nullable=False),
    Index("ix_novelty_members_cluster_id", "cluster_id"),
    Index("ix_novelty_members_stored_at", "stored_at"),
    *(Index(f"ix_novelty_members_{name}", name) for name in BAND_NAMES),
    comment="The latest text of each story with its MinHash bands, for 30 days: what a new story is compared with.",
)
