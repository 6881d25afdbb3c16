"""Flat packages have a price: names that must stay ours, and names that must stay free."""

import importlib.metadata
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

OURS = "newstide"


def claims(distributions: Iterable[tuple[str, Iterable[str]]], names: Iterable[str]) -> list[str]:
    """The distributions, other than our own, that bring a top-level folder or module with one of the names."""
    wanted = set(names)
    return [
        f"{name} claims {top}"
        for name, tops in distributions
        if name.lower() != OURS
        for top in sorted(wanted.intersection(tops))
    ]


def installed() -> Iterator[tuple[str, set[str]]]:
    for distribution in importlib.metadata.distributions():
        files = distribution.files or []
        tops = {file.parts[0].removesuffix(".py") for file in files if not file.parts[0].endswith(".dist-info")}
        yield distribution.metadata["Name"] or "?", tops


def shadows(root: Path, packages: Iterable[str]) -> list[str]:
    """Modules beside the dashboard's entry script that hide a package: Streamlit puts that folder first on the path."""
    beside = {path.stem for path in (root / "dashboard").glob("*.py")}
    beside |= {path.name for path in (root / "dashboard").glob("*") if path.is_dir()}
    top_levels = {top for _, tops in installed() for top in tops} | set(sys.stdlib_module_names)
    return sorted(beside & (top_levels | set(packages)) - {"__init__", "__main__", "__pycache__"})


def folders_named_like_dependencies(root: Path) -> list[str]:
    folders = {path.name for path in root.iterdir() if path.is_dir() and not path.name.startswith((".", "__"))}
    return claims(installed(), folders)


def test_nobody_else_claims_our_names(packages: tuple[str, ...]) -> None:
    assert claims(installed(), [*packages, "tests", "benchmarks"]) == []


def test_a_claim_is_found() -> None:
    assert claims([("thief", {"model", "thief"}), ("newstide", {"model"})], ["model"]) == ["thief claims model"]


def test_no_root_folder_hides_a_dependency(root: Path) -> None:
    assert folders_named_like_dependencies(root) == []


def test_a_hiding_folder_is_found(tmp_path: Path) -> None:
    (tmp_path / "pytest").mkdir()
    assert folders_named_like_dependencies(tmp_path) == ["pytest claims pytest"]


def test_nothing_beside_the_dashboard_entry_hides_a_package(root: Path, packages: tuple[str, ...]) -> None:
    assert shadows(root, packages) == []


def test_a_shadow_is_found(tmp_path: Path) -> None:
    (tmp_path / "dashboard").mkdir()
    for name in ("model.py", "queue.py", "charts.py"):
        (tmp_path / "dashboard" / name).touch()
    assert shadows(tmp_path, ["model"]) == ["model", "queue"]


def test_views_are_not_named_pages(root: Path) -> None:
    """Streamlit turns any folder `pages/` beside the entry script into navigation of its own."""
    assert [str(path) for path in (root / "dashboard").rglob("pages")] == []


def test_tests_have_no_init(root: Path) -> None:
    """tests/model/__init__.py would hide the real `model`."""
    assert [str(path.relative_to(root)) for path in (root / "tests").rglob("__init__.py")] == []
