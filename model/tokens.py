"""The tokenizer file: made once from the base, used by training, export and serving alike, known by its hash."""

import hashlib
from pathlib import Path

from tokenizers import Tokenizer

from newstide.errors import ModelInvalid

FILE = "tokenizer.json"


def cut_at(base: Path, max_tokens: int) -> bytes:
    """The base's tokenizer without padding and cut at `max_tokens`, as a file. Raises ModelInvalid without one."""
    tokenizer = read(base / FILE)
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length=max_tokens, strategy="only_first")
    return tokenizer.to_str(pretty=False).encode()


def hash_of(path: Path) -> str:
    """SHA-256 of a file. Raises ModelInvalid when it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ModelInvalid(f"cannot read {path}", why=error.strerror or str(error), fix="restore the file") from error


def read(path: Path) -> Tokenizer:
    """The tokenizer in a file. Raises ModelInvalid when there is none."""
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # noqa: BLE001 - the library raises bare Exception
        raise ModelInvalid(
            f"cannot read the tokenizer {path}",
            why=str(error),
            fix="use a base with a fast tokenizer (a tokenizer.json in its folder)",
        ) from error
