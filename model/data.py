"""The data folder: named by NEWSTIDE_DATA, by default `../shared/data`, never committed. `examples` knows its sets."""

import gzip
import hashlib
import os
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from newstide.errors import DataInvalid

DATA_VARIABLE: Final = "NEWSTIDE_DATA"
DEFAULT_ROOT: Final = Path("../shared/data")
TEST: Final = "sentiment/en_test.jsonl.gz"


class _Text(msgspec.Struct, frozen=True):
    text: str


def data_root() -> Path:
    """The data folder that the environment names, else the default. Raises DataInvalid if absent."""
    root = Path(os.environ.get(DATA_VARIABLE) or DEFAULT_ROOT)
    if not root.is_dir():
        raise DataInvalid(
            f"the data folder {str(root)!r} does not exist",
            why="training and evaluation read labelled texts that are not part of the repository",
            fix=f"set {DATA_VARIABLE} to the folder that holds {TEST}",
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
