"""docs/push.md: its shell runs, its tables are those of the program."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from ingest.push import app, message, protocol, settle
from newstide.settings import Settings
from newstide.store import sources
from newstide.store.connect import connect
from newstide.store.push import REMEMBER
from tests.integration.ingest.pushing import receiver_of


@pytest.fixture
def page(root: Path) -> str:
    return (root / "docs" / "push.md").read_text("utf-8")


def blocks(page: str, heading: str, language: str) -> list[str]:
    section = page.split(f"# {heading}\n", 1)[1].split("\n## ", 1)[0].split("\n### ", 1)[0]
    return re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)


def shell(script: str, folder: Path, **variables: str) -> str:
    ours = f'newstide() {{ "{sys.executable}" -m cli.main "$@"; }}\n'
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", **variables}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", ours + script],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_sender_in_a_shell(page: str, root: Path, tmp_path: Path) -> None:
    assert shutil.which("openssl") and shutil.which("curl"), "the page needs them, and so does this test"
    (make,) = blocks(page, "A sender", "console")
    secret = shell(make.replace("$ ", ""), tmp_path, PYTHONPATH=str(root)).strip()
    file = tmp_path / "wire.secret"
    assert file.read_text() == f"{secret}\n" and file.stat().st_mode & 0o777 == 0o600
    senders = json.dumps([{"name": "wire", "secrets_file": str(file)}])
    settings = Settings(data_dir=tmp_path / "var")
    with receiver_of(settings, tmp_path, NEWSTIDE_PUSH__SOURCES=senders) as receiver:
        (script,) = blocks(page, "Signing", "bash")
        said = shell(script.replace("127.0.0.1:8010", f"127.0.0.1:{receiver.port}"), tmp_path)
        assert said.strip() in page
        assert secret not in receiver.said()


def test_standard_input_in_a_shell(page: str, root: Path, tmp_path: Path) -> None:
    (tmp_path / "archive").mkdir()
    shell('echo \'{"id": 1, "title": "A story"}\' | gzip > archive/day.jsonl.gz', tmp_path)
    (script,) = blocks(page, "Standard input", "bash")
    shell(script, tmp_path, PYTHONPATH=str(root))
    with closing(connect(Settings(data_dir=tmp_path / "var"))) as database:
        assert sources.load(database, ["archive"])["archive"].published == 1


def test_the_table_of_fields(page: str) -> None:
    section = page.split("### A message\n", 1)[1].split("\n### ", 1)[0]
    told = [
        name for line in re.findall(r"^\| (`.*?`) \|", section, re.MULTILINE) for name in re.findall(r"`(\w+)`", line)
    ]
    assert set(told) == message.FIELDS and len(told) == len(message.FIELDS)


def test_the_table_of_answers(page: str, root: Path) -> None:
    section = page.split("### Answers\n", 1)[1].split("\n### ", 1)[0]
    told = {
        int(status) for line in re.findall(r"^\| ([\d, ]+) \|", section, re.MULTILINE) for status in line.split(",")
    }
    code = (root / "ingest" / "push" / "app.py").read_text("utf-8") + (root / "ingest" / "push" / "desk.py").read_text(
        "utf-8"
    )
    given = {int(status) for status in re.findall(r"Outcome\(\s*(\d{3})", code)}
    given |= {settle.OK, settle.NOT_JSON, settle.CONFLICT, settle.NO_STORY}
    assert told == given


def test_the_limits(page: str) -> None:
    for figure in (
        f"{app.BODY_BYTES_MAX >> 10} KiB", f"{app.BODY_BYTES_MAX:,} bytes", f"{message.STORIES_MAX} stories",
        f"{protocol.RECEIVE_S:g} s", f"{protocol.HEADER_BYTES_MAX >> 10} KiB", f"| {protocol.CONNECTIONS_MAX}:",
        f"{protocol.HELD_BYTES_MAX >> 20} MiB", f"| {app.ANSWER_S:g} s, then 503",
        f"{int(REMEMBER.total_seconds()) // 3600} hours",
    ):  # fmt: skip
        assert figure in page, figure
