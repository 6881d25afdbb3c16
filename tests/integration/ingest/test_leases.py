"""Several workers, as processes: each source is asked by one, whatever becomes of the others."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from newstide.messages import NewsItem
from newstide.settings import Settings
from newstide.sources import Source, SourceState
from newstide.store import registry, sources
from newstide.store.connect import connect
from tests.integration.ingest.conftest import Answer, Publisher, enter_sources
from tests.services.common import wait_for

Published = Callable[[], list[NewsItem]]
LEASE_S = 3.0


@contextmanager
def worker(settings: Settings, root: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """`newstide ingest feeds`, a process of its own."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("NEWSTIDE_")}
    ours = {
        "NEWSTIDE_DATA_DIR": str(settings.data_dir),
        "NEWSTIDE_INGEST__ALLOW_PRIVATE_ADDRESSES": "true",
        "NEWSTIDE_INGEST__HOST_GAP_S": "0",
        "NEWSTIDE_INGEST__LEASE_S": str(LEASE_S),
        "PYTHONPATH": str(root),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "cli.main", "ingest", "feeds", *arguments],
        env=clean | ours,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait()


def rss(*ids: str) -> Answer:
    items = "".join(f"<item><guid isPermaLink='false'>{i}</guid><title>Story {i}</title></item>" for i in ids)
    body = f"<rss version='2.0'><channel><title>t</title>{items}</channel></rss>".encode()
    return Answer(body, headers={"Content-Type": "application/rss+xml", "ETag": f'"{ids[-1]}"'})


class Held:
    """An answer that is begun and not ended until it is let go; says when it was asked for."""

    def __init__(self, answer: Answer) -> None:
        self.asked, self.let_go = threading.Event(), threading.Event()
        self.answer = Answer(headers=answer.headers, chunks=lambda: self._chunks(answer.body))

    def _chunks(self, body: bytes) -> Iterator[bytes]:
        yield body[:10]
        self.asked.set()
        self.let_go.wait(60)
        yield body[10:]


def titles(published: Published) -> set[str]:
    return {item.title for item in published()}


def test_two_workers_share_the_sources_and_neither_asks_twice(
    publisher: Publisher, settings: Settings, root: Path, published: Published
) -> None:
    names = [f"f{n}" for n in range(8)]
    publisher.answers |= {f"/{name}": rss(f"{name}-1", f"{name}-2") for name in names}
    database = connect(settings)
    alone = [(Source(name=name, url=publisher.url(f"/{name}")), name) for name in names]  # as if each on its own host
    registry.put(database, alone, datetime.now(UTC))
    database.close()
    with worker(settings, root, "--once") as first, worker(settings, root, "--once") as second:
        assert (first.wait(120), second.wait(120)) == (0, 0)
    assert titles(published) == {f"Story {name}-{k}" for name in names for k in (1, 2)}
    assert len(published()) == 16
    asked = Counter(path for path, _ in publisher.asked)
    assert set(asked) == {f"/{name}" for name in names}
    assert max(asked.values()) <= 2, "each worker saw to it that all were asked since it began, and no more"


@pytest.mark.parametrize("harm", [signal.SIGKILL, signal.SIGSTOP])
def test_another_takes_over_and_the_first_changes_nothing(
    harm: signal.Signals, publisher: Publisher, settings: Settings, root: Path, published: Published
) -> None:
    """A worker is killed or frozen with an answer in hand; it may come back when the source has moved on."""
    held = Held(rss("old"))
    publisher.answers["/wire"] = held.answer
    enter_sources(settings, Source(name="wire", url=publisher.url("/wire"), every_s=3_600))
    with worker(settings, root) as first:
        assert held.asked.wait(60)
        first.send_signal(harm)
        publisher.answers["/wire"] = rss("old", "new")
        with worker(settings, root) as second:
            wait_for(lambda: titles(published) == {"Story old", "Story new"}, "the other worker published both", 60)
            wait_for(lambda: state_of(settings).etag == '"new"', "and moved the cursor", 30)
            held.let_go.set()
            if harm is signal.SIGSTOP:
                first.send_signal(signal.SIGCONT)
                first.send_signal(signal.SIGTERM)  # it ends its turn first: the answer in hand is settled or dropped
                assert first.wait(60) == 0
            second.terminate()
            assert second.wait(60) == 0
    assert len(published()) == 2, "the late answer was not sent again"
    state = state_of(settings)
    assert (state.etag, state.published, state.received) == ('"new"', 2, 2)
    assert len(publisher.asked) == 2


def test_a_worker_that_is_stopped_gives_its_sources_back(
    publisher: Publisher, settings: Settings, root: Path, published: Published
) -> None:
    held = Held(rss("one"))
    publisher.answers["/wire"] = held.answer
    enter_sources(settings, Source(name="wire", url=publisher.url("/wire"), every_s=3_600))
    with worker(settings, root) as first:
        assert held.asked.wait(60)
        first.terminate()
        assert first.wait(60) == 0
    database = connect(settings)
    found = registry.load(database, "wire")
    database.close()
    assert found is not None and found.lease_until is None and found.state.polled_at is None
    assert found.state.failures == 0, "to be stopped is no failure of the source"
    assert published() == []
    held.let_go.set()


def state_of(settings: Settings) -> SourceState:
    database = connect(settings)
    try:
        return sources.load(database, ["wire"])["wire"]
    finally:
        database.close()
