"""The artifact folder: the one thing that passes from `model` to whoever scores. Loading verifies all of it or refuses.

    artifacts/ACTIVE                  the name of the artifact in use
    artifacts/<name>/manifest.json    this module's `Manifest`
    artifacts/<name>/tokenizer.json   the tokenizer of the training run
    artifacts/<name>/model-int8.onnx  one single-file graph for each precision
    artifacts/<name>/README.md        the model card

A folder may come from a stranger. Nothing in it is executed or unpickled; each file must be named without a path, lie
inside the folder, and match its size and SHA-256; a graph must be one ONNX file that refers to no other file.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec

from newstide.errors import ModelInvalid
from newstide.messages import SENTIMENTS, Language

MANIFEST: Final = "manifest.json"
ACTIVE: Final = "ACTIVE"
SCHEMA: Final = 1
# A manifest is a few kB of figures; more is a mistake or an attack on the JSON reader.
_MANIFEST_BYTES_MAX: Final = 1 << 20
# ONNX is a protocol buffer, which ends at 2 GiB; a single file cannot be longer.
_FILE_BYTES_MAX: Final = (1 << 31) - 1
# Graphs inside graphs (If, Loop): encoders have none, 8 levels are plenty.
_GRAPH_DEPTH_MAX: Final = 8

Precision = Literal["int8", "fp32", "fp16"]
Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
Hash = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
# One path component: no separator, no drive, no leading dot.
FileName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$")]


class FileEntry(msgspec.Struct, frozen=True):
    """What a file must be, to the byte."""

    sha256: Hash
    bytes: Annotated[int, msgspec.Meta(ge=1, le=_FILE_BYTES_MAX)]


class Thresholds(msgspec.Struct, frozen=True):
    """`confidence`: a text whose largest probability is below it is called `unsure`."""

    confidence: Share


class Manifest(msgspec.Struct, frozen=True):
    """What is in the folder, how to use it, how good it is and where it came from."""

    schema: int
    name: FileName
    labels: tuple[str, ...]
    languages: tuple[Language, ...]
    """What it was trained to read; texts in any other language get no opinion."""
    max_tokens: Annotated[int, msgspec.Meta(ge=3, le=8_192)]
    temperature: Annotated[float, msgspec.Meta(ge=0.01, le=100.0)]
    thresholds: Thresholds
    graphs: dict[Precision, FileName]
    tokenizer: FileName
    tokenizer_hash: Hash
    files: dict[FileName, FileEntry]
    metrics: dict[str, Any]
    data: dict[str, str]
    git_commit: str
    created_at: str
    licence: str
    base: str


@dataclass(frozen=True, slots=True)
class Artifact:
    """A verified artifact."""

    folder: Path
    manifest: Manifest
    version: str

    def read(self, name: str) -> bytes:
        """The bytes of a file of the manifest, verified again: what was swapped since loading is refused."""
        return _verified(self.folder, name, self.manifest.files[name])


def load(path: Path) -> Artifact:
    """Verify everything and return the artifact of a folder, or of the one that `ACTIVE` names in it.

    Raises ModelInvalid, saying which file and what is wrong with it.
    """
    folder = resolve(path)
    manifest = read_manifest(folder)
    for name, entry in manifest.files.items():
        content = _verified(folder, name, entry)
        if name in manifest.graphs.values():
            _require_single_file_graph(folder / name, content)
    return Artifact(folder, manifest, version_of(manifest))


def resolve(path: Path) -> Path:
    """The artifact folder meant by `path`: itself, or the one named in its ACTIVE file."""
    pointer = path / ACTIVE
    with _readable(pointer):
        if (path / MANIFEST).is_file() or not pointer.is_file():
            return path
        name = pointer.read_text(encoding="utf-8", errors="replace").strip()
    if not name or not name.isprintable() or "/" in name or "\\" in name or name.startswith("."):
        raise _refusal(pointer, f"{name!r} is not the name of a folder beside it", "run `newstide model use NAME`")
    return path / name


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a folder, checked in itself; the files that it names are not opened."""
    path = folder / MANIFEST
    with _readable(path):
        if not path.is_file():
            raise _refusal(path, "there is no such file", "name an artifact folder, or run `newstide model list`")
        if path.stat().st_size > _MANIFEST_BYTES_MAX:
            raise _refusal(path, f"longer than {_MANIFEST_BYTES_MAX} bytes")
        content = path.read_bytes()
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _refusal(path, str(error)) from error
    _check(path, manifest)
    return manifest


def version_of(manifest: Manifest) -> str:
    """Name and a short hash of everything in the manifest that can change an answer.

    Deterministic, and deaf to what cannot (metrics, the card, dates): the same graphs, tokenizer, labels, temperature
    and thresholds are the same version wherever and whenever they were exported.
    """
    deciding = [
        manifest.labels,
        manifest.languages,
        manifest.max_tokens,
        manifest.temperature,
        manifest.thresholds,
        manifest.tokenizer_hash,
        [(precision, manifest.files[name].sha256) for precision, name in sorted(manifest.graphs.items())],
    ]
    return f"{manifest.name}-{hashlib.sha256(msgspec.json.encode(deciding)).hexdigest()[:8]}"


