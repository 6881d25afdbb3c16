"""Real receivers for what is sent: an HTTP server and a mail server, each doing as it is told."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from aiosmtpd.controller import Controller

HANG_S: Final = 30.0
"""No receiver hangs for longer, even when its test has failed."""


@dataclass(frozen=True)
class Call:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


@dataclass
class Hooks:
    """A web server. What it does stands in `script`: by path, one step a request; the last step stays.

    A step is a status, or a status with headers, or `drop` (close without an answer), `hang` (until `release`), `drip`
    (a byte at a time, for ever).
    """

    script: dict[str, list[Any]] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)
    hanging: threading.Event = field(default_factory=threading.Event)
    address: str = ""
    called: threading.Condition = field(default_factory=threading.Condition)

    def take(self, call: Call) -> None:
        with self.called:
            self.calls.append(call)
            self.called.notify_all()

    def wait(self, path: str, count: int, limit_s: float = HANG_S) -> bool:
        """Whether so many requests came to a path in time."""
        with self.called:
            return self.called.wait_for(lambda: len(self.of(path)) >= count, limit_s)

    def of(self, path: str) -> list[Call]:
        return [call for call in self.calls if call.path == path]

    def step(self, path: str) -> Any:
        steps = self.script.get(path, [200])
        return steps.pop(0) if len(steps) > 1 else steps[0]


@contextmanager
def hooks(port: int = 0) -> Iterator[Hooks]:
    made = Hooks()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            made.take(Call(self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            self._act(made.step(self.path))

        do_GET = do_POST  # noqa: N815 - whoever follows a redirect comes with this one

        def _act(self, step: Any) -> None:
            if step == "drop":
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            if step in ("hang", "drip"):
                made.hanging.set()
                while not made.release.wait(0.2 if step == "drip" else HANG_S):
                    self.wfile.write(b"H")
                return
            status, headers = step if isinstance(step, tuple) else (step, {})
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: object) -> None:
            """Tests look at `calls`."""

        def handle(self) -> None:
            try:
                super().handle()
            except OSError:
                self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    made.address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield made
    finally:
        made.release.set()
        server.shutdown()
        server.server_close()


@dataclass
class Mailbox:
    """A mail server. `answers` are what it says to the recipient of each mail, one after the other; then it takes."""

    answers: list[str] = field(default_factory=list)
    letters: list[Message] = field(default_factory=list)
    port: int = 0

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802
        if self.answers and (answer := self.answers.pop(0)) != "250":
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        self.letters.append(message_from_bytes(envelope.content))
        return "250 taken"


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    made = Mailbox()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        made.port = probe.getsockname()[1]
    controller = Controller(made, hostname="127.0.0.1", port=made.port)
    controller.start()
    try:
        yield made
    finally:
        controller.stop()
