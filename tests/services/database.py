"""A real PostgreSQL on this machine: the distribution's program, its own folder and port, fsync on."""

import os
import pwd
import re
import shutil
import signal
import subprocess
import uuid
from pathlib import Path
from typing import Self

import psycopg
from psycopg import sql

from tests.services.common import (
    START_S_MAX,
    Process,
    ServiceFailed,
    ServiceMissing,
    data_folder,
    died_with_parent,
    free_port,
    plain_environment,
    wait_for,
)

OWNER = "postgres"  # the server refuses to run as root; this account comes with the distribution's package
DEATH_SIGNAL = "INT"  # a fast shutdown, when the tests themselves are killed

CONFIGURATION = """\
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = ''
fsync = on
max_connections = 100
shared_buffers = 128MB
timezone = 'UTC'
log_timezone = 'UTC'
log_checkpoints = off
"""


def program_folder() -> Path | None:
    """The folder of `postgres` and `initdb`, the newest version first, or None."""
    packaged = Path("/usr/lib/postgresql")
    versions = sorted(packaged.glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]), reverse=True)
    if versions:
        return versions[0].parent
    found = shutil.which("postgres")
    return Path(found).resolve().parent if found else None


def missing() -> str | None:
    """What is not installed, in words, or None."""
    return None if program_folder() else "the PostgreSQL server"


class Postgres:
    """One PostgreSQL server. `start` returns when it answers a query; `close` removes its data.

    `stop` and `kill` keep data and port. Raises ServiceMissing when the server is not installed, ServiceFailed when it
    does not come up.
    """

    def __init__(self) -> None:
        folder = program_folder()
        if folder is None:
            raise ServiceMissing("the PostgreSQL server: run `make services`")
        self._programs = folder
        self.port = free_port()
        self._folder = data_folder("postgres")
        self._data = self._folder / "data"
        self._failed = False
        self._process = Process([], self._folder / "postgres.log", plain_environment())
        self.version = self._version()

    @property
    def log(self) -> Path:
        return self._folder / "postgres.log"

    @property
    def running(self) -> bool:
        return self._process.running

    @property
    def pid(self) -> int:
        return self._process.pid

    def url(self, database: str = OWNER) -> str:
        """The address of one database in SQLAlchemy's form."""
        return f"postgresql+psycopg://{OWNER}@127.0.0.1:{self.port}/{database}"

    def start(self) -> Self:
        """Start, and return when the server answers. Starting a running server changes nothing."""
        if self.running:
            return self
        if not self._data.exists():
            self._initialise()
        command = [*_as_owner(), *died_with_parent(DEATH_SIGNAL), str(self._programs / "postgres")]
        self._process = Process([*command, "-D", str(self._data)], self.log, plain_environment(), "clear")
        self._process.start()
        try:
            wait_for(self._serves, "PostgreSQL serves")
        except ServiceFailed as failure:
            self._failed = True
            raise ServiceFailed(f"{failure}\n{self._process.log_tail()}") from None
        return self

    def stop(self) -> None:
        """End in order (clients are cut off); data stays."""
        self._process.stop(signal.SIGINT)

    def kill(self) -> None:
        """End as a power cut does: the server and all its workers at once; data stays."""
        self._process.kill()

    def restart(self) -> Self:
        self.stop()
        return self.start()

    def close(self) -> None:
        """Stop and remove the data; a server that failed keeps its folder, log inside."""
        self.stop()
        if not self._failed:
            shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def fresh_database(self) -> str:
        """Create an empty database and return its name."""
        name = f"t_{uuid.uuid4().hex[:12]}"
        self._run(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        return name

    def drop_database(self, name: str) -> None:
        """Drop a database, open connections or not."""
        self._run(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _run(self, statement: sql.Composed) -> None:
        with psycopg.connect(self._address, autocommit=True, connect_timeout=5) as connection:
            connection.execute(statement)

    @property
    def _address(self) -> str:
        return f"host=127.0.0.1 port={self.port} user={OWNER} dbname={OWNER}"

    def _version(self) -> str:
        said = subprocess.run([self._programs / "postgres", "--version"], capture_output=True, text=True, check=True)
        found = re.search(r"\d+(\.\d+)+", said.stdout)
        return found.group() if found else said.stdout.strip()

    def _initialise(self) -> None:
        if os.geteuid() == 0:
            account = pwd.getpwnam(_existing_owner())
            os.chown(self._folder, account.pw_uid, account.pw_gid)
        flags = ["--auth=trust", "--encoding=UTF8", "--locale=C", f"--username={OWNER}", "--no-sync"]
        done = subprocess.run(
            [*_as_owner(), str(self._programs / "initdb"), *flags, "-D", str(self._data)],
            capture_output=True,
            text=True,
            cwd=self._folder,
            env=plain_environment(),
            timeout=START_S_MAX,
            check=False,
        )
        if done.returncode:
            raise ServiceFailed(f"initdb failed:\n{done.stdout}{done.stderr}")
        with (self._data / "postgresql.conf").open("a", encoding="utf-8") as configuration:
            configuration.write(CONFIGURATION.format(port=self.port))

    def _serves(self) -> bool:
        self._process.check()
        try:
            with psycopg.connect(self._address, connect_timeout=2) as connection:
                connection.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True


def _existing_owner() -> str:
    try:
        pwd.getpwnam(OWNER)
    except KeyError:
        subprocess.run(["useradd", "--system", "--home-dir", "/nonexistent", OWNER], check=True, timeout=30)
    return OWNER


def _as_owner() -> list[str]:
    """The prefix that gives up root, empty for everybody else."""
    if os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise ServiceMissing("`setpriv` (package util-linux), without which root cannot start PostgreSQL")
    return [setpriv, f"--reuid={OWNER}", f"--regid={OWNER}", "--init-groups"]
