"""The commands that the documents show: those of the README are run, those of all documents must exist."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import typer

from cli.app import app

SAMPLES = Path("tests/data/docs")
NOT_RUN = {"demo", "dashboard"}
"""They do not end by themselves; tests of their own run them."""


def shown(text: str) -> list[str]:
    """Lines that begin with `$ newstide`, in a fenced block or indented."""
    return re.findall(r"^ *\$ (newstide(?: .*)?)$", text, re.MULTILINE)


def mentioned(text: str) -> list[str]:
    """Commands in the text itself, as `newstide model evaluate [ARTIFACT]`."""
    return [command for command in re.findall(r"`(newstide [a-z][^`\n]*)`", text) if "·" not in command]


def unknown_words(command: str) -> list[str]:
    """The command and flags of a line that the program does not have."""
    found: Any = typer.main.get_command(app)
    words = shlex.split(command.split("#", maxsplit=1)[0].split(" > ", maxsplit=1)[0])[1:]
    while words and hasattr(found, "commands") and not words[0].startswith("-"):
        if words[0] not in found.commands:
            return [words[0]]
        found = found.commands[words.pop(0)]
    flags = {flag for parameter in found.params for flag in (*parameter.opts, *parameter.secondary_opts)} | {"--help"}
    return [word for word in words if word.startswith("--") and word.split("=")[0] not in flags]


def documents(root: Path) -> list[Path]:
    return [root / "README.md", root / "CONTRIBUTING.md", *sorted((root / "docs").rglob("*.md"))]


def test_a_command_that_is_not_there_is_found_out() -> None:
    assert unknown_words("newstide clasify x") == ["clasify"]
    assert unknown_words("newstide db upgrade --hard") == ["--hard"]
    assert unknown_words("newstide doctor --only bus") == []


def test_every_command_of_every_document_exists(root: Path) -> None:
    for document in documents(root):
        text = document.read_text(encoding="utf-8")
        for command in shown(text) + mentioned(text):
            assert unknown_words(command) == [], f"{document.name}: {command}"


def test_the_readme_runs_in_its_order(root: Path, tmp_path: Path) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("NEWSTIDE_")}
    for sample in (root / SAMPLES).iterdir():
        (tmp_path / sample.name).write_bytes(sample.read_bytes())
    commands = [c for c in shown((root / "README.md").read_text(encoding="utf-8")) if c.split()[1] not in NOT_RUN]
    assert len(commands) >= 5
    for command in commands:
        done = subprocess.run(
            ["bash", "-c", command.replace("newstide", f"{shlex.quote(sys.executable)} -m cli.main", 1)],
            cwd=tmp_path, env=clean, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"$ {command}\n{done.stdout}{done.stderr}"


def test_links_and_pictures_lead_somewhere(root: Path) -> None:
    for document in documents(root):
        for target in re.findall(r"\]\(([^)#\s]+)", document.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (document.parent / target).exists(), f"{document.name}: {target}"
