"""Labelled texts from the data folder, as typed rows with a fingerprint.

The folder is named by NEWSTIDE_DATA (default `../shared/data`) and never committed. Only splits whose licence allows it
are named in `TRAINING`; everything else here is for measuring.
"""

import gzip
import hashlib
import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from newstide.errors import DataInvalid
from newstide.messages import Language
from newstide.text import model_input

LABELS: Final = ("negative", "neutral", "positive")
LANGUAGES: Final[tuple[Language, ...]] = ("en",)
"""Of the training split: what a model trained on it has learned to read."""
DATA_VARIABLE: Final = "NEWSTIDE_DATA"
DEFAULT_ROOT: Final = Path("../shared/data")
TRAINING: Final = "sentiment/en_train.jsonl.gz"
VALIDATION: Final = "sentiment/en_val.jsonl.gz"
TEST: Final = "sentiment/en_test.jsonl.gz"


class _Text(msgspec.Struct, frozen=True):
    text: str


class _Line(_Text, frozen=True):
    label: str
    source: str
    agree: int = 0
    mixed: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One text with its target: the share of each label among those that annotators gave it (labels in order)."""

    text: str
    target: tuple[float, float, float]
    source: str
    agree: int = 0
    mixed: bool = False

    @property
    def label(self) -> int:
        """The index of the label with the largest share; the first of equals."""
        return self.target.index(max(self.target))


@dataclass(frozen=True, slots=True)
class Split:
    """The rows of one file and the SHA-256 of its bytes."""

    name: str
    rows: tuple[Row, ...]
    fingerprint: str


def data_root(explicit: Path | None = None) -> Path:
    """The data folder: what the caller names, else the environment, else the default. Raises DataInvalid if absent."""
    root = explicit or Path(os.environ.get(DATA_VARIABLE) or DEFAULT_ROOT)
    if not root.is_dir():
        raise DataInvalid(
            f"the data folder {str(root)!r} does not exist",
            why="training and evaluation read labelled texts that are not part of the repository",
            fix=f"set {DATA_VARIABLE} to the folder that holds {TRAINING}",
        )
    return root


def read_bytes(root: Path, name: str) -> bytes:
    """A file of the data folder. Raises DataInvalid when it cannot be read."""
    try:
        return (root / name).read_bytes()
    except OSError as error:
        raise DataInvalid(
            f"cannot read {name} in the data folder", why=str(error), fix=f"check {DATA_VARIABLE} and the file"
        ) from error


def unpack(name: str, packed: bytes) -> bytes:
    """Gunzipped bytes. Raises DataInvalid when they are damaged or cut short."""
    try:
        return gzip.decompress(packed)
    except (OSError, EOFError, zlib.error) as error:
        raise DataInvalid(f"{name} in the data folder is damaged", why=str(error), fix="restore the file") from error


def rows(root: Path, name: str) -> Iterator[dict[str, Any]]:
    """The objects of a gzipped JSON-lines file, each with a `text`. Raises DataInvalid with the line that is none."""
    for number, line in enumerate(unpack(name, read_bytes(root, name)).splitlines(), 1):
        try:
            row = msgspec.json.decode(line, type=dict[str, Any])
            msgspec.convert(row, _Text)
        except msgspec.MsgspecError as error:
            raise DataInvalid(f"{name}, line {number} is not a text", why=str(error), fix="fix the line") from error
        yield row


def fingerprint(parts: Iterable[str]) -> str:
    """SHA-256 of the texts in order."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()


def read_split(root: Path, name: str, *, merge: bool = False) -> Split:
    """Read one gzipped JSON-lines file; `merge` joins rows with the same text into one with a shared target.

    A headline about several companies is listed once for each of them, sometimes with opposing labels (`mixed`).
    Merged, it becomes one text whose target says so (half positive, half negative), which is what a model that reads
    the whole text can honestly be asked for. Raises DataInvalid with file and line on anything unreadable.
    """
    packed = read_bytes(root, name)
    lines = unpack(name, packed).splitlines()
    rows = [_row(name, number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if not rows:
        raise DataInvalid(f"{name} holds no rows", why="the file is empty", fix="restore the file")
    kept = merge_rows(rows) if merge else rows
    return Split(name, tuple(row for row in kept if row.text), hashlib.sha256(packed).hexdigest())


def merge_rows(rows: Iterable[Row]) -> list[Row]:
    """One row for each (source, text), in order of first appearance, its target the mean of those merged."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.source, row.text), []).append(row)
    merged = []
    for group in groups.values():
        first = group[0]
        shares = [sum(row.target[i] for row in group) / len(group) for i in range(len(LABELS))]
        mixed = sum(share > 0 for share in shares) > 1
        merged.append(Row(first.text, (shares[0], shares[1], shares[2]), first.source, first.agree, mixed))
    return merged


def clear_rows(rows: Sequence[Row]) -> list[Row]:
    """The rows whose text has one label: those on which a whole-text model can be right or wrong."""
    return [row for row in rows if not row.mixed]


def _row(name: str, number: int, line: bytes) -> Row:
    try:
        read = msgspec.json.decode(line, type=_Line)
        index = LABELS.index(read.label)
    except (msgspec.MsgspecError, ValueError) as error:
        raise DataInvalid(
            f"{name}, line {number} is not a labelled text", why=str(error), fix="fix the line"
        ) from error
    target = [0.0, 0.0, 0.0]
    target[index] = 1.0
    return Row(model_input(read.text), (target[0], target[1], target[2]), read.source, read.agree, read.mixed)
