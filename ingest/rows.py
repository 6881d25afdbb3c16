"""Rows of a file, one after the other: CSV or JSON lines, plain or gzipped. What is no row is a value too."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import os
import select
import threading
import zlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal, NamedTuple

import msgspec

from newstide.errors import DataInvalid, UsageError
from newstide.messages import Reason

Format = Literal["csv", "jsonl"]

LINE_BYTES_MAX: Final = 16 << 20
"""A row with a body of 5 MB is cut later and used; past this it is no row of news."""
_SUFFIXES: Final[Mapping[str, Format]] = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}


STANDARD_INPUT: Final = Path("-")
"""Where a path is asked for."""
_LOOK_FOR_STOP_S: Final = 0.5


class _StandardInput(io.RawIOBase):
    """File descriptor 0, without a wait that a signal could not end."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._stop.is_set():
            if select.select([0], [], [], _LOOK_FOR_STOP_S)[0]:
                data = os.read(0, len(buffer))
                buffer[: len(data)] = data
                return len(data)
        return 0


class Row(NamedTuple):
    """`problem` is why there are no cells. `line` is the first line of the row, counted from 1."""

    line: int
    raw: bytes
    cells: Mapping[str, object]
    problem: tuple[Reason, str] | None = None


def format_of(path: Path, given: str) -> Format:
    """By what was said, else by the file's name; standard input has none, and is JSON lines. Raises UsageError."""
    if path == STANDARD_INPUT and not given:
        return "jsonl"
    if given in ("csv", "jsonl"):
        return "csv" if given == "csv" else "jsonl"
    if given in ("ndjson", ""):
        suffix = path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix
        found = "jsonl" if given else _SUFFIXES.get(suffix.lower())
        if found:
            return found
    raise UsageError(
        f"{path} is read neither as CSV nor as JSON lines",
        why=f"{given!r} is no format" if given else f"its name ends in none of {', '.join(_SUFFIXES)}, plain or .gz",
        fix="--format csv or jsonl",
    )


@contextmanager
def rows_of(
    path: Path, kind: Format, encoding: str = "utf-8", stop: threading.Event | None = None
) -> Iterator[Iterator[Row]]:
    """The rows of a file, read as they are asked for. Raises DataInvalid when it cannot be read, or not to its end.

    Standard input ends when `stop` is set: whoever writes to it may never end.
    """
    _check_encoding(encoding)
    with ExitStack() as stack:
        with _readable(path):
            raw: Any = stack.enter_context(_opened(path, stop or threading.Event()))
            mark = raw.peek(2)[:2]
            if mark in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
                raise DataInvalid(f"{path} cannot be read", why="it is written in UTF-16", fix=_TO_UTF8)
            gzipped = mark == b"\x1f\x8b"
            file: BinaryIO | gzip.GzipFile = stack.enter_context(gzip.GzipFile(fileobj=raw)) if gzipped else raw
        yield _guarded(path, _csv_rows(file, encoding) if kind == "csv" else _json_rows(file, encoding))


def _opened(path: Path, stop: threading.Event) -> Any:
    return io.BufferedReader(_StandardInput(stop)) if path == STANDARD_INPUT else path.open("rb")


_TO_UTF8: Final = "iconv -f utf-16 -t utf-8 FILE > NEW makes a file that can be read"


def _check_encoding(encoding: str) -> None:
    """Raises UsageError unless it is one of text, in which an end of line is the byte that it is everywhere."""
    fix = "--encoding utf-8, gb18030, cp1252 …"
    try:
        ends_lines = b"\n".decode(encoding) == "\n"
    except LookupError as error:
        raise UsageError(f"there is no text encoding {encoding}", fix=fix) from error
    except UnicodeError:
        ends_lines = False
    if not ends_lines:
        raise UsageError(f"a file in {encoding} has no lines that could be told apart", fix=f"{fix}; or {_TO_UTF8}")


def _guarded(path: Path, rows: Iterator[Row]) -> Iterator[Row]:
    with _readable(path):
        yield from rows


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError, zlib.error) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise DataInvalid(
            f"{path} cannot be read", why=why, fix="check the path, and that the file is whole"
        ) from error


def _lines(file: BinaryIO | gzip.GzipFile) -> Iterator[tuple[bytes, bool]]:
    """Lines, and whether each is whole: of one that is too long the start comes, and the rest is passed over."""
    while line := file.readline(LINE_BYTES_MAX):
        whole = len(line) < LINE_BYTES_MAX or line.endswith(b"\n")
        yield line, whole
        while not whole and (more := file.readline(LINE_BYTES_MAX)):
            whole = more.endswith(b"\n")


