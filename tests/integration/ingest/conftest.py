"""A publisher on loopback that answers as it is told, and what programs of ours need around them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ingest.kinds.catalogue import rate_key_of
from newstide import codec
from newstide.bus.connect import connect as connect_bus
from newstide.clock import SystemClock
from newstide.messages import NewsItem
from newstide.service import Service
from newstide.settings import Settings
from newstide.sources import Source
from newstide.store import registry
from newstide.store.connect import connect as connect_store
from newstide.telemetry import Metrics, logger
from tests.services.hostile import Hostile

FEEDS = Path(__file__).parents[2] / "data" / "feeds"


@dataclass(frozen=True)
class Answer:
    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/rss+xml"})
    chunks: Callable[[], Iterator[bytes]] | None = None
    """Instead of `body`: sent piece by piece, without a length."""


class Publisher:
    """`answers[path]` is what a path answers; `asked` lists path and headers of each request."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.gone = threading.Event()
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                stub.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
                stub.reply(self, stub.answers.get(self.path, Answer(status=404)))

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def reply(self, handler: BaseHTTPRequestHandler, answer: Answer) -> None:
        handler.send_response(answer.status)
        for name, value in answer.headers.items():
            handler.send_header(name, value)
        if answer.chunks is None:
            handler.send_header("Content-Length", str(len(answer.body)))
        handler.end_headers()
        try:
            for chunk in answer.chunks() if answer.chunks else [answer.body]:
                handler.wfile.write(chunk)
                handler.wfile.flush()
        except OSError:
            pass  # the client had enough

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self._server.server_port}{path}"

    def close(self) -> None:
        self.gone.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    stub = Publisher()
    yield stub
    stub.close()


@pytest.fixture
def hostile() -> Iterator[Hostile]:
    """The server that does everything wrong. A test that uses it ends with no hit on the canary."""
    with Hostile() as server:
        yield server
        assert server.canary_hits == 0


@pytest.fixture
def service() -> Service:
    return Service("test", "test-1", SystemClock(), Metrics(), logger("test"))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The embedded profile in a folder of its own."""
    return Settings(data_dir=tmp_path / "var", ingest={"allow_private_addresses": True, "host_gap_s": 0})


@pytest.fixture
def published(settings: Settings) -> Callable[[], list[NewsItem]]:
    """Everything on news.raw, partition by partition."""

    def read() -> list[NewsItem]:
        items, _ = read_records(settings)
        return items

    return read


def read_records(settings: Settings) -> tuple[list[NewsItem], int]:
    """The stories on news.raw, and the number of records that carry them."""
    consumer = connect_bus(settings).consumer(settings.bus.topic_raw, "look", "me", lambda _: {})
    try:
        items: list[NewsItem] = []
        count = 0
        patience_s = 0.01 if settings.bus.kind == "embedded" else 2.0
        while (records := consumer.poll(patience_s, 10_000)) or not consumer.ready():
            for record in records:
                good, bad = codec.decode_items(record.value)
                assert bad == []
                items += [line.message for line in good]
            count += len(records)
        return items, count
    finally:
        consumer.close()


def enter(settings: Settings, **urls: str) -> None:
    """Put sources of kind feed into the registry."""
    enter_sources(settings, *(Source(name=name, url=url) for name, url in urls.items()))


def enter_sources(settings: Settings, *sources: Source) -> None:
    database = connect_store(settings)
    try:
        registry.put(database, [(source, rate_key_of(source)) for source in sources], datetime.now(UTC))
    finally:
        database.close()
