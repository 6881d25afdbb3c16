"""Bring a database to this version's tables, or refuse to work with one that is not there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from alembic.command import upgrade as alembic_upgrade
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, text

from newstide.errors import SchemaMismatch
from newstide.store import entities
from newstide.store.database import Database
from newstide.store.rollups import rebuild

_ONE_AT_A_TIME: Final = 0x6E657773
"""Key of the PostgreSQL advisory lock: two deployments may start together."""


@dataclass(frozen=True, slots=True)
class SchemaStatus:
    database: str
    current: str | None
    """The revision found; None for an empty database."""
    wanted: str

    @property
    def up_to_date(self) -> bool:
        return self.current == self.wanted


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def _status(connection: Connection, database: Database) -> SchemaStatus:
    try:
        current = MigrationContext.configure(connection).get_current_revision()
    except CommandError as error:
        what = f"the database {database.name} says that it has several schemas at once"
        raise SchemaMismatch(what, why=str(error), fix="restore it from a backup") from error
    wanted = ScriptDirectory.from_config(_config()).get_current_head()
    return SchemaStatus(database=database.name, current=current, wanted=str(wanted))


def status(database: Database) -> SchemaStatus:
    with database.transaction() as connection:
        return _status(connection, database)


def upgrade(database: Database) -> SchemaStatus:
    """Run what is missing, in one transaction, and take in the entities that ship; harmless when nothing is new."""
    with database.transaction() as connection:
        if not database.is_sqlite:  # SQLite's write lock, which we hold already, does the same
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_ONE_AT_A_TIME})"))
        config = _config()
        config.attributes["connection"] = connection
        before = _status(connection, database).current
        try:
            alembic_upgrade(config, "head")
        except CommandError as error:
            raise SchemaMismatch(
                f"the database {database.name} has a schema that this version does not know",
                why=str(error),
                fix="run the newer version that made it",
            ) from error
        found = _status(connection, database)
        if before is not None and before != found.current:
            rebuild(connection)  # a migration may have changed what rollups hold
        if found.up_to_date:
            entities.seed(connection, datetime.now(UTC))
        return found


def require_current(database: Database) -> None:
    """Raises SchemaMismatch unless the tables are those of this version."""
    found = status(database)
    if not found.up_to_date:
        raise SchemaMismatch(
            f"the database {found.database} has schema {found.current or 'none'}; this version needs {found.wanted}",
            why="it is older or newer than this program",
            fix="newstide db upgrade",
        )
