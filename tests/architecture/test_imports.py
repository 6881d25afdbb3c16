"""The import contracts of pyproject.toml hold, and no import runs in a circle, not even for types alone."""

import ast
import graphlib
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

import grimp
import pytest
from importlinter.cli import lint_imports


def circle(imports: Mapping[str, Iterable[str]]) -> list[str]:
    """The modules of one circle, or nothing."""
    try:
        graphlib.TopologicalSorter(imports).prepare()
    except graphlib.CycleError as found:
        return list(found.args[1])
    return []


def test_contracts_hold(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(root)
    status = lint_imports(no_cache=True)
    assert status == 0, capsys.readouterr().out


def test_no_import_runs_in_a_circle(packages: tuple[str, ...]) -> None:
    graph = grimp.build_graph(*packages, include_external_packages=False, exclude_type_checking_imports=False)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    assert len(imports) > len(packages)
    assert circle(imports) == []


def test_a_circle_is_found() -> None:
    assert set(circle({"a": ["b"], "b": ["c"], "c": ["a"]})) == {"a", "b", "c"}


def bare_model_imports(text: str) -> list[int]:
    return [
        node.lineno
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Import) and any(name.name == "model" for name in node.names)
    ]


def test_no_bare_import_of_model(root: Path, sources: list[Path]) -> None:
    """`import model` binds whatever folder of that name comes first; `from model.export import ...` cannot."""
    assert [str(path.relative_to(root)) for path in sources if bare_model_imports(path.read_text("utf-8"))] == []
    assert bare_model_imports("import os\nimport model\n") == [2]


def test_every_package_is_under_contract(root: Path, packages: tuple[str, ...]) -> None:
    """A new program must be named everywhere: in the wheel, the type check and the contracts."""
    tool = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["tool"]
    ours = {path.parent.name for path in root.glob("*/__init__.py")}
    assert ours == set(packages)
    assert set(tool["importlinter"]["root_packages"]) == ours
    assert ours <= set(tool["mypy"]["files"])
    assert ours <= set(tool["hatch"]["build"]["targets"]["wheel"]["packages"])
