"""A push receiver as a process, and a sender that signs as the standard says, or just not."""

from __future__ import annotations

import base64
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from newstide.settings import Settings
from newstide.signing import secret_of, sign
from newstide.sources import SourceState
from newstide.store import health, sources
from newstide.store.connect import connect
from newstide.store.health import DeadLetterRow
from tests.services.common import died_with_parent, free_port, wait_for

ROOT = Path(__file__).resolve().parents[3]
SECRETS = ["whsec_" + base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2)]


class Answer(NamedTuple):
    status: int
    body: bytes
    headers: dict[str, str]

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass
class Receiver:
    """`newstide ingest push` for the senders `wire` (two secrets) and `slow` (one message a second)."""

    settings: Settings
    port: int
    health_port: int
    environment: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    _made: int = 0

    def start(self) -> Receiver:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*died_with_parent("KILL"), sys.executable, "-m", "cli.main", "ingest", "push"],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
            )
        wait_for(lambda: self.get("/readyz") == 200, "the receiver is ready")
        return self

    def get(self, path: str) -> int:
        assert self.process is not None and self.process.poll() is None, self.said()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.health_port}{path}", timeout=5) as answer:  # noqa: S310
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def metric(self, line: str) -> float:
        """The value of a line of /metrics that begins like this; 0 where there is none."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.health_port}/metrics", timeout=5) as answer:  # noqa: S310
            text = answer.read().decode()
        return sum(float(one.rpartition(" ")[2]) for one in text.splitlines() if one.startswith(line))

    def resident_bytes(self) -> int:
        assert self.process is not None
        return int(Path(f"/proc/{self.process.pid}/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def terminate(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(15)

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def said(self) -> str:
        return self.log.read_text("utf-8", "replace")[-4000:]

    # --- the sender -------------------------------------------------------------------------------------------------

    def new_id(self) -> str:
        self._made += 1
        return f"msg_{self.port}_{self._made}"

    def push(self, stories: object, source: str = "wire", **how: Any) -> Answer:
        """`stories` as JSON, or bytes as they are; `how` as `signed`."""
        body = stories if isinstance(stories, bytes) else json.dumps(stories).encode()
        return self.post(body, signed(body, how.pop("message_id", None) or self.new_id(), **how), source)

    def post(self, body: bytes, headers: dict[str, str], source: str = "wire") -> Answer:
        return self.request("POST", f"/v1/push/{source}", body, headers)

    def request(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Answer:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return Answer(answer.status, answer.read(), {k.lower(): v for k, v in answer.getheaders()})

    def raw(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    # --- what came of it --------------------------------------------------------------------------------------------

    def state(self, source: str = "wire") -> SourceState:
        with closing(connect(self.settings, read_only=True)) as database:
            return sources.load(database, [source])[source]

    def dead_letters(self) -> list[DeadLetterRow]:
        with closing(connect(self.settings, read_only=True)) as database:
            return health.dead_letter_rows(database, 1_000)


def signed(
    body: bytes, message_id: str, secrets: list[str] | None = None, off_s: int = 0, **other: str
) -> dict[str, str]:
    """The three headers; `off_s` sets the sender's clock wrong; `other` replaces or adds headers."""
    at = int(datetime.now(UTC).timestamp()) + off_s
    keys = [secret_of(text) for text in secrets or SECRETS[:1]]
    signature = sign(keys, message_id, datetime.fromtimestamp(at, UTC), body)
    headers = {"webhook-id": message_id, "webhook-timestamp": str(at), "webhook-signature": signature}
    return headers | {name.replace("_", "-"): value for name, value in other.items()}


def story(number: int, **fields: object) -> dict[str, object]:
    return {"id": f"s{number}", "title": f"Story {number}", "published_at": "2026-11-26T10:00:00Z"} | fields


@contextmanager
def receiver_of(settings: Settings, folder: Path, **more: str) -> Iterator[Receiver]:
    """A receiver on ports of its own, ended at the end whatever state it is in."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("NEWSTIDE_")}
    senders = [
        {"name": "wire", "secrets": SECRETS, "per_second": 100_000},
        {"name": "slow", "secrets": SECRETS[:1], "per_second": 1},
    ]
    port, health_port = free_port(), free_port()
    ours = {
        "NEWSTIDE_DATA_DIR": str(settings.data_dir),
        "NEWSTIDE_PUSH__PORT": str(port),
        "NEWSTIDE_PUSH__SOURCES": json.dumps(senders),
        "NEWSTIDE_SERVICE__HEALTH_PORT": str(health_port),
    }
    made = Receiver(settings, port, health_port, clean | ours | more, folder / "push.log")
    try:
        yield made.start()
    finally:
        made.kill()
