"""What the architecture tests look at."""

import subprocess
from pathlib import Path

import pytest

PACKAGES = ("cli", "ingest", "model", "processor", "alerts", "dashboard", "newstide")


@pytest.fixture(scope="session")
def packages() -> tuple[str, ...]:
    return PACKAGES


@pytest.fixture(scope="session")
def sources(root: Path) -> list[Path]:
    """Every Python file of ours: the packages, the benchmarks, the tests."""
    return sorted(path for folder in (*PACKAGES, "benchmarks", "tests") for path in (root / folder).rglob("*.py"))


@pytest.fixture(scope="session")
def tracked(root: Path) -> list[Path]:
    """Every file that is, or would be, committed."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        check=False,
    )
    if listed.returncode:  # an archive without its history: look at what is there
        return [path for path in root.rglob("*") if path.is_file() and ".venv" not in path.parts]
    return [path for name in listed.stdout.decode().split("\0") if name and (path := root / name).is_file()]
