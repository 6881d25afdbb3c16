"""The tables of what is pushed and of what is dropped into a watched folder: what was taken in already."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Integer, String, Table, Text

from newstide.store.schema import UtcDateTime, metadata

push_messages: Final = Table(
    "push_messages",
    metadata,
    Column("source", String(64), primary_key=True),
    Column("message_id", String(128), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("status", Integer, nullable=False),
    Column("published", Integer, nullable=False),
    Column("unchanged", Integer, nullable=False),
    Column("rejected", Integer, nullable=False),
    Column("received_at", UtcDateTime, nullable=False, index=True),
    comment="Pushed messages of the last day: the body that an id stands for, and what it was answered.",
)

watched_files: Final = Table(
    "watched_files",
    metadata,
    Column("source", String(64), primary_key=True),
    Column("content_hash", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("state", String(8), nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("detail", Text, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    comment="Files of a watched folder by what they hold: being read (so many rows are done), done, or broken.",
)
