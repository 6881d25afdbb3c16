"""Settings to a database."""

from __future__ import annotations

from newstide.settings import Settings
from newstide.store import migrate
from newstide.store.database import Database


def connect(settings: Settings, *, read_only: bool = False) -> Database:
    """The database that the settings name, its schema checked.

    The embedded database is brought up to date here, for there is nobody else to do it; a shared one never is: that is
    `newstide db upgrade`. Raises StoreUnavailable, SchemaMismatch.
    """
    if not settings.store.url.get_secret_value() and not read_only:
        embedded = Database(settings.store_url)
        migrate.upgrade(embedded)
        return embedded
    database = Database(settings.store_url, read_only=read_only)
    migrate.require_current(database)
    return database
