"""The tables of the sources. A change here needs a migration beside it; a test compares the two."""

from __future__ import annotations

from typing import Final

from sqlalchemy import JSON, BigInteger, Boolean, Column, Float, Integer, String, Table, Text, true

from newstide.messages import TIER_DEFAULT
from newstide.store.schema import UtcDateTime, count, metadata

sources: Final = Table(
    "sources",
    metadata,
    Column("source", String(64), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("url", Text, nullable=False),
    Column("etag", Text, nullable=False, server_default=""),
    Column("last_modified", Text, nullable=False, server_default=""),
    Column("failures", Integer, nullable=False, server_default="0"),
    count("received"),
    count("published"),
    count("unchanged"),
    count("rejected"),
    Column("last_success_at", UtcDateTime),
    Column("last_error", Text, nullable=False, server_default=""),
    Column("next_due_at", UtcDateTime),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("tier", Integer, nullable=False, server_default=str(TIER_DEFAULT)),
    Column("language", String(3), nullable=False, server_default=""),
    Column("every_s", Float),
    Column("quiet_after_s", Float),
    Column("enabled", Boolean, nullable=False, server_default=true()),
    Column("options", JSON, nullable=False, server_default="{}"),
    Column("note", Text, nullable=False, server_default=""),
    Column("added_at", UtcDateTime),
    Column("polled_at", UtcDateTime),
    Column("last_new_at", UtcDateTime),
    Column("rhythm_s", Float),
    Column("rate_key", String(255), nullable=False, server_default="", index=True),
    Column("rate_free_at", UtcDateTime),
    Column("lease_owner", String(64), nullable=False, server_default=""),
    Column("lease_until", UtcDateTime),
    Column("lease_epoch", BigInteger, nullable=False, server_default="0"),
    comment="Where each source stands; of what it gave, received = published + unchanged + rejected.",
)

source_items: Final = Table(
    "source_items",
    metadata,
    Column("source", String(64), primary_key=True),
    Column("story_id", String(64), primary_key=True),
    Column("content_hash", String(64), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False, index=True),
    comment="The last text of each story: an edit becomes a revision, a repeat nothing.",
)
