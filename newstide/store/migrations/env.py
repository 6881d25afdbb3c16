"""Alembic runs this; newstide.store.migrate hands it the connection."""

from alembic import context

from newstide.store import source_schema  # noqa: F401 - its tables join the metadata
from newstide.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
context.run_migrations()
