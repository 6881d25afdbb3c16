"""How `newstide ingest push` refuses to start, and that it never shows a secret."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from newstide.settings import Settings
from tests.integration.ingest.pushing import SECRETS, receiver_of, story

Run = Callable[..., subprocess.CompletedProcess[str]]
SENDERS = json.dumps([{"name": "wire", "secrets": SECRETS}])


@pytest.fixture
def newstide(tmp_path: Path, root: Path) -> Run:
    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("NEWSTIDE_")}
        done = subprocess.run(
            [sys.executable, "-m", "cli.main", *arguments],
            cwd=tmp_path, env=clean | {"PYTHONPATH": str(root)} | variables,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stderr and not any(secret in done.stdout + done.stderr for secret in SECRETS)
        return done

    return run


def test_without_senders_it_says_how_to_name_one(newstide: Run) -> None:
    done = newstide("ingest", "push")
    assert done.returncode == 2 and "docs/push.md" in done.stderr


def test_a_settings_file_with_secrets_is_for_its_owner_alone(newstide: Run, tmp_path: Path) -> None:
    file = tmp_path / "newstide.toml"
    file.write_text(f'[[push.sources]]\nname = "wire"\nsecrets = ["{SECRETS[0]}"]\n')
    file.chmod(0o644)
    done = newstide("ingest", "push")
    assert done.returncode == 2 and "chmod 600" in done.stderr
    shown = newstide("config", "show")
    assert shown.returncode == 0 and "wire" in shown.stdout


def test_a_port_that_is_taken(newstide: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = newstide("ingest", "push", "--port", port, NEWSTIDE_PUSH__SOURCES=SENDERS)
    assert done.returncode == 1 and "NEWSTIDE_PUSH__PORT" in done.stderr


def test_a_new_secret_that_cannot_be_written(newstide: Run, tmp_path: Path) -> None:
    done = newstide("ingest", "push-secret", "new", "--file", str(tmp_path / "none" / "secret"))
    assert done.returncode == 2 and "cannot be written" in done.stderr and done.stdout == ""


def test_no_secret_in_logs_metrics_or_answers(settings: Settings, tmp_path: Path) -> None:
    with receiver_of(settings, tmp_path) as receiver:
        answers = [receiver.push(story(1)), receiver.push({"title": SECRETS[0]}, source="none"), receiver.push(b"{")]
        said = receiver.said() + "".join(answer.body.decode() for answer in answers)
        assert receiver.terminate() == 0
    assert not any(secret.removeprefix("whsec_")[:16] in said + receiver.said() for secret in SECRETS)
