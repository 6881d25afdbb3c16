"""What the three services share: free ports, waiting, processes that end with their parent."""

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

START_S_MAX = 60.0  # a broker is up in about 3 s; ten times that on a loaded machine, and some
STOP_S_MAX = 20.0
LOG_LINES_SHOWN = 40


class ServiceMissing(RuntimeError):
    """A service is not installed. The message names the part and how to get it."""


class ServiceFailed(RuntimeError):
    """A service is installed but did not start or stop. The message ends with its log."""


def cache_home() -> Path:
    """The folder, outside the tree, for what was downloaded once."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "newstide"


_GIVEN: set[int] = set()


def free_port() -> int:
    """A port that nobody listens on, below the range from which the kernel takes ports for outgoing connections.

    A service that is killed must get its port back, so a port that the kernel may lend to a client is of no use. None
    is given twice: a service may not have begun to listen when the next one asks.
    """
    for _ in range(200):
        port = random.randrange(20_000, 32_000)  # noqa: S311 - not a secret
        if port in _GIVEN:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            _GIVEN.add(port)
            return port
    raise ServiceFailed("no free port between 20000 and 32000")


def listens(port: int) -> bool:
    """Whether a connection to the loopback port succeeds."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_for(condition: Callable[[], bool], what: str, limit_s: float = START_S_MAX) -> None:
    """Ask until the condition holds; raise ServiceFailed at the limit."""
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            raise ServiceFailed(f"{what}: not within {limit_s:.0f} s")
        time.sleep(0.05)


def data_folder(name: str) -> Path:
    """A new folder of its own for one service."""
    return Path(tempfile.mkdtemp(prefix=f"newstide-{name}-"))


class Process:
    """One server process: started, stopped or killed, with a log file; it also ends when its parent dies."""

    def __init__(self, command: Sequence[str], log: Path, env: Mapping[str, str], death_signal: str = "KILL") -> None:
        self._command = [*died_with_parent(death_signal), *command]
        self._log = log
        self._env = dict(env)
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    @property
    def pid(self) -> int:
        if self._child is None:
            raise ServiceFailed("not started")
        return self._child.pid

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._child = subprocess.Popen(  # noqa: S603 - a command of ours
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._env,
                cwd=self._log.parent,
                start_new_session=True,  # Ctrl-C ends the tests, which then stop the service in order
            )

    def stop(self, with_signal: signal.Signals = signal.SIGTERM) -> None:
        """End in order; end by force when that takes too long."""
        if self._child is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._child.send_signal(with_signal)
        try:
            self._child.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End at once and without a word, as a power cut would; its workers too, so that a restart meets none."""
        if self._child is None:
            return
        for pid in (self._child.pid, *workers_of(self._child.pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._child.wait(STOP_S_MAX)

    def check(self) -> None:
        """Raise ServiceFailed, with the end of the log, when the process is no more."""
        if not self.running:
            raise ServiceFailed(f"{self._command[-1]} ended early; its log ({self._log}) says:\n{self.log_tail()}")

    def log_tail(self) -> str:
        if not self._log.exists():
            return "(no log)"
        return "\n".join(self._log.read_text("utf-8", "replace").splitlines()[-LOG_LINES_SHOWN:])


def workers_of(pid: int) -> list[int]:
    """The processes that this one started (Linux; elsewhere none: they notice by themselves, a little later)."""
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]
    except OSError:
        return []


def died_with_parent(death_signal: str) -> list[str]:
    """The prefix that makes the kernel end a child when its parent dies (Linux; elsewhere nothing)."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", death_signal] if setpriv else []


def plain_environment() -> dict[str, str]:
    """The few variables a server needs; none of ours can change its behaviour."""
    kept = ("PATH", "HOME", "TMPDIR", "JAVA_HOME")
    return {"LC_ALL": "C.UTF-8"} | {name: os.environ[name] for name in kept if name in os.environ}
