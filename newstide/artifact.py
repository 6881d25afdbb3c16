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
from typing import Annotated, Any, Final, Literal, get_args

import msgspec

from newstide.errors import ModelInvalid
from newstide.messages import SENTIMENTS, Language
from newstide.onnx_file import has_external_data

MANIFEST: Final = "manifest.json"
ACTIVE: Final = "ACTIVE"
SCHEMA: Final = 3
# A manifest is a few kB of figures; more is a mistake or an attack on the JSON reader.
_MANIFEST_BYTES_MAX: Final = 1 << 20
# ONNX is a protocol buffer, which ends at 2 GiB; a single file cannot be longer.
_FILE_BYTES_MAX: Final = (1 << 31) - 1

Precision = Literal["int8", "fp32", "fp16"]
Task = Literal["story", "entity", "topic"]
"""What is calibrated: sentiment of a story, sentiment towards a company in it, topic of a story."""
TASKS: Final[tuple[Task, ...]] = get_args(Task)
Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
Hash = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
TopicName = Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9_]{0,63}$")]
# One path component: no separator, no drive, no leading dot.
# Of an artifact: with a hash behind it, it must fit the 64 characters of a model version in the store.
Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,53}$")]
FileName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$")]


class FileEntry(msgspec.Struct, frozen=True):
    """What a file must be, to the byte."""

    sha256: Hash
    bytes: Annotated[int, msgspec.Meta(ge=1, le=_FILE_BYTES_MAX)]


class Calibration(msgspec.Struct, frozen=True):
    """From logits to an answer, for one task in one language, by `scoring.calibrated`.

    Below `confidence` the largest probability is too small: the sentiment is `unsure`, the topic is not named.
    """

    temperature: Annotated[float, msgspec.Meta(ge=0.01, le=100.0)]
    confidence: Share
    power: Annotated[float, msgspec.Meta(ge=0.1, le=10.0)] = 1.0


class Checks(msgspec.Struct, frozen=True):
    """What the robustness checks found, of which version: share of answers that each disturbance flipped."""

    version: str
    passed: bool
    rates: dict[str, Share]
    made_at: str


class _Head(msgspec.Struct, frozen=True):
    """Read first, so that an older manifest is called old and not malformed."""

    schema: int


class Manifest(msgspec.Struct, frozen=True):
    """What is in the folder, how to use it, how good it is and where it came from."""

    schema: int
    name: Name
    labels: tuple[str, ...]
    topics: Annotated[tuple[TopicName, ...], msgspec.Meta(min_length=2, max_length=64)]
    """In the order of the graph's columns, which follow those of the two sentiments."""
    languages: tuple[Language, ...]
    """What it was trained to read; texts in any other get no opinion, texts without a letter that of the first."""
    max_tokens: Annotated[int, msgspec.Meta(ge=8, le=8_192)]
    calibration: dict[Task, dict[Language, Calibration]]
    near: dict[Task, Annotated[float, msgspec.Meta(ge=0.0, le=100.0)]]
    """Where the best two logits of a task are nearer than this, a graph that has a finer form is asked for it."""
    checks: Checks | None
    """None: not checked yet, and therefore not to be put in use."""
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
        schema = msgspec.json.decode(content, type=_Head).schema
        if schema != SCHEMA:
            raise _refusal(path, f"schema {schema} is not {SCHEMA}", "export it again with this version")
        manifest = msgspec.json.decode(content, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _refusal(path, str(error)) from error
    _check(path, manifest)
    return manifest


def version_of(manifest: Manifest) -> str:
    """Name and a short hash of everything in the manifest that can change an answer.

    Deterministic, and deaf to what cannot (metrics, checks, the card, dates): the same graphs, tokenizer, labels,
    topics and calibration are the same version wherever and whenever they were exported.
    """
    deciding = [
        manifest.labels,
        manifest.topics,
        manifest.languages,
        manifest.max_tokens,
        manifest.calibration,
        manifest.near,
        manifest.tokenizer_hash,
        {precision: manifest.files[name].sha256 for precision, name in manifest.graphs.items()},
    ]
    digest = hashlib.sha256(msgspec.json.encode(deciding, order="deterministic")).hexdigest()
    return f"{manifest.name}-{digest[:8]}"


def _check(path: Path, manifest: Manifest) -> None:
    if not manifest.languages:
        raise _refusal(path, "it names no language that the model reads")
    if manifest.labels != SENTIMENTS:
        raise _refusal(path, f"labels {list(manifest.labels)} are not {list(SENTIMENTS)} in this order")
    if len(set(manifest.topics)) < len(manifest.topics):
        raise _refusal(path, "it names a topic twice")
    for task in TASKS:
        if missing := set(manifest.languages) - set(manifest.calibration.get(task, ())):
            raise _refusal(path, f"it has no calibration of {task} in {', '.join(sorted(missing))}")
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


def _require_single_file_graph(path: Path, content: bytes) -> None:
    try:
        external = has_external_data(content)
    except ValueError as error:
        raise _refusal(path, f"it is not an ONNX model ({error})") from error
    if external:
        raise _refusal(path, "it keeps weights in another file (external data)", "export it as a single file")
