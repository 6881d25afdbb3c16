"""Start the pages' server as a process of its own, and wait until it answers."""

from __future__ import annotations

import ctypes
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from newstide.errors import ChildFailed, PortInUse
from newstide.settings import PREFIX, Settings

ENTRY: Final = Path(__file__).parent / "app.py"
START_S_MAX: Final = 60.0
"""A cold start takes about 3 s; a loaded machine may need ten times that, and some."""
STOP_S_MAX: Final = 10.0
_DIE_WITH_PARENT: Final = 1
"""PR_SET_PDEATHSIG of Linux's prctl."""


@dataclass(slots=True)
class Dashboard:
    """The running server. Use it in `with`: it ends with the block."""

    process: subprocess.Popen[bytes]
    address: str

    def stop(self) -> None:
        """End in order; by force when that takes longer than STOP_S_MAX."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_S_MAX)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()

    def __enter__(self) -> Dashboard:
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()


def serve(settings: Settings) -> Dashboard:
    """Start the pages on `settings.dashboard`; returns when they answer. Port 0 takes any free one.

    Raises PortInUse when somebody listens there already, ChildFailed when the server does not come up.
    """
    host, port = settings.dashboard.host, free_port(settings.dashboard.host, settings.dashboard.port)
    process = subprocess.Popen(  # noqa: S603 - a command of ours
        command(host, port),
        env=environment(settings, os.environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,  # its greeting; its log goes to standard error, as ours does
        start_new_session=True,  # Ctrl-C is for us: we stop it in order
        preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - one thread so far
    )
    shown = "localhost" if host in ("0.0.0.0", "::") else host  # noqa: S104 - compared, not bound
    dashboard = Dashboard(process, f"http://{f'[{shown}]' if ':' in shown else shown}:{port}")
    try:
        _wait_until_healthy(dashboard, shown, port)
    except BaseException:
        dashboard.stop()
        raise
    return dashboard


def command(host: str, port: int) -> list[str]:
    """All else stands in .streamlit/config.toml beside the entry script, which Streamlit finds from any folder."""
    return [
        sys.executable, "-m", "streamlit", "run", str(ENTRY), "--server.address", host, "--server.port", str(port),
        "--server.headless", "true",
    ]  # fmt: skip


def environment(settings: Settings, inherited: Mapping[str, str]) -> dict[str, str]:
    """The settings as they are now, command line and all; the child reads no file and nobody else's variables."""
    kept = {name: value for name, value in inherited.items() if not name.startswith((PREFIX, "STREAMLIT_"))}
    given = {
        "CONFIG": os.devnull,
        "DATA_DIR": str(settings.data_dir.absolute()),
        "DEMO": str(settings.demo).lower(),
        "SERVICE__LOG_LEVEL": settings.service.log_level,
        "SERVICE__LOG_FORMAT": settings.service.log_format,
    }
    if url := settings.store.url.get_secret_value():
        given["STORE__URL"] = url
    return kept | {PREFIX + name: value for name, value in given.items()}


def _die_with_parent() -> None:
    """No orphan keeps the port when we are killed outright."""
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGTERM)


def free_port(host: str, port: int) -> int:
    """The port, or any free one for 0. Raises PortInUse when it cannot be listened on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise _in_use(host, port, error.strerror or str(error)) from error
        return int(probe.getsockname()[1])


def _in_use(host: str, port: int, why: str) -> PortInUse:
    return PortInUse(
        f"the dashboard cannot listen on {host}:{port}",
        why=why,
        fix=f"stop what listens there, or choose another: --port {port + 1} (--port 0: any free one)",
    )


def _wait_until_healthy(dashboard: Dashboard, host: str, port: int) -> None:
    deadline_s = time.monotonic() + START_S_MAX
    while not _healthy(host, port):
        if (status := dashboard.process.poll()) is not None:
            raise ChildFailed(
                "the dashboard ended while it started",
                why=f"exit {status}; its words stand above",
                fix="newstide doctor",
            )
        if time.monotonic() > deadline_s:
            raise ChildFailed(f"the dashboard did not answer within {START_S_MAX:.0f} s", fix="newstide doctor")
        time.sleep(0.1)


def _healthy(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", "/_stcore/health")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()
