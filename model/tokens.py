"""The tokenizer file: made once from the base, used by training, export and serving alike, known by its hash."""

import hashlib
from pathlib import Path

from tokenizers import Tokenizer

from newstide.errors import ModelInvalid

FILE = "tokenizer.json"


def write_tokenizer(base: Path, target: Path, max_tokens: int) -> str:
    """Copy the base's tokenizer to `target` without padding and cut at `max_tokens`; returns its SHA-256."""
    tokenizer = read(base / FILE)
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length=max_tokens, strategy="only_first")
    tokenizer.save(str(target), pretty=False)
    return hash_of(target)


def hash_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


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
