"""The commands that the documents show, run: a document that lies is worse than none."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

DOCUMENTS = ("README.md", "docs/operations.md", "docs/model.md")
NOT_HERE = {
    "demo": "its own test runs it",
    "dashboard": "its own test runs it, and it does not end",
    "process": "does not end without --drain",
    "feeds": "wants the network",
    "scenario": "does not end",
    "train": "its own test runs it",
    "export": "its own test runs it",
    "evaluate": "wants the shared data",
}


def commands(text: str) -> list[str]:
    """Lines that begin with `$ newstide` in console blocks."""
    blocks = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    return [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ newstide")]


def runs_here(command: str) -> bool:
    if "--drain" in command:
        return True
    return not any(word in NOT_HERE for word in shlex.split(command)[1:3])


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_of_a_document_runs_in_its_order(document: str, root: Path, tmp_path: Path) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("NEWSTIDE_")}
    for sample in (root / "tests" / "data" / "docs").glob("*"):
        (tmp_path / sample.name).write_bytes(sample.read_bytes())
    shown = commands((root / document).read_text(encoding="utf-8"))
    for command in filter(runs_here, shown):
        done = subprocess.run(
            ["bash", "-c", command.replace("newstide", f"{sys.executable} -m cli.main", 1)],
            cwd=tmp_path, env=clean, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{document}: $ {command}\n{done.stdout}{done.stderr}"


def test_the_readme_shows_commands(root: Path) -> None:
    assert len(commands((root / "README.md").read_text(encoding="utf-8"))) >= 5
