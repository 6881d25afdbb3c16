"""Signed webhooks at a steady pace into the real receiver: how long until the answer, how long until the bus has it.

    python -m benchmarks.bench_push                          500 requests/s for 60 s, real Kafka and PostgreSQL
    python -m benchmarks.bench_push --embedded               the same on the two SQLite files
    python -m benchmarks.bench_push --rate 100 --seconds 10

The sender is open-loop: a request is due at its time whether the ones before were answered or not, and its latency
counts from that time. "On the bus" is when a consumer of our own reads the story. Sender and consumer are
one process beside the receiver: on 2 cores they take a part of what they measure. The report says what it took.
Prints a summary, then one JSON line. Exit status 1 when a check fails.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import os
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks.alert_path import percentiles
from benchmarks.ground import Child, conclude, ground, machine, program, wait_until
from newstide import codec
from newstide.bus.connect import connect as connect_bus
from newstide.messages import story_id_of
from newstide.settings import Settings, load
from newstide.signing import PREFIX, sign
from tests.services.common import free_port

CONNECTIONS: Final = 256
"""Kept open and used in turn: at 500 requests/s they suffice until an answer takes half a second."""
KEY: Final = b"0123456789" * 3
BODY_CHARS: Final = 1_200
"""With its fields the usual story of some 1.5 kB."""


@dataclass
class Stand:
    """The receiver, and the settings under which the bus can be read."""

    child: Child
    settings: Settings
    port: int


@dataclass
class Sent:
    """By number of the request: when it was due, when it was answered and how, when its story was read from the bus."""

    due_s: dict[int, float] = field(default_factory=dict)
    answered_s: dict[int, float] = field(default_factory=dict)
    status: dict[int, int] = field(default_factory=dict)
    read_s: dict[str, float] = field(default_factory=dict)
    late_s: float = 0.0
    """How far the sender itself fell behind at most."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=500.0, help="requests a second")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--embedded", action="store_true", help="SQLite instead of Kafka and PostgreSQL")
    parser.add_argument("--json", action="store_true", help="print one JSON line alone")
    options = parser.parse_args()
    with _embedded() if options.embedded else _cluster() as stand:
        sent, stop = Sent(), threading.Event()
        reader = threading.Thread(target=_read, args=(stand.settings, sent, stop))
        reader.start()
        used_s, began_s = stand.child.cpu_s(), time.monotonic()
        asyncio.run(_send_all(stand.port, options.rate, options.seconds, sent))
        seconds, used_s = time.monotonic() - began_s, stand.child.cpu_s() - used_s
        accepted = {story_id_of("bench", _name(n)) for n, status in sent.status.items() if 200 <= status < 300}
        with contextlib.suppress(SystemExit):  # what is not there by then fails the check below
            wait_until(lambda: accepted <= sent.read_s.keys(), "what was accepted is read from the bus", 30)
        stop.set()
        reader.join()
        report = _report(options, sent, accepted, seconds)
        report["receiver_cores"] = round(used_s / seconds, 2)
        report["receiver_rss_mb"] = _rss_mb(stand)
        status, stop_s = stand.child.stop()
        report["checks"]["the receiver ended in order within 10 s"] = status == 0 and stop_s < 10
    return conclude(report, options.json)


@contextlib.contextmanager
def _embedded() -> Iterator[Stand]:
    scratch = Path(tempfile.mkdtemp(prefix="newstide-bench-"))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NEWSTIDE_")}
    try:
        with _receiver(kept | {"NEWSTIDE_DATA_DIR": str(scratch / "var")}, scratch) as stand:
            yield stand
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextlib.contextmanager
def _cluster() -> Iterator[Stand]:
    with ground(6) as made, _receiver(made.environment(), made.scratch) as stand:
        yield stand


@contextlib.contextmanager
def _receiver(environment: dict[str, str], scratch: Path) -> Iterator[Stand]:
    port, health_port = free_port(), free_port()
    senders = [{"name": "bench", "secrets": [PREFIX + base64.b64encode(KEY).decode()], "per_second": 100_000}]
    ours = {
        "NEWSTIDE_PUSH__PORT": str(port),
        "NEWSTIDE_PUSH__SOURCES": json.dumps(senders),
        "NEWSTIDE_SERVICE__HEALTH_PORT": str(health_port),
        "NEWSTIDE_SERVICE__LOG_LEVEL": "warning",
    }
    child = Child("push", [*program(), "ingest", "push"], environment | ours, scratch / "push.log", health_port)
    child.start()
    try:
        wait_until(child.ready, "the receiver is ready", 60)
        settings = load(environment={k: v for k, v in child.environment.items() if k.startswith("NEWSTIDE_")})[0]
        yield Stand(child, settings, port)
    finally:
        print(child.log.read_text("utf-8")[-2000:], file=sys.stderr, end="")
        if child.running():
            child.kill()


