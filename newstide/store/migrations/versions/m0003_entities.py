"""The entity master, and whom stories are about."""

import sqlalchemy as sa
from alembic import op

from newstide.store.schema import UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

COUNTING = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _master()
    _story_entities()


def _dated() -> list[sa.Column]:  # type: ignore[type-arg]
    return [sa.Column("valid_from", sa.Date(), nullable=True), sa.Column("valid_to", sa.Date(), nullable=True)]


def _master() -> None:
    op.create_table(
        "entities",
        sa.Column("entity_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("sector", sa.String(length=32), nullable=False),
        sa.Column("updated_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("entity_id", name="pk_entities"),
        comment="Whom and what news is about. The id is a slug that outlives names and symbols.",
    )
    op.create_table(
        "entity_names",
        sa.Column("entity_id", sa.String(length=64), nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("text", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=3), nullable=False),
        sa.Column("weak", sa.Boolean(), nullable=False),
        *_dated(),
        sa.PrimaryKeyConstraint("entity_id", "place", name="pk_entity_names"),
        comment="What each is called; of each language the first is the one that is shown. Dates are [from, to).",
    )
    op.create_table(
        "entity_listings",
        sa.Column("entity_id", sa.String(length=64), nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("exchange", sa.String(length=16), nullable=False),
        sa.Column("symbol", sa.String(length=16), nullable=False),
        *_dated(),
        sa.PrimaryKeyConstraint("entity_id", "place", name="pk_entity_listings"),
        comment="Where each is listed, and when. A symbol may have been several entities'.",
    )
    op.create_index("ix_entity_listings_symbol", "entity_listings", ["symbol"], unique=False)
    op.create_table(
        "entity_edits",
        sa.Column("id", COUNTING, nullable=False),
        sa.Column("entity_id", sa.String(length=64), nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("who", sa.String(length=64), nullable=False),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("after", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_entity_edits"),
        comment="Every change of an entity, whole, as JSON. Rows are only added.",
    )
    op.create_index("ix_entity_edits_entity_id", "entity_edits", ["entity_id"], unique=False)


def _story_entities() -> None:
    op.create_table(
        "story_entities",
        sa.Column("story_id", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("model_version", sa.String(length=64), nullable=False),
        sa.Column("entity_id", sa.String(length=64), nullable=False),
        sa.Column("relevance", sa.Float(), nullable=False),
        sa.Column("link_score", sa.Float(), nullable=False),
        sa.Column("matched", sa.Text(), nullable=False),
        sa.Column("field", sa.String(length=8), nullable=False),
        sa.Column("match_start", sa.Integer(), nullable=False),
        sa.Column("match_end", sa.Integer(), nullable=False),
        sa.Column("p_negative", sa.Float(), nullable=False),
        sa.Column("p_neutral", sa.Float(), nullable=False),
        sa.Column("p_positive", sa.Float(), nullable=False),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("label", sa.String(length=8), nullable=False),
        sa.Column("entities_version", sa.String(length=64), nullable=False),
        sa.Column("stored_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("story_id", "revision", "model_version", "entity_id", name="pk_story_entities"),
        comment="Whom a revision is about, and what a model version says of it for them: written once, with the score.",
    )
    op.create_index("ix_story_entities_entity_id", "story_entities", ["entity_id"], unique=False)


def downgrade() -> None:
    raise NotImplementedError("scores are append-only: restore a backup instead")