def _json_rows(file: BinaryIO | gzip.GzipFile, encoding: str) -> Iterator[Row]:
    decode = msgspec.json.Decoder().decode
    recode = codecs.lookup(encoding).name != "utf-8"
    for number, (line, whole) in enumerate(_lines(file), start=1):
        if not whole:
            yield Row(number, line, {}, (Reason.TOO_LARGE, f"longer than {LINE_BYTES_MAX:,} bytes"))
            continue
        if number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)  # noqa: PLW2901 - the same line, without its mark
        if not line.strip():
            continue
        try:
            cells = decode(line.decode(encoding) if recode else line)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            yield _json_row_by_hand(number, line, encoding)
            continue
        yield Row(number, line, cells) if type(cells) is dict else _no_object(number, line, cells)


def _json_row_by_hand(number: int, line: bytes, encoding: str) -> Row:
    """What the quick decoder refused: lone surrogates and NaN, which are common and harmless, or no JSON at all."""
    try:
        cells = json.loads(line.decode(encoding))
    except UnicodeError as error:
        return Row(number, line, {}, (Reason.NOT_UTF8, f"not {encoding}: {error}"[:500]))
    except (ValueError, RecursionError) as error:
        return Row(number, line, {}, (Reason.NOT_JSON, str(error)[:500]))
    return Row(number, line, cells) if isinstance(cells, dict) else _no_object(number, line, cells)


def _no_object(number: int, line: bytes, found: object) -> Row:
    return Row(number, line, {}, (Reason.WRONG_SHAPE, f"a {type(found).__name__}, not an object with columns"))


@dataclass(slots=True)
class _Text:
    """Lines for the csv reader, which may take several for a row; keeps the bytes of those it took."""

    lines: Iterator[tuple[bytes, bool]]
    encoding: str
    held: list[bytes] = field(default_factory=list)
    problem: tuple[Reason, str] | None = None
    ended: bool = False
    """Whether the reader asked for more than there was: it was within quotes."""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        following = next(self.lines, None)
        if following is None:
            self.ended = bool(self.held)
            raise StopIteration
        line, whole = following
        self.held.append(line)
        if not whole:
            self.problem = (Reason.TOO_LARGE, f"longer than {LINE_BYTES_MAX:,} bytes")
        try:
            return line.decode(self.encoding)
        except UnicodeError as error:
            self.problem = (Reason.NOT_UTF8, f"not {self.encoding}: {error}"[:500])
            return line.decode(self.encoding, "replace")

    def runs_away(self, columns: int) -> bool:
        """Whether a quote of the first line swallowed rows: the next line by itself is a row of so many columns."""
        following = next((line for line in self.held[1:] if line.strip()), b"")
        try:
            alone = next(csv.reader([following.decode(self.encoding, "replace")]), [])
        except csv.Error:
            return False
        return columns > 1 and len(alone) == columns

    def give_back(self) -> None:
        """All lines but the first, to be read again."""
        self.lines = chain([(line, True) for line in self.held[1:]], self.lines)
        self.held, self.problem, self.ended = self.held[:1], None, False

    def taken(self) -> tuple[bytes, int, tuple[Reason, str] | None]:
        raw, count, problem = b"".join(self.held), len(self.held), self.problem
        self.held, self.problem = [], None
        return raw, count, problem


_OPEN_QUOTE: Final = (Reason.WRONG_SHAPE, "a quote is opened and never closed")


def _csv_rows(file: BinaryIO | gzip.GzipFile, encoding: str) -> Iterator[Row]:
    csv.field_size_limit(LINE_BYTES_MAX)
    text = _Text(_lines(file), encoding)
    reader = csv.reader(text)
    header: list[str] = []
    number = 1
    while True:
        try:
            values = next(reader)
            wrong: tuple[Reason, str] | None = None
        except StopIteration:
            return
        except csv.Error as error:
            values, wrong = [], (Reason.WRONG_SHAPE, str(error)[:500])
        if header and (wrong or text.ended or (len(text.held) > 1 and len(values) != len(header))):
            if text.runs_away(len(header)):
                text.give_back()
                wrong, reader = _OPEN_QUOTE, csv.reader(text)
            elif text.ended:
                wrong = _OPEN_QUOTE
        raw, count, problem = text.taken()
        if not header:
            header = [name.removeprefix("\ufeff").strip() for name in values]
        elif wrong or problem:
            yield Row(number, raw, {}, wrong or problem)
        elif values:
            yield Row(number, raw, dict(zip(header, values, strict=False)))
        number += count
