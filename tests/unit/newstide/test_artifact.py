"""Artifacts that must be refused, each with its reason; what only the scorer can see (graph, tokenizer) is here too."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from newstide import artifact
from newstide.artifact import MANIFEST
from newstide.errors import DeviceUnavailable, ModelInvalid
from newstide.scoring import onnx as scoring
from newstide.topics import TOPICS
from tests.tiny_artifact import COLUMNS, GRAPH, make_graph, write

COMMITTED = Path(__file__).resolve().parents[3] / "artifacts"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A whole artifact, free to be spoilt."""
    return write(tmp_path / "copy")


def rewrite(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    manifest = msgspec.json.decode((folder / MANIFEST).read_bytes())
    change(manifest)
    (folder / MANIFEST).write_bytes(msgspec.json.encode(manifest))


def put(folder: Path, name: str, content: bytes) -> None:
    """Replace a file and make the manifest agree: an attacker would."""

    def entry(manifest: dict[str, Any]) -> None:
        digest = hashlib.sha256(content).hexdigest()
        manifest["files"][name] = {"sha256": digest, "bytes": len(content)}
        if name == manifest["tokenizer"]:
            manifest["tokenizer_hash"] = digest

    (folder / name).write_bytes(content)
    rewrite(folder, entry)


def field(number: int, content: bytes) -> bytes:
    """One length-delimited field of a protocol buffer."""
    return bytes([number << 3 | 2]) + _varint(len(content)) + content


def _everywhere(**calibration: float) -> dict[str, Any]:
    return {task: {language: calibration for language in ("en", "zh")} for task in artifact.TASKS}


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def test_the_committed_artifact_is_whole() -> None:
    found = artifact.load(COMMITTED)
    assert found.version.startswith(found.manifest.name + "-")
    assert found.manifest.labels == ("negative", "neutral", "positive")
    assert found.manifest.topics == TOPICS
    assert sum(entry.bytes for entry in found.manifest.files.values()) < 33_000_000  # of 35 MiB of all
    assert set(found.manifest.files) | {MANIFEST} == {path.name for path in found.folder.iterdir()}


def calibrate(manifest: dict[str, Any], task: str, language: str, **values: float) -> None:
    manifest["calibration"][task][language] |= values


@pytest.mark.parametrize(
    "change",
    [
        lambda m: calibrate(m, "story", "en", temperature=2.0),
        lambda m: calibrate(m, "story", "en", power=2.0),
        lambda m: calibrate(m, "entity", "zh", confidence=0.9),
        lambda m: calibrate(m, "topic", "zh", confidence=0.9),
        lambda m: m.update(topics=[*m["topics"][:-2], "other", "currency"]),
        lambda m: m.update(languages=["zh", "en"]),
        lambda m: m.update(max_tokens=31),
    ],
)
def test_the_version_hears_what_decides(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    before = artifact.load(folder).version
    rewrite(folder, change)
    assert artifact.load(folder).version != before


def test_the_version_is_deaf_to_all_else(folder: Path) -> None:
    before = artifact.load(folder).version
    checks = {"version": before, "passed": True, "rates": {"case": 0.01}, "made_at": "2026-03-02"}
    rewrite(folder, lambda m: m.update(created_at="2000-01-01", metrics={"a": 1}, checks=checks))
    rewrite(folder, lambda m: m.update(calibration=dict(reversed(m["calibration"].items()))))
    found = artifact.load(folder)
    assert found.version == before
    assert found.manifest.checks is not None and found.manifest.checks.rates == {"case": 0.01}


def test_an_artifact_of_the_first_schema_is_to_be_exported_again(folder: Path) -> None:
    (folder / MANIFEST).write_bytes(b'{"schema": 1, "name": "old", "temperature": 1.2}')
    with pytest.raises(ModelInvalid) as caught:
        artifact.load(folder)
    assert caught.value.why == "schema 1 is not 3" and "export it again" in caught.value.fix


def test_a_truncated_graph(folder: Path) -> None:
    path = folder / GRAPH
    path.write_bytes(path.read_bytes()[:-1_000])
    with pytest.raises(ModelInvalid) as caught:
        artifact.load(folder)
    assert "bytes, the manifest says" in caught.value.why
    put(folder, path.name, path.read_bytes())  # now the manifest agrees
    with pytest.raises(ModelInvalid) as caught:
        artifact.load(folder)
    assert "not an ONNX model" in caught.value.why


def test_one_changed_byte(folder: Path) -> None:
    path = folder / GRAPH
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelInvalid, match=GRAPH) as caught:
        artifact.load(folder)
    assert "SHA-256" in caught.value.why


def test_a_swapped_tokenizer(folder: Path) -> None:
    other = (folder / "tokenizer.json").read_bytes() + b"\n"
    (folder / "tokenizer.json").write_bytes(other)
    with pytest.raises(ModelInvalid, match="tokenizer.json"):
        artifact.load(folder)

    def entry_only(manifest: dict[str, Any]) -> None:
        manifest["files"]["tokenizer.json"] = {"sha256": hashlib.sha256(other).hexdigest(), "bytes": len(other)}

    rewrite(folder, entry_only)
    with pytest.raises(ModelInvalid) as caught:
        artifact.load(folder)
    assert "tokenizer_hash" in caught.value.why


def test_a_pickle_under_another_name(folder: Path) -> None:
    put(folder, GRAPH, b"\x80\x04\x95\x14\x00\x00\x00\x00\x00\x00\x00}\x94\x8c\x07weights\x94]\x94G?\xf0as.")
    with pytest.raises(ModelInvalid) as caught:
        artifact.load(folder)
    assert "not an ONNX model" in caught.value.why


@pytest.mark.parametrize("spot", ["initializer", "constant", "nested", "sparse", "function"])
def test_weights_in_another_file(folder: Path, spot: str) -> None:
    tensor = field(8, b"w") + field(13, field(1, b"location") + field(2, b"../../secret")) + b"\x70\x01"
    graph = {
        "initializer": field(7, field(5, tensor)),
        "constant": field(7, field(1, field(5, field(5, tensor)))),
        "nested": field(7, field(1, field(5, field(6, field(5, tensor))))),
        "sparse": field(7, field(15, field(1, tensor))),
        "function": field(7, b"") + b"\xca\x01" + _varint(len(tensor) + 6) + field(7, field(5, field(5, tensor))),
    }[spot]
    if spot == "function":
        inner = field(7, field(5, field(5, tensor)))
        graph = field(7, b"") + b"\xca\x01" + _varint(len(inner)) + inner
    put(folder, GRAPH, graph)
    with pytest.raises(ModelInvalid) as caught:
        artifact.load(folder)
    assert "external data" in caught.value.why


def test_a_missing_file(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    with pytest.raises(ModelInvalid) as caught:
        artifact.load(folder)
    assert "missing" in caught.value.why


def test_a_link_out_of_the_folder(folder: Path) -> None:
    (folder / "tokenizer.json").rename(folder.parent / "elsewhere.json")
    (folder / "tokenizer.json").symlink_to(folder.parent / "elsewhere.json")
    with pytest.raises(ModelInvalid) as caught:
        artifact.load(folder)
    assert "link" in caught.value.why


@pytest.mark.parametrize(
    "change",
    [
        {"labels": ["negative", "positive"]},
        {"labels": ["positive", "neutral", "negative"]},
        {"schema": 1},
        {"schema": 4},
        {"topics": []},
        {"topics": ["other"]},  # one topic would be certain of everything
        {"topics": ["earnings", "other", "earnings"]},
        {"topics": ["earnings", "Other!"]},
        {"languages": []},
        {"languages": ["de"]},
        {"languages": ["en", "und"]},  # a language without calibration
        {"calibration": {}},
        {"calibration": {"story": {}, "entity": {}, "topic": {}}},
        {"calibration": _everywhere(temperature=0.0, confidence=0.5)},
        {"calibration": _everywhere(temperature=1e-320, confidence=0.5)},  # every answer would be NaN
        {"calibration": _everywhere(temperature=1.0, confidence=7)},
        {"calibration": _everywhere(temperature=1.0, confidence=0.5, power=0.0)},  # all labels alike
        {"calibration": {"stories": {}} | _everywhere(temperature=1.0, confidence=0.5)},
        {"checks": {"passed": True}},
        {"checks": {"version": "a", "passed": True, "rates": {"case": 2.0}, "made_at": ""}},
        {"max_tokens": 0},
        {"max_tokens": 4},  # a story and a name have three tokens between them already
        {"graphs": {}},
        {"graphs": {"int8": "other.onnx"}},
        {"graphs": {"int8": "../model-int8.onnx"}},
        {"graphs": {"int4": GRAPH}},
        {"tokenizer": "/etc/passwd"},
        {"tokenizer_hash": "0" * 64},
        {"name": "../escape"},
    ],
)
def test_a_manifest_that_does_not_hold(folder: Path, change: dict[str, Any]) -> None:
    rewrite(folder, lambda m: m.update(change))
    with pytest.raises(ModelInvalid):
        artifact.load(folder)


@pytest.mark.parametrize("content", [b"", b"not json", b"[]", b"\xff\xfe", b'{"schema": 2}', b"[" * 5_000])
def test_a_manifest_that_is_none(folder: Path, content: bytes) -> None:
    (folder / MANIFEST).write_bytes(content)
    with pytest.raises(ModelInvalid):
        artifact.load(folder)


def test_a_folder_without_artifact(tmp_path: Path) -> None:
    with pytest.raises(ModelInvalid):
        artifact.load(tmp_path)
    (tmp_path / "ACTIVE").write_text("../../etc\n", encoding="utf-8")
    with pytest.raises(ModelInvalid):
        artifact.load(tmp_path)


def test_a_manifest_of_a_thousand_levels(folder: Path) -> None:
    deep = b'{"metrics": {"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}"
    (folder / MANIFEST).write_bytes(deep)
    with pytest.raises(ModelInvalid):
        artifact.load(folder)


def test_a_folder_that_no_system_can_name(tmp_path: Path) -> None:
    with pytest.raises(ModelInvalid, match=r"manifest\.json|ACTIVE"):
        artifact.load(tmp_path / ("a" * 5_000))
    (tmp_path / "ACTIVE").write_bytes(b"one\0two")
    with pytest.raises(ModelInvalid):
        artifact.load(tmp_path)


def test_a_file_swapped_after_loading(folder: Path) -> None:
    found = artifact.load(folder)
    (folder / "tokenizer.json").write_bytes(b"{}")
    with pytest.raises(ModelInvalid):
        found.read("tokenizer.json")


def test_a_tokenizer_that_is_none(folder: Path) -> None:
    put(folder, "tokenizer.json", b'{"version": "1.0"}')
    with pytest.raises(ModelInvalid) as caught:
        scoring.load(folder, "cpu")
    assert "tokenizer" in caught.value.why


def test_a_graph_with_another_number_of_labels(folder: Path) -> None:
    put(folder, GRAPH, make_graph(columns=COLUMNS - 1))
    with pytest.raises(ModelInvalid, match=f"not 2 x {COLUMNS}"):
        scoring.load(folder, "cpu")


def test_a_graph_that_takes_something_else(folder: Path) -> None:
    put(folder, GRAPH, make_graph(inputs=("input_ids", "attention_mask")))
    with pytest.raises(ModelInvalid, match="attention_mask"):
        scoring.load(folder, "cpu")


def test_a_graph_that_onnxruntime_refuses(folder: Path) -> None:
    put(folder, GRAPH, field(7, b""))
    with pytest.raises(ModelInvalid) as caught:
        scoring.load(folder, "cpu")
    assert "ONNX Runtime refuses" in caught.value.why


def test_cuda_is_cuda_or_an_error(folder: Path) -> None:
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this machine has CUDA")
    with pytest.raises(DeviceUnavailable) as caught:
        scoring.load(folder, "cuda")
    assert caught.value.exit_code == 3
    assert scoring.load(folder, "auto").version == artifact.load(folder).version
