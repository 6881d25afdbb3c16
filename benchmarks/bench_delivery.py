"""Senders that are killed between sending and saying so, and how soon a message leaves.

`--rounds N`: N alerts, N senders. The receiver kills the sender with signal 9 the moment that it has a request of an id
it has not seen: the request was made, and nothing of it is written down. The next sender's clock is past the lease of
the killed one. In the end every alert must have come, and each at most once more for the sender that died over it.

`--latency N`: N messages, one every 50 ms, and how long after it was stored each came to a receiver on this host; as a
ratio to as many requests of a bare HTTP client made in the same way.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, Final

import structlog

from alerts.channels.webhook import Webhooks
from alerts.sender import Sender
from newstide.alerting.channel import Channel, ChannelKind
from newstide.alerting.firing import Firing, Kind, firing_id_of
from newstide.alerting.subscription import Subscription
from newstide.clock import SystemClock
from newstide.outbound.guard import Guard
from newstide.sections import ServiceSettings
from newstide.service import Service
from newstide.store import alerting, migrate, outbox, people, sending
from newstide.store.database import Database
from newstide.telemetry import Metrics, configure_logs

SECRET: Final = "whsec_" + "QUJD" * 8
LIMIT_S: Final = 60.0
EVERY_S: Final = 0.05
fork = multiprocessing.get_context("fork")


class LaterClock(SystemClock):
    """The wall clock of somebody who lives that much later."""

    def __init__(self, later: timedelta) -> None:
        self._later = later

    def now(self) -> datetime:
        return super().now() + self._later


def receive(folder: Path, port: Any, killing: bool) -> None:
    """A process of its own: writes down each request as it comes, and kills who sent a new one when that is wanted."""
    seen: set[str] = set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            came = time.time()
            self.rfile.read(int(self.headers["content-length"]))
            told = self.headers.get("webhook-id", "bare")
            with (folder / "calls").open("a") as calls:
                calls.write(f"{told} {came}\n")
            if killing and told not in seen:
                seen.add(told)
                os.kill(int((folder / "sender").read_text()), signal.SIGKILL)
                return
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """The calls are written down."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    port.value = server.server_port
    server.serve_forever()


def send(folder: Path, url: str, later: timedelta, drain: bool) -> None:
    """A sender's process."""
    (folder / "sender").write_text(str(os.getpid()))
    configure_logs(ServiceSettings(log_level="error"))
    service = Service("send", f"bench-{os.getpid()}", LaterClock(later), Metrics(), structlog.get_logger())
    signal.signal(signal.SIGTERM, lambda *_: service.stop.set())
    guard = Guard.of(allow_private_addresses=True)
    carriers = {ChannelKind.WEBHOOK: Webhooks(guard, allow_http=True)}
    Sender(Database(url), carriers, service, "", 4).run(drain=drain)


def said(number: int, at: datetime) -> Firing:
    return Firing(
        firing_id=firing_id_of(Kind.FIRED, "bench", 1, "acme", str(number)), kind=Kind.FIRED, rule_id="bench",
        rule_version=1, rule_text="acme: score < 0 over 1h", owner="bench", subject="acme", at=at, window_s=3_600.0,
    )  # fmt: skip


class Scene:
    """A database with one subscriber, and a receiver."""

    def __init__(self, folder: Path, *, killing: bool) -> None:
        self.folder, self.url = folder, f"sqlite:///{folder / 'newstide.db'}"
        port = fork.Value("i", 0)
        self.receiver = fork.Process(target=receive, args=(folder, port, killing), daemon=True)
        self.receiver.start()
        wait_for(lambda: port.value != 0)
        self.port = port.value
        database, now = Database(self.url), datetime.now(UTC)
        migrate.upgrade(database)
        address = f"http://127.0.0.1:{self.port}/hook"
        people.put_channel(database, Channel("bench", "hook", ChannelKind.WEBHOOK, address, SECRET), now)
        people.put_subscription(database, Subscription(owner="bench", name="all", channels=("hook",)), now)
        database.close()

    def fire(self, number: int, now: datetime) -> None:
        database = Database(self.url)
        with database.transaction() as connection:
            outbox.add(connection, alerting.add_firings(connection, [said(number, now)], now), now)
        database.close()  # no connection may live on in a child

    def sender(self, later: timedelta, *, drain: bool = True) -> Any:
        child = fork.Process(target=send, args=(self.folder, self.url, later, drain))
        child.start()
        return child

    def calls(self) -> list[tuple[str, float]]:
        lines = (self.folder / "calls").read_text().split("\n")[:-1] if (self.folder / "calls").exists() else []
        return [(line.split()[0], float(line.split()[1])) for line in lines]

    def end(self) -> None:
        self.receiver.terminate()
        self.receiver.join()


def wait_for(holds: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + LIMIT_S
    while not holds():
        if time.monotonic() > deadline_s:
            sys.exit("nothing came of it in time")
        time.sleep(0.01)


def killed(folder: Path, rounds: int) -> dict[str, Any]:
    scene, dead = Scene(folder, killing=True), 0
    lease = timedelta(seconds=sending.LEASE_S + 1)
    for number in range(rounds):
        scene.fire(number, datetime.now(UTC) + number * lease)
        child = scene.sender(number * lease)
        child.join(LIMIT_S)
        dead += child.exitcode == -signal.SIGKILL
    last = scene.sender(rounds * lease)
    last.join(LIMIT_S)
    scene.end()
    counts = Counter(told for told, _at in scene.calls())
    wanted = {outbox.delivery_id_of(said(n, datetime.now(UTC)).firing_id, "bench", "hook") for n in range(rounds)}
    repeats = sum(counts.values()) - len(counts)
    result = {
        "alerts": rounds,
        "senders_killed": dead,
        "lost": len(wanted - set(counts)),
        "strange": len(set(counts) - wanted),
        "repeats": repeats,
        "most_of_one": max(counts.values()),
    }
    result["fine"] = dead == rounds and not result["lost"] and not result["strange"] and repeats <= dead
    result["fine"] = bool(result["fine"] and result["most_of_one"] <= 2 and last.exitcode == 0)
    return result


def latency(folder: Path, count: int) -> dict[str, Any]:
    scene = Scene(folder, killing=False)
    child = scene.sender(timedelta(0), drain=False)
    stored: dict[str, float] = {}
    for number in range(count):
        at = datetime.now(UTC)
        scene.fire(number, at)
        stored[outbox.delivery_id_of(said(number, at).firing_id, "bench", "hook")] = time.time()
        time.sleep(EVERY_S)
    wait_for(lambda: len(scene.calls()) >= count)
    child.terminate()
    child.join(LIMIT_S)
    ours = sorted(at - stored[told] for told, at in scene.calls())
    bare = []
    for _ in range(count):
        begun = time.time()
        connection = HTTPConnection("127.0.0.1", scene.port)
        connection.request("POST", "/hook", b"{}")
        connection.getresponse().read()
        connection.close()
        bare.append(time.time() - begun)
        time.sleep(EVERY_S)
    scene.end()
    p95, bare_p95 = ours[int(0.95 * count)], sorted(bare)[int(0.95 * count)]
    return {"messages": count, "p50_ms": round(1000 * ours[count // 2], 1), "p95_ms": round(1000 * p95, 1),
            "bare_p95_ms": round(1000 * bare_p95, 1), "ratio_p95": round(p95 / bare_p95, 1)}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--latency", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = latency(Path(folder), given.latency) if given.latency else killed(Path(folder), given.rounds)
    print(json.dumps(found))
    sys.exit(0 if found.get("fine", True) else 1)


if __name__ == "__main__":
    main()
