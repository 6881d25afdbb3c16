"""Which artifact is in use, by name or version, and the way back."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from model import registry
from newstide import artifact
from newstide.artifact import Checks
from newstide.errors import ModelInvalid
from tests.tiny_artifact import write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three artifacts, each of its own version, checked and good; nothing in use."""
    for n, name in enumerate(("one", "two", "three")):
        change(write(tmp_path / name), name=name, max_tokens=16 + n)
    return tmp_path


def change(folder: Path, **fields: Any) -> None:
    """Rewrite the manifest; what it says of its checks follows."""
    manifest = msgspec.structs.replace(artifact.read_manifest(folder), **fields)
    checks = Checks(artifact.version_of(manifest), True, {}, "2026-03-02T12:00:00Z")
    (folder / artifact.MANIFEST).write_bytes(msgspec.json.encode(msgspec.structs.replace(manifest, checks=checks)))


def version(folder: Path, name: str) -> str:
    return artifact.version_of(artifact.read_manifest(folder / name))


def lines(folder: Path) -> list[str]:
    return [line.split()[0] for line in (folder / registry.HISTORY).read_text("utf-8").splitlines()]


def test_a_version_is_as_good_as_a_name(folder: Path) -> None:
    assert registry.find(folder, version(folder, "two")) == folder / "two"
    assert registry.use(folder, version(folder, "two")).folder == folder / "two"
    assert registry.active_name(folder) == "two"
    with pytest.raises(ModelInvalid, match="no artifact 'two-00000000'"):
        registry.find(folder, "two-00000000")


def test_back_goes_step_by_step_and_ends_at_the_first(folder: Path) -> None:
    for name in ("one", "two", "two", "three"):
        registry.use(folder, name)
    assert lines(folder) == ["one", "two", "three"]
    assert registry.roll_back(folder).version == version(folder, "two")
    assert (registry.active_name(folder), lines(folder)) == ("two", ["one", "two"])
    registry.use(folder, "three")
    assert [registry.roll_back(folder).folder.name for _ in range(2)] == ["two", "one"]
    with pytest.raises(ModelInvalid, match="nothing to roll back to") as raised:
        registry.roll_back(folder)
    assert "no other artifact" in raised.value.why
    assert registry.active_name(folder) == "one"


def test_what_was_in_use_before_there_was_a_history_is_remembered(folder: Path) -> None:
    (folder / artifact.ACTIVE).write_text("one\n", encoding="utf-8")
    with pytest.raises(ModelInvalid, match="nothing to roll back to"):
        registry.roll_back(folder)
    registry.use(folder, "two")
    assert registry.roll_back(folder).folder.name == "one"


def test_a_hand_that_changed_the_pointer_is_believed(folder: Path) -> None:
    registry.use(folder, "one")
    (folder / artifact.ACTIVE).write_text("two\n", encoding="utf-8")
    assert registry.roll_back(folder).folder.name == "one"


def test_back_from_an_artifact_that_is_broken(folder: Path) -> None:
    for name in ("one", "two"):
        registry.use(folder, name)
    (folder / "two" / artifact.MANIFEST).write_text("{}", encoding="utf-8")
    assert registry.roll_back(folder).folder.name == "one"


def test_a_version_that_is_gone_or_spoilt_is_not_gone_back_to(folder: Path) -> None:
    for name in ("one", "two"):
        registry.use(folder, name)
    graph = next((folder / "one").glob("*.onnx"))
    whole = graph.read_bytes()
    graph.write_bytes(whole[:1_000])
    with pytest.raises(ModelInvalid, match=graph.name):
        registry.roll_back(folder)
    graph.write_bytes(whole)
    change(folder / "one", max_tokens=9)
    with pytest.raises(ModelInvalid) as raised:
        registry.roll_back(folder)
    assert "is not there any more" in raised.value.why
    assert registry.active_name(folder) == "two"


def test_the_history_is_bounded(folder: Path) -> None:
    for turn in range(registry.HISTORY_MAX + 5):
        registry.use(folder, ("one", "two")[turn % 2])
    assert len(lines(folder)) == registry.HISTORY_MAX
    assert lines(folder)[-1] == registry.active_name(folder)


def test_a_strange_history_leads_nowhere_else(folder: Path) -> None:
    registry.use(folder, "one")
    (folder / registry.HISTORY).write_bytes(b"../../elsewhere x\n\xff\xfe\n")
    with pytest.raises(ModelInvalid, match="nothing to roll back to"):
        registry.roll_back(folder)
