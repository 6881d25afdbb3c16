"""Bytes and messages: NDJSON, one story a line, up to `LINES_MAX` lines a record. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Generic, NamedTuple, TypeVar

import msgspec

from newstide.messages import SCHEMA, NewsItem, Reason, ScoredStory

LINES_MAX: Final = 256
"""Lines a record: past this the cost per record no longer shows (see docs/architecture.md)."""
RECORD_BYTES_MAX: Final = 900_000
"""A packed record stays below the broker's default of 1 MiB."""
LINE_BYTES_MAX: Final = RECORD_BYTES_MAX
"""One story's line. A headline with its body is a few kB. What is scored must fit the broker as well, and is longer by
the score: a story that could be read but not announced would hold up its partition for ever."""
RECORD_LINES_MAX: Final = 10_000
"""Of a record that is read: stories are too long for more to fit. A megabyte of bare line ends must not become as many
rows in one transaction."""
READABLE_SCHEMAS: Final = frozenset({SCHEMA - 1, SCHEMA})

_encoder = msgspec.json.Encoder()
_item_decoder = msgspec.json.Decoder(NewsItem)
_story_decoder = msgspec.json.Decoder(ScoredStory)


class _Envelope(msgspec.Struct):
    schema: int


_schema_decoder = msgspec.json.Decoder(_Envelope)


M = TypeVar("M", NewsItem, ScoredStory)


class GoodLine(NamedTuple, Generic[M]):
    """A message, and the line of its record that it was."""

    line: int
    message: M


class BadLine(NamedTuple):
    """A line that is no message: its bytes, and why."""

    line: int
    raw: bytes
    reason: Reason
    detail: str


def encode(message: NewsItem | ScoredStory) -> bytes:
    """One line, without its end."""
    return _encoder.encode(message)


def pack(lines: Iterable[bytes]) -> Iterator[tuple[bytes, int]]:
    """Lines into record values, each with its line count, within `LINES_MAX` and `RECORD_BYTES_MAX`, order kept."""
    held: list[bytes] = []
    size = 0
    for line in lines:
        if held and (len(held) >= LINES_MAX or size + len(line) + 1 > RECORD_BYTES_MAX):
            yield b"\n".join(held), len(held)
            held, size = [], 0
        held.append(line)
        size += len(line) + 1
    if held:
        yield b"\n".join(held), len(held)


def decode_items(value: bytes | None) -> tuple[list[GoodLine[NewsItem]], list[BadLine]]:
    """Everything in a record of `news.raw`: the stories, and the lines that are none. Never raises on content."""
    return _decode(value, _item_decoder)


def decode_stories(value: bytes | None) -> tuple[list[GoodLine[ScoredStory]], list[BadLine]]:
    """The same for `news.scored`."""
    return _decode(value, _story_decoder)


def _decode(value: bytes | None, decoder: msgspec.json.Decoder[M]) -> tuple[list[GoodLine[M]], list[BadLine]]:
    if not value or not value.strip():
        return [], [BadLine(-1, value or b"", Reason.EMPTY_RECORD, "the record has no value")]
    if value.count(b"\n") > RECORD_LINES_MAX:
        return [], [BadLine(-1, value, Reason.TOO_LARGE, f"a record of more than {RECORD_LINES_MAX:,} lines")]
    good: list[GoodLine[M]] = []
    bad: list[BadLine] = []
    for number, line in enumerate(value.split(b"\n")):
        if not line.strip():
            continue
        outcome = _decode_line(number, line, decoder)
        if isinstance(outcome, BadLine):
            bad.append(outcome)
        else:
            good.append(GoodLine(number, outcome))
    return good, bad


def _decode_line(number: int, line: bytes, decoder: msgspec.json.Decoder[M]) -> M | BadLine:
    if len(line) > LINE_BYTES_MAX:
        return BadLine(number, line, Reason.TOO_LARGE, f"{len(line):,} bytes; the limit is {LINE_BYTES_MAX:,}")
    try:
        message = decoder.decode(line)
    except msgspec.ValidationError as error:
        return BadLine(number, line, *_shape_problem(line, str(error)))
    except msgspec.DecodeError as error:
        return BadLine(number, line, Reason.NOT_JSON, str(error))
    except (UnicodeDecodeError, RecursionError) as error:
        return BadLine(
            number, line, Reason.NOT_UTF8 if isinstance(error, UnicodeDecodeError) else Reason.NOT_JSON, str(error)
        )
    if message.schema not in READABLE_SCHEMAS:
        return BadLine(number, line, Reason.UNKNOWN_SCHEMA, _schema_detail(message.schema))
    return message


def _shape_problem(line: bytes, detail: str) -> tuple[Reason, str]:
    """A message of an unknown schema may well have another shape: say that first, for it is what to mend."""
    try:
        schema = _schema_decoder.decode(line).schema
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Reason.WRONG_SHAPE, detail
    if schema not in READABLE_SCHEMAS:
        return Reason.UNKNOWN_SCHEMA, _schema_detail(schema)
    return Reason.WRONG_SHAPE, detail


def _schema_detail(schema: int) -> str:
    return f"schema {schema}; this version reads {', '.join(map(str, sorted(READABLE_SCHEMAS)))}"
