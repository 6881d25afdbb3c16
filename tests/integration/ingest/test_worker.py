"""The parser in a process of its own."""

import subprocess
from typing import Any

import pytest

from ingest import worker
from ingest.kinds.catalogue import KINDS
from ingest.kinds.port import Document
from ingest.worker import parse_in_worker
from tests.integration.ingest.conftest import FEEDS
from tests.services.documents import DOCUMENTS, HEAD, TAIL, item


def test_the_worker_says_what_the_parser_says() -> None:
    for path in sorted(FEEDS.iterdir()):
        body = path.read_bytes()
        url = "https://wire.example/"
        assert parse_in_worker(body, "", url, limit_s=60) == KINDS["feed"].read(Document(body, "", url), {}), path.name


SLOW = DOCUMENTS["broken ampersands"]


def test_endless_work_is_killed() -> None:
    for limit_s in (0.02, 1.0):  # by the clock, and by the kernel's account
        found = parse_in_worker(SLOW(), "", "", limit_s=limit_s)
        assert [problem.kind for problem in found.problems] == ["time_limit"]
        assert not found.complete


def test_a_stop_ends_it() -> None:
    assert parse_in_worker(SLOW(), "", "", cancelled=lambda: True).failed


def test_a_large_document_reaches_a_slow_worker_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than a pipe holds, and more looks at the clock than one while it is read."""
    monkeypatch.setattr(worker, "LOOK_EVERY_S", 0.001)
    document = HEAD + b"".join(item(number, b"y" * 1_000) for number in range(900)) + TAIL
    assert len(parse_in_worker(document, "", "", limit_s=60).entries) == 900


def test_our_secrets_stay_here(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[dict[str, str]] = []
    real = subprocess.Popen

    def watched(*arguments: Any, **options: Any) -> Any:
        started.append(options["env"])
        return real(*arguments, **options)

    monkeypatch.setattr(subprocess, "Popen", watched)
    monkeypatch.setenv("NEWSTIDE_STORE__URL", "postgresql+psycopg://u:planted@h/n")
    assert parse_in_worker(b"<rss version='2.0'><channel/></rss>", "", "").problems == ()
    assert len(started) == 1 and "planted" not in str(started)