def _name(number: int) -> str:
    return f"story-{number}"


def _request(number: int, now: datetime) -> bytes:
    story = {
        "id": _name(number),
        "title": f"Company {number} raises its outlook after a quarter of growth",
        "body": "Revenue rose and margins widened. " * (BODY_CHARS // 34),
        "url": f"https://wire.example/{number}",
        "published_at": now.isoformat(),
        "symbols": ["ACME"],
    }
    body = json.dumps(story).encode()
    name = f"msg_{number}"
    head = (
        f"POST /v1/push/bench HTTP/1.1\r\nhost: bench\r\ncontent-length: {len(body)}\r\nwebhook-id: {name}\r\n"
        f"webhook-timestamp: {int(now.timestamp())}\r\nwebhook-signature: {sign([KEY], name, now, body)}\r\n\r\n"
    )
    return head.encode() + body


async def _send_all(port: int, rate: float, seconds: float, sent: Sent) -> None:
    free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        free.put_nowait(await asyncio.open_connection("127.0.0.1", port))
    started_s = time.monotonic()
    tasks = []
    for number in range(int(rate * seconds)):
        due_s = started_s + number / rate
        if (wait_s := due_s - time.monotonic()) > 0:
            await asyncio.sleep(wait_s)
        sent.late_s = max(sent.late_s, time.monotonic() - due_s)
        tasks.append(asyncio.create_task(_send(number, due_s, free, sent)))
    await asyncio.gather(*tasks)
    while not free.empty():
        free.get_nowait()[1].close()


async def _send(number: int, due_s: float, free: asyncio.Queue[Any], sent: Sent) -> None:
    sent.due_s[number] = due_s
    reader, writer = await free.get()
    try:
        writer.write(_request(number, datetime.now(UTC)))
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(length)
        sent.status[number] = int(head.split(b" ", 2)[1])
    except (OSError, asyncio.IncompleteReadError):
        sent.status[number] = 0
    sent.answered_s[number] = time.monotonic()
    free.put_nowait((reader, writer))


def _read(settings: Settings, sent: Sent, stop: threading.Event) -> None:
    consumer = connect_bus(settings).consumer(settings.bus.topic_raw, "bench", "bench", lambda _: {})
    with contextlib.closing(consumer):
        while not stop.is_set():
            for record in consumer.poll(0.05, 5_000):
                now_s = time.monotonic()
                for line in codec.decode_items(record.value)[0]:
                    sent.read_s.setdefault(line.message.story_id, now_s)


def _rss_mb(stand: Stand) -> int:
    assert stand.child.process is not None
    lines = Path(f"/proc/{stand.child.process.pid}/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM"))


def _report(options: argparse.Namespace, sent: Sent, accepted: set[str], seconds: float) -> dict[str, Any]:
    ids = {number: story_id_of("bench", _name(number)) for number in sent.due_s}
    answers = [sent.answered_s[n] - due_s for n, due_s in sent.due_s.items() if 200 <= sent.status[n] < 300]
    on_bus = [sent.read_s[ids[n]] - due_s for n, due_s in sent.due_s.items() if ids[n] in sent.read_s]
    return {
        "benchmark": "push",
        "bus": "embedded" if options.embedded else "kafka",
        "machine": machine(),
        "rate": options.rate,
        "requests": len(sent.due_s),
        "requests_per_second": round(len(sent.due_s) / seconds, 1),
        "by_status": {str(status): count for status, count in sorted(Counter(sent.status.values()).items())},
        "answer_ms": percentiles(answers),
        "on_the_bus_ms": percentiles(on_bus),
        "sender_late_ms_max": round(1_000 * sent.late_s, 1),
        "checks": {
            "every request was accepted": len(accepted) == len(sent.due_s) > 0,
            "what was accepted is on the bus, and nothing else": sent.read_s.keys() == accepted,
        },
    }


if __name__ == "__main__":
    sys.exit(main())
