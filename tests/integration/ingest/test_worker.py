"""The parser in a process of its own."""

import subprocess
import time
from typing import Any

import pytest

from ingest.parse import parse
from ingest.worker import parse_in_worker
from tests.integration.ingest.conftest import FEEDS


def test_the_worker_says_what_the_parser_says() -> None:
    for path in sorted(FEEDS.iterdir()):
        body = path.read_bytes()
        assert parse_in_worker(body, "", "https://wire.example/") == parse(body, "", "https://wire.example/"), path.name


def test_endless_work_is_killed() -> None:
    hard = b"<rss version='2.0'><channel><x y>" + b"<a>" * 2_000_000  # broken first: only the slow parser reads it
    started_s = time.monotonic()
    found = parse_in_worker(hard, "", "", limit_s=1.0)
    assert [problem.kind for problem in found.problems] == ["time_limit"]
    assert time.monotonic() - started_s < 3


def test_a_stop_ends_it() -> None:
    started_s = time.monotonic()
    found = parse_in_worker(b"<rss><x y>" + b"<a>" * 2_000_000, "", "", cancelled=lambda: True)
    assert found.failed and time.monotonic() - started_s < 2


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
