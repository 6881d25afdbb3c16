"""Every document of `tests/services/documents.py` through the real worker: within its time, and 64 MiB.

Time and memory are the kernel's own account of the processes (`getrusage`), not a clock on the wall: a loaded machine
changes neither.
"""

import json
import re
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ingest import worker
from tests.services.documents import DOCUMENTS

MIB = 1 << 20
MORE_BYTES_MAX = 64 * MIB
"""Than with an empty feed."""
_KIB = 1 if sys.platform == "darwin" else 1_024


def driven(names: list[str]) -> list[dict[str, Any]]:
    """In a fresh process: `parse_in_worker` for each, and what it cost that process and its child.

    The child's peak is the largest of all children so far: what costs too much is the first that shows it.
    """
    done = subprocess.run(
        [sys.executable, "-m", "tests.integration.ingest.test_rows_limits", *names],
        capture_output=True,
        check=True,
        timeout=600,
        text=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("part", range(4))
def test_no_document_costs_more_than_its_limits(part: int) -> None:
    """A few are so made that only the time box ends them; then they are rejected like any that cannot be read."""
    assert worker.PARSE_S == 5.0
    names = list(DOCUMENTS)[part::4]
    empty, *costs = driven(["", *names])
    for name, cost in zip(names, costs, strict=True):
        assert "crashed" not in cost["problems"], (name, cost)
        assert cost["child_cpu_s"] < worker.PARSE_S + 1, (name, cost)
        assert cost["child_bytes"] - empty["child_bytes"] < MORE_BYTES_MAX, (name, cost)
        # The program that polls holds the document itself, which the test made and the fetcher would have.
        assert cost["own_bytes"] - empty["own_bytes"] < MORE_BYTES_MAX, (name, cost)


def test_every_f_row_has_a_test_of_its_name() -> None:
    files = [path.read_text(encoding="utf-8") for path in Path(__file__).parents[2].rglob("test_rows_*.py")]
    found = set(re.findall(r"def test_f(\d\d)_", "\n".join(files)))
    assert found == {f"{number:02}" for number in range(1, 39)}


def _drive(names: list[str]) -> None:
    before_s = 0.0
    for name in names:
        body = DOCUMENTS[name]() if name else b"<rss version='2.0'><channel/></rss>"
        own_before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        found = worker.parse_in_worker(body, "", "https://wire.example/feed")
        child = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu_s = child.ru_utime + child.ru_stime
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - (own_before if name else 0)
        cost = {
            "problems": [problem.kind for problem in found.problems],
            "entries": len(found.entries),
            "child_cpu_s": cpu_s - before_s,
            "child_bytes": child.ru_maxrss * _KIB,
            "own_bytes": own * _KIB,
        }
        sys.stdout.write(json.dumps(cost) + "\n")
        before_s = cpu_s


if __name__ == "__main__":
    _drive(sys.argv[1:])
