"""One database: its engine, its transactions, its errors."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event, exc, make_url
from sqlalchemy.pool import NullPool, Pool

from newstide.errors import NewstideError, SettingsInvalid, StoreRefused, StoreUnavailable
from newstide.files import make_folder, require_whole
from newstide.settings import without_password

STATEMENT_TIMEOUT_S: Final = 15
"""Longer than any statement of ours takes; a database that answers later counts as away."""
LOCK_WITHIN_S: Final = 10.0
"""For SQLite's write lock; a database that is locked for longer counts as away."""
LOCK_AGAIN_S: Final = 0.002
"""Between two tries: far less than a turn of a writer."""
_POSTGRES_OPTIONS: Final = (
    f"-c statement_timeout={STATEMENT_TIMEOUT_S}s -c lock_timeout=10s "
    "-c idle_in_transaction_session_timeout=30s -c timezone=UTC"
)

_READS: Final = "newstide_reads"

Transaction = Connection
"""An open transaction, as it is handed to those who write in it."""


class Database:
    """Connections to one database. `read_only` is for pages: it can not write, and notices a file that was moved."""

    def __init__(self, url: str, *, read_only: bool = False) -> None:
        try:
            self.url = make_url(url)
        except exc.ArgumentError as error:
            raise SettingsInvalid(
                "store.url is not a database address", fix="sqlite:///FILE or postgresql+psycopg://…"
            ) from error
        if self.url.drivername not in ("sqlite", "postgresql+psycopg"):
            raise SettingsInvalid(
                f"store.url: {self.url.drivername} is not supported", fix="sqlite:///FILE or postgresql+psycopg://…"
            )
        self.is_sqlite = self.url.drivername == "sqlite"
        self.engine = self._sqlite(read_only) if self.is_sqlite else self._postgres(read_only)

    @property
    def name(self) -> str:
        """For people: the address without its password."""
        return without_password(self.url.render_as_string(hide_password=True))

    def _sqlite(self, read_only: bool) -> Engine:
        path = Path(self.url.database or "newstide.db")
        poolclass: type[Pool] | None = NullPool if read_only else None
        if not read_only:
            make_folder(path.parent)
        mode = "rw" if read_only else "rwc"
        engine = create_engine(
            f"sqlite:///file:{quote(str(path))}?mode={mode}&uri=true",
            poolclass=poolclass,
            connect_args={"timeout": LOCK_WITHIN_S},
        )

        @event.listens_for(engine, "connect")
        def connected(connection: Any, _record: object) -> None:
            connection.isolation_level = None  # we say BEGIN ourselves, below
            for pragma in ("journal_mode=WAL", "synchronous=FULL", f"query_only={int(read_only)}"):
                connection.execute(f"PRAGMA {pragma}")

        @event.listens_for(engine, "begin")
        def begun(connection: Connection) -> None:
            # Taking the write lock at once is what lets a transaction read before it writes without being thrown out.
            reads = read_only or connection.get_execution_options().get(_READS, False)
            if reads:
                connection.exec_driver_sql("BEGIN")
            else:
                _begin_writing(connection)

        return engine

    def _postgres(self, read_only: bool) -> Engine:
        options = _POSTGRES_OPTIONS + (" -c default_transaction_read_only=on" if read_only else "")
        return create_engine(
            self.url,
            pool_pre_ping=True,
            pool_recycle=1800,
            pool_size=5,
            max_overflow=5,
            pool_timeout=10,
            connect_args={
                "options": options,
                "connect_timeout": 5,
                "keepalives_idle": 10,
                "keepalives_interval": 5,
                "tcp_user_timeout": STATEMENT_TIMEOUT_S * 1000,
            },
        )

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """BEGIN … COMMIT, or ROLLBACK on any error. Raises StoreUnavailable (retry) or StoreRefused (do not)."""
        with self._translated(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads: on SQLite it waits for no writer, and holds none up."""
        with self._translated(), self.engine.connect() as connection:
            connection.execution_options(**{_READS: True})
            with connection.begin():
                yield connection

    def ping(self) -> None:
        """Raises StoreUnavailable when the database does not answer."""
        with self.transaction() as connection:
            connection.exec_driver_sql("SELECT 1")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (exc.SQLAlchemyError, *_DRIVER_ERRORS, OSError, UnicodeError) as error:
            raise self._meaning(error) from error

    def _meaning(self, error: Exception) -> NewstideError:
        why = _first_line(error)
        if _of_the_data(error):
            return StoreRefused(f"{self.name} refused the data", why=why)
        require_whole(f"the database {self.name}", getattr(error, "orig", None) or error)
        if self.is_sqlite and not os.path.exists(self.url.database or ""):  # of any name at all
            return StoreUnavailable(
                f"there is no database at {self.url.database} yet", fix="newstide db upgrade makes it"
            )
        missing_table = "no such table" in why or ("relation" in why and "does not exist" in why)
        fix = "newstide db upgrade" if missing_table else "newstide doctor --only store"
        says_no = isinstance(error, (exc.ProgrammingError, exc.InternalError))
        what = f"the database {self.name} {'refuses us' if says_no else 'does not answer'}"
        return StoreUnavailable(what, why=why, fix=fix)

    def close(self) -> None:
        self.engine.dispose()


def _begin_writing(connection: Connection) -> None:
    """Take SQLite's write lock. Its own wait sleeps up to a tenth of a second between two tries, and so loses to
    whoever takes the lock again as soon as they have let go: seconds, beside two busy writers."""
    raw: Any = connection.connection.dbapi_connection
    deadline_s = time.monotonic() + LOCK_WITHIN_S
    raw.execute("PRAGMA busy_timeout=0")
    try:
        while True:
            try:
                raw.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline_s:
                    raise
                time.sleep(LOCK_AGAIN_S)
            else:
                return
    finally:
        raw.execute(f"PRAGMA busy_timeout={int(1000 * LOCK_WITHIN_S)}")


@contextmanager
def savepoint(transaction: Transaction) -> Iterator[None]:
    """Writes that may be refused without taking the transaction with them. Raises StoreRefused, or what else comes."""
    try:
        with transaction.begin_nested():
            yield
    except (exc.SQLAlchemyError, *_DRIVER_ERRORS, UnicodeError) as error:
        if not _of_the_data(error):
            raise
        raise StoreRefused("the database refused the data", why=_first_line(error)) from error


_DRIVER_ERRORS: Final = (psycopg.Error, sqlite3.Error)
"""What comes past SQLAlchemy: from COPY, and from the first words on a new connection."""


def _of_the_data(error: Exception) -> bool:
    """Whether the same data would be refused again. Anything else may pass: a lock, a standby that is promoted."""
    if isinstance(error, exc.DBAPIError):
        return isinstance(error, (exc.DataError, exc.IntegrityError)) and not error.connection_invalidated
    return isinstance(error, (exc.StatementError, psycopg.DataError, psycopg.IntegrityError, UnicodeError))


def _first_line(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    return str(cause).strip().split("\n", 1)[0]
