"""Names that mean other things too: our own set of texts, each with all that it is about."""

from pathlib import Path

from benchmarks.bench_linking import ambiguity
from newstide.entities import starter


def test_ambiguous_names_are_told_apart(root: Path) -> None:
    found = ambiguity(starter.linker(starter.entities()))
    assert found["texts"] >= 200
    assert found["precision"] >= 0.97
    assert found["recall"] >= 0.90
