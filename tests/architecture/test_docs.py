"""docs/operations.md tells of every metric and every setting there is, and of none that is not."""

import re
from pathlib import Path

import pytest

from newstide.settings import Settings, flatten
from newstide.telemetry import CATALOGUE


@pytest.fixture(scope="module")
def operations() -> str:
    return (Path(__file__).resolve().parents[2] / "docs" / "operations.md").read_text("utf-8")


def rows(page: str, heading: str) -> dict[str, list[str]]:
    """The table under a heading: first cell, without its back ticks, to the other cells."""
    section = page.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line.strip().strip("|").split("|") for line in section.splitlines() if line.startswith("| `")]
    return {cells[0].strip().strip("`"): [cell.strip() for cell in cells[1:]] for cells in lines}


def test_every_metric_is_in_the_catalogue_page(operations: str) -> None:
    told = rows(operations, "Metrics")
    assert told == {
        metric.name: [metric.kind, ", ".join(f"`{label}`" for label in metric.labels) or "-", metric.help]
        for metric in CATALOGUE
    }


def test_every_setting_is_in_the_settings_page(operations: str) -> None:
    told = rows(operations, "Settings")
    assert set(told) == {key for key, _ in flatten(Settings())}


def test_every_command_that_is_shown_exists(operations: str) -> None:
    from typer.main import get_command

    from cli.app import app

    known = get_command(app)
    for line in re.findall(r"^ {4}\$ newstide (.*)$", operations, re.MULTILINE):
        command = known
        for word in line.split():
            subcommands = getattr(command, "commands", None)
            if subcommands is None or word.startswith("-"):
                break
            assert word in subcommands, f"newstide {line}"
            command = subcommands[word]
