"""The tables of the entity master, and of whom stories are about. A change here needs a migration beside it."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Boolean, Column, Date, Float, Index, Integer, String, Table, Text

from newstide.store.schema import UtcDateTime, counting, metadata

entities: Final = Table(
    "entities",
    metadata,
    Column("entity_id", String(64), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("country", String(2), nullable=False),
    Column("sector", String(32), nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    comment="Whom and what news is about. The id is a slug that outlives names and symbols.",
)


def _dated() -> list[Column[Any]]:
    return [Column("valid_from", Date), Column("valid_to", Date)]


entity_names: Final = Table(
    "entity_names",
    metadata,
    Column("entity_id", String(64), primary_key=True),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("text", String(64), nullable=False),
    Column("language", String(3), nullable=False),
    Column("weak", Boolean, nullable=False),
    *_dated(),
    comment="What each is called; of each language the first is the one that is shown. Dates are [from, to).",
)

entity_listings: Final = Table(
    "entity_listings",
    metadata,
    Column("entity_id", String(64), primary_key=True),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("exchange", String(16), nullable=False),
    Column("symbol", String(16), nullable=False),
    *_dated(),
    Index("ix_entity_listings_symbol", "symbol"),
    comment="Where each is listed, and when. A symbol may have been several entities'.",
)

entity_edits: Final = Table(
    "entity_edits",
    metadata,
    Column("id", counting, primary_key=True),
    Column("entity_id", String(64), nullable=False, index=True),
    Column("at", UtcDateTime, nullable=False),
    Column("who", String(64), nullable=False),
    Column("before", Text),
    Column("after", Text),
    comment="Every change of an entity, whole, as JSON. Rows are only added.",
)

story_entities: Final = Table(
    "story_entities",
    metadata,
    Column("story_id", String(64), primary_key=True),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("model_version", String(64), primary_key=True),
    Column("entity_id", String(64), primary_key=True, index=True),
    Column("relevance", Float, nullable=False),
    Column("link_score", Float, nullable=False),
    Column("matched", Text, nullable=False),
    Column("field", String(8), nullable=False),
    Column("match_start", Integer, nullable=False),
    Column("match_end", Integer, nullable=False),
    Column("p_negative", Float, nullable=False),
    Column("p_neutral", Float, nullable=False),
    Column("p_positive", Float, nullable=False),
    Column("score", Float),
    Column("label", String(8), nullable=False),
    Column("entities_version", String(64), nullable=False),
    Column("stored_at", UtcDateTime, nullable=False),
    comment="Whom a revision is about, and what a model version says of it for them: written once, with the score.",
)
