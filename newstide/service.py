"""What every long-running program has: signals, a health endpoint or file, metrics, and an end within ten seconds."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from newstide.clock import Clock, SystemClock
from newstide.errors import PortInUse, SettingsInvalid
from newstide.sections import ServiceSettings
from newstide.telemetry import Metrics, configure_logs, logger

DRAIN_S: Final = 10.0
"""From the signal to the end. Past it the process goes as it stands: nothing is lost, the work is done again."""
ALIVE_WITHIN_S: Final = 30.0
"""A loop that has not turned for this long is stuck: longer than any single turn."""


@dataclass(slots=True)
class Service:
    """What a loop needs of its surroundings. `tick()` at every turn; leave when `stop` is set."""

    name: str
    instance: str
    clock: Clock
    metrics: Metrics
    log: Any
    health_file: Path | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    ready: threading.Event = field(default_factory=threading.Event)
    _ticked_s: float = 0.0
    _touched_s: float = float("-inf")
    _drain: threading.Timer | None = None

    def tick(self) -> None:
        """The loop turned. Touches the health file at most once a second."""
        now_s = self.clock.monotonic()
        if self.health_file is not None and now_s - self._touched_s >= 1.0:
            self._touched_s = now_s
            with suppress(OSError):  # its age then tells that something is wrong, which is what it is for
                self.health_file.touch()
        self._ticked_s = now_s

    def alive(self) -> bool:
        return self.clock.monotonic() - self._ticked_s < ALIVE_WITHIN_S

    def ask_to_stop(self) -> None:
        """Begin the drain; the process goes by force when it takes longer than DRAIN_S."""
        if self.stop.is_set():
            return
        self.stop.set()
        self._drain = threading.Timer(DRAIN_S, os._exit, args=(1,))
        self._drain.daemon = True
        self._drain.start()

    def drained(self) -> None:
        """The end was reached in time."""
        if self._drain is not None:
            self._drain.cancel()

    def wait(self, seconds: float) -> None:
        """Sleep, but not past a stop."""
        self.clock.sleep(seconds, self.stop)


@contextmanager
def running(name: str, settings: ServiceSettings) -> Iterator[Service]:
    """Logs, metrics, signals and health for one program; SIGTERM and SIGINT set `stop` and start the drain."""
    configure_logs(settings)
    service = Service(
        name=name,
        instance=settings.instance or f"{socket.gethostname()}-{os.getpid()}",
        clock=SystemClock(),
        metrics=Metrics(),
        log=logger(name),
        health_file=Path(settings.health_file) if settings.health_file else None,
    )
    _make_health_file(service)
    server = _serve_health(service, settings)
    stoppers = (signal.SIGTERM, signal.SIGINT)
    previous = {number: signal.signal(number, lambda *_: service.ask_to_stop()) for number in stoppers}
    service.log.info("started", instance=service.instance)
    try:
        yield service
    finally:
        service.drained()
        for number, handler in previous.items():
            signal.signal(number, handler)
        if server is not None:
            server.shutdown()
        if service.health_file is not None:
            with suppress(OSError):
                service.health_file.unlink()
        service.log.info("stopped")


def _make_health_file(service: Service) -> None:
    service.tick()
    try:
        if service.health_file is not None:
            service.health_file.touch()
    except OSError as error:
        why, fix = error.strerror or str(error), "set service.health_file to a file that can be written, or to nothing"
        raise SettingsInvalid(f"the health file {service.health_file} cannot be made", why=why, fix=fix) from error


def _serve_health(service: Service, settings: ServiceSettings) -> ThreadingHTTPServer | None:
    if not settings.health_port:
        return None

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body, kind = _answer(service, self.path)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Probes come every few seconds; nobody wants to read of them."""

    try:
        server = ThreadingHTTPServer((settings.health_host, settings.health_port), Handler)
    except OSError as error:
        raise PortInUse(
            f"cannot listen on {settings.health_host}:{settings.health_port}",
            why=error.strerror or str(error),
            fix="stop what listens there, or set NEWSTIDE_SERVICE__HEALTH_PORT",
        ) from error
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
    return server


def _answer(service: Service, path: str) -> tuple[HTTPStatus, bytes, str]:
    if path == "/metrics":
        return HTTPStatus.OK, service.metrics.exposition(), "text/plain; version=0.0.4; charset=utf-8"
    healthy = {"/livez": service.alive(), "/readyz": service.ready.is_set() and service.alive()}.get(path)
    if healthy is None:
        return HTTPStatus.NOT_FOUND, b"try /livez, /readyz or /metrics\n", "text/plain"
    return (
        (HTTPStatus.OK, b"ok\n", "text/plain") if healthy else (HTTPStatus.SERVICE_UNAVAILABLE, b"no\n", "text/plain")
    )
