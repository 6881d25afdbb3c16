"""Rows into a file: CSV, NDJSON or Parquet, typed, in UTC, in bounded memory, whole or not at all."""

from __future__ import annotations

import csv
import io
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final, Literal, NamedTuple

import msgspec

from newstide.errors import UsageError

Kind = Literal["text", "int", "float", "bool", "time", "texts"]
"""`time` is UTC to the microsecond, `texts` a list of texts."""

ROWS_AT_ONCE: Final = 10_000
"""A row group of Parquet, and all that is held of the rows: tens of megabytes of headlines."""

FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "'")
"""A text that begins so gets an apostrophe in front in CSV: a spreadsheet would take it for a formula, and run it.

Only texts, never numbers, and an apostrophe itself too, so that nothing is lost: whoever reads the file takes one
leading apostrophe from each text and has the original. NDJSON and Parquet have texts as they are.
"""


class Column(NamedTuple):
    name: str
    kind: Kind


Row = Sequence[Any]
"""A value for each column; None is "no value" in every kind."""


def write(path: Path, columns: Sequence[Column], rows: Iterable[Row]) -> int:
    """Write the rows as the end of the name says; returns how many. The file appears when it is whole.

    Raises UsageError, before a row is asked for, for a name that says nothing or a place where there can be no file.
    """
    writer = _WRITERS.get(path.suffix.lower())
    if writer is None:
        what = f"{path.name or path} does not say what it is to be"
        raise UsageError(what, fix=f"let its name end in one of {', '.join(_WRITERS)}")
    if os.path.isdir(path):  # which says no, and does not raise, for a name that is too long
        raise UsageError(f"{path} cannot be written", why="it is a folder", fix="name a file")
    if not os.path.isdir(path.parent):
        raise UsageError(f"{path} cannot be written", why=f"there is no folder {path.parent}", fix="make the folder")
    with _whole(path) as file:
        return writer(file, columns, rows)


@contextmanager
def _whole(path: Path) -> Iterator[IO[bytes]]:
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be written", why=error.strerror or str(error)) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _csv(file: IO[bytes], columns: Sequence[Column], rows: Iterable[Row]) -> int:
    """RFC 4180 in UTF-8 with a header. No value and an empty text look the same: both are nothing."""
    text = io.TextIOWrapper(file, encoding="utf-8", errors="replace", newline="", write_through=True)
    out = csv.writer(text, lineterminator="\r\n")
    out.writerow([column.name for column in columns])
    count = 0
    for row in rows:
        out.writerow([_cell(column.kind, value) for column, value in zip(columns, row, strict=True)])
        count += 1
    text.detach()
    return count


def _cell(kind: Kind, value: Any) -> str:
    if value is None:
        return ""
    if kind == "time":
        return _stamp(value)
    if kind == "bool":
        return "true" if value else "false"
    if kind == "float":
        return repr(float(value))
    text = msgspec.json.encode(value).decode() if kind == "texts" else str(value)
    return f"'{text}" if kind == "text" and text.startswith(FORMULA_STARTS) else text


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _ndjson(file: IO[bytes], columns: Sequence[Column], rows: Iterable[Row]) -> int:
    """One object a line, with every column in it."""
    names, count = [column.name for column in columns], 0
    times = [column.kind == "time" for column in columns]
    for row in rows:
        values = [_stamp(v) if time and v is not None else v for time, v in zip(times, row, strict=True)]
        file.write(msgspec.json.encode(dict(zip(names, values, strict=True))) + b"\n")
        count += 1
    return count


def _parquet(file: IO[bytes], columns: Sequence[Column], rows: Iterable[Row]) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    types: dict[Kind, Any] = {
        "text": pa.string(), "int": pa.int64(), "float": pa.float64(), "bool": pa.bool_(),
        "time": pa.timestamp("us", tz="UTC"), "texts": pa.list_(pa.string()),
    }  # fmt: skip
    schema = pa.schema([pa.field(column.name, types[column.kind]) for column in columns])
    rows, count = iter(rows), 0
    with pq.ParquetWriter(file, schema, compression="zstd") as out:
        while some := list(islice(rows, ROWS_AT_ONCE)):
            arrays = [
                pa.array(values, field.type) for values, field in zip(zip(*some, strict=True), schema, strict=True)
            ]
            out.write_table(pa.Table.from_arrays(arrays, schema=schema))
            count += len(some)
    return count


_WRITERS: Final[dict[str, Callable[[IO[bytes], Sequence[Column], Iterable[Row]], int]]] = {
    ".csv": _csv,
    ".ndjson": _ndjson,
    ".parquet": _parquet,
}