def _check(path: Path, manifest: Manifest) -> None:
    if manifest.schema != SCHEMA:
        raise _refusal(path, f"schema {manifest.schema} is not {SCHEMA}", "export it again with this version")
    if not manifest.languages:
        raise _refusal(path, "it names no language that the model reads")
    if manifest.labels != SENTIMENTS:
        raise _refusal(path, f"labels {list(manifest.labels)} are not {list(SENTIMENTS)} in this order")
    if not manifest.graphs:
        raise _refusal(path, "it names no graph")
    for name in (*manifest.graphs.values(), manifest.tokenizer):
        if name not in manifest.files:
            raise _refusal(path, f"{name} has no entry under `files`")
    if manifest.files[manifest.tokenizer].sha256 != manifest.tokenizer_hash:
        raise _refusal(path, "the tokenizer is not the one that the model was trained with (tokenizer_hash differs)")


def _verified(folder: Path, name: str, entry: FileEntry) -> bytes:
    path = folder / name
    with _readable(path):
        if not path.is_file():
            raise _refusal(path, "the file is missing")
        if path.resolve().parent != folder.resolve():
            raise _refusal(path, "it is a link that leads out of the folder")
        size = path.stat().st_size
        if size != entry.bytes:
            raise _refusal(path, f"it has {size} bytes, the manifest says {entry.bytes}")
        content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != entry.sha256:
        raise _refusal(path, f"its SHA-256 is {found[:12]}…, the manifest says {entry.sha256[:12]}…")
    return content


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _refusal(path, error.strerror or str(error)) from error


def _refusal(path: Path, why: str, fix: str = "") -> ModelInvalid:
    return ModelInvalid(
        f"{path.parent.name or '.'}/{path.name} cannot be used",
        why=why,
        fix=fix or "restore the artifact, or export it again",
    )


# The few field numbers of onnx.proto3 that matter here, so that a folder can be judged without the onnx package.
_MODEL_GRAPH: Final = 7
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_SPARSE = 1, 5, 15
_NODE_ATTRIBUTE: Final = 5
_ATTRIBUTE_TENSORS, _ATTRIBUTE_GRAPHS, _ATTRIBUTE_SPARSE = (5, 10), (6, 11), (22, 23)
_SPARSE_TENSORS: Final = (1, 2)
_TENSOR_EXTERNAL, _TENSOR_LOCATION = 13, 14
_MODEL_FUNCTIONS, _FUNCTION_NODE = 25, 7


def _require_single_file_graph(path: Path, content: bytes) -> None:
    try:
        fields = list(_fields(memoryview(content)))
        graphs = [value for number, value in fields if number == _MODEL_GRAPH and isinstance(value, memoryview)]
        if not graphs:
            raise ValueError("no graph inside")
        functions = [value for number, value in fields if number == _MODEL_FUNCTIONS]
        nodes = [node for each in functions for number, node in _fields(each) if number == _FUNCTION_NODE]
        external = any(_graph_is_external(graph, 0) for graph in graphs) or any(_node_is_external(n, 0) for n in nodes)
    except (ValueError, TypeError, IndexError) as error:
        raise _refusal(path, f"it is not an ONNX model ({error})") from error
    if external:
        raise _refusal(path, "it keeps weights in another file (external data)", "export it as a single file")


def _graph_is_external(graph: Any, depth: int) -> bool:
    if depth > _GRAPH_DEPTH_MAX:
        raise ValueError("graphs nested too deep")
    for number, value in _fields(graph):
        if number == _GRAPH_INITIALIZER and _tensor_is_external(value):
            return True
        if number == _GRAPH_SPARSE and _sparse_is_external(value):
            return True
        if number == _GRAPH_NODE and _node_is_external(value, depth):
            return True
    return False


def _node_is_external(node: Any, depth: int) -> bool:
    for attribute in (value for number, value in _fields(node) if number == _NODE_ATTRIBUTE):
        for number, value in _fields(attribute):
            if number in _ATTRIBUTE_TENSORS and _tensor_is_external(value):
                return True
            if number in _ATTRIBUTE_SPARSE and _sparse_is_external(value):
                return True
            if number in _ATTRIBUTE_GRAPHS and _graph_is_external(value, depth + 1):
                return True
    return False


def _sparse_is_external(sparse: Any) -> bool:
    return any(number in _SPARSE_TENSORS and _tensor_is_external(value) for number, value in _fields(sparse))


def _tensor_is_external(tensor: Any) -> bool:
    return any(
        number == _TENSOR_EXTERNAL or (number == _TENSOR_LOCATION and value != 0) for number, value in _fields(tensor)
    )


def _fields(message: memoryview) -> Iterator[tuple[int, Any]]:
    """The fields of a protocol-buffer message: number, and an int or a view of bytes. ValueError when cut short."""
    at, end = 0, len(message)
    while at < end:
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        value: Any = None
        if number == 0:
            raise ValueError("field number 0")
        if kind == 0:
            value, at = _varint(message, at)
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
        elif kind == 2:
            size, at = _varint(message, at)
            value, at = message[at : at + size], at + size
        else:
            raise ValueError(f"wire type {kind}")
        if at > end:
            raise ValueError("cut short")
        yield number, value


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("a number without end")
