"""Artifacts that must be refused, each with its reason; what only the scorer can see (graph, tokenizer) is here too."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from newstide import artifact
from newstide.artifact import MANIFEST
from newstide.errors import DeviceUnavailable, ModelInvalid
from newstide.scoring import onnx as scoring

COMMITTED = Path(__file__).resolve().parents[3] / "artifacts"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the committed artifact, free to be spoilt."""
    return Path(shutil.copytree(artifact.resolve(COMMITTED), tmp_path / "copy"))


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


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def test_the_committed_artifact_is_whole(folder: Path) -> None:
    found = artifact.load(folder)
    assert found.version.startswith(found.manifest.name + "-")
    assert found.version == artifact.load(COMMITTED).version
    assert found.manifest.labels == ("negative", "neutral", "positive")
    assert sum(entry.bytes for entry in found.manifest.files.values()) < 27_000_000
    assert set(found.manifest.files) | {MANIFEST} == {path.name for path in folder.iterdir()}


def test_the_version_hears_what_decides_and_nothing_else(folder: Path) -> None:
    before = artifact.load(folder).version
    rewrite(folder, lambda m: m.update(created_at="2000-01-01", metrics={}))
    assert artifact.load(folder).version == before
    rewrite(folder, lambda m: m.update(temperature=2.0))
    assert artifact.load(folder).version != before


def test_a_truncated_graph(folder: Path) -> None:
    path = folder / "model-int8.onnx"
    path.write_bytes(path.read_bytes()[:-1_000])
    with pytest.raises(ModelInvalid) as caught:
        artifact.load(folder)
    assert "bytes, the manifest says" in caught.value.why
    put(folder, path.name, path.read_bytes())  # now the manifest agrees
    with pytest.raises(ModelInvalid) as caught:
        artifact.load(folder)
    assert "not an ONNX model" in caught.value.why


def test_one_changed_byte(folder: Path) -> None:
    path = folder / "model-int8.onnx"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelInvalid, match="model-int8.onnx") as caught:
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
    put(
        folder, "model-int8.onnx", b"\x80\x04\x95\x14\x00\x00\x00\x00\x00\x00\x00}\x94\x8c\x07weights\x94]\x94G?\xf0as."
    )
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
    put(folder, "model-int8.onnx", graph)
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
        {"schema": 2},
        {"temperature": 0.0},
        {"temperature": 1e-320},  # every answer would be NaN, which no label fits
        {"max_tokens": 0},
        {"thresholds": {"confidence": 7}},
        {"graphs": {}},
        {"graphs": {"int8": "other.onnx"}},
        {"graphs": {"int8": "../model-int8.onnx"}},
        {"graphs": {"int4": "model-int8.onnx"}},
        {"tokenizer": "/etc/passwd"},
        {"tokenizer_hash": "0" * 64},
        {"name": "../escape"},
    ],
)
def test_a_manifest_that_does_not_hold(folder: Path, change: dict[str, Any]) -> None:
    rewrite(folder, lambda m: m.update(change))
    with pytest.raises(ModelInvalid):
        artifact.load(folder)


@pytest.mark.parametrize("content", [b"", b"not json", b"[]", b"\xff\xfe", b'{"schema": 1}', b"[" * 5_000])
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
    put(folder, "model-int8.onnx", _graph(labels=2))
    with pytest.raises(ModelInvalid, match="not 2 x 3"):
        scoring.load(folder, "cpu")


def test_a_graph_that_onnxruntime_refuses(folder: Path) -> None:
    put(folder, "model-int8.onnx", field(7, b""))
    with pytest.raises(ModelInvalid) as caught:
        scoring.load(folder, "cpu")
    assert "ONNX Runtime refuses" in caught.value.why


def test_cuda_is_cuda_or_an_error() -> None:
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this machine has CUDA")
    with pytest.raises(DeviceUnavailable) as caught:
        scoring.load(COMMITTED, "cuda")
    assert caught.value.exit_code == 3
    assert scoring.load(COMMITTED, "auto").version == artifact.load(COMMITTED).version


def _graph(labels: int) -> bytes:
    """A small valid graph: the mean of the ids, repeated for each label."""
    onnx = pytest.importorskip("onnx")
    helper, kinds = onnx.helper, onnx.TensorProto
    nodes = [
        helper.make_node("Cast", ["input_ids"], ["float"], to=kinds.FLOAT),
        helper.make_node("ReduceMean", ["float", "axis"], ["mean"], keepdims=1),
        helper.make_node("Concat", ["mean"] * labels, ["logits"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("input_ids", kinds.INT64, ["texts", "tokens"])],
        [helper.make_tensor_value_info("logits", kinds.FLOAT, ["texts", labels])],
        [helper.make_tensor("axis", kinds.INT64, [1], [1])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    return bytes(model.SerializeToString())
