"""What people hand to several commands: their name, a length of time, a file of text."""

from __future__ import annotations

import getpass
import re
import sys
from typing import TYPE_CHECKING, Final

from newstide.errors import DataInvalid, UsageError

if TYPE_CHECKING:
    from pathlib import Path

PERSON_CHARS_MAX: Final = 64
_UNITS_S: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_LENGTH: Final = re.compile(r"([1-9][0-9]{0,6})([smhdw])")


def person(given: str | None) -> str:
    """A name of at most 64 characters, by default that of the account. Raises UsageError."""
    try:
        name = " ".join((given or getpass.getuser()).split())
    except (OSError, KeyError):  # an account without a name, as containers have them
        name = ""
    if not 0 < len(name) <= PERSON_CHARS_MAX:
        raise UsageError("who is this?", fix=f"--who NAME, of at most {PERSON_CHARS_MAX} characters")
    require_text(name)
    return name


def require_text(*said: object) -> None:
    """Raises UsageError for an argument that is no UTF-8: Python hands its bytes on as characters that nobody has."""
    for each in said:
        if isinstance(each, str) and not each.isascii() and any("\ud800" <= c <= "\udfff" for c in each):
            raise UsageError(f"{ascii(each)} is not UTF-8", fix="set the terminal to UTF-8")


def seconds_of(text: str, units: str) -> int | None:
    """90s, 10m, 6h, 1d or 2w in seconds, in those of the `units` that make sense there; None where it is none."""
    found = _LENGTH.fullmatch(text)
    return int(found[1]) * _UNITS_S[found[2]] if found and found[2] in units else None


def read_bytes(file: Path, bytes_max: int) -> bytes:
    """A whole file, or what comes by standard input where it is called -. Raises UsageError, DataInvalid."""
    try:
        if str(file) == "-":
            raw = sys.stdin.buffer.read(bytes_max + 1)
        else:
            with file.open("rb") as stream:
                raw = stream.read(bytes_max + 1)
    except OSError as error:
        raise UsageError(f"{file} cannot be read", why=error.strerror or str(error)) from error
    if len(raw) > bytes_max:
        raise DataInvalid(f"{file} is longer than {bytes_max:,} bytes", fix="split it")
    return raw


def read_text(file: Path, bytes_max: int) -> str:
    """Without the byte order mark that some editors put before it. Raises UsageError, DataInvalid."""
    try:
        return read_bytes(file, bytes_max).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataInvalid(f"{file} is not UTF-8", why=str(error)) from error
