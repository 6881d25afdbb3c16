"""A pushed body as stories and rejects. Pure; never raises on content.

A body is one story (a JSON object), a list of them, or one a line (NDJSON); which of them is told by the body itself.
Each story is judged by itself: what is wrong with one does not touch the others. A body that is none of the three is
one reject, whole.
"""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Final

import msgspec

from ingest.columns import Columns, WrongType, entry_maker
from ingest.normalise import Origin, normalise, refuse
from newstide.messages import NewsItem, Reason, Reject

STORIES_MAX: Final = 500
"""Of one message: with the limit of its bytes a turn of the desk stays short. More belong into a replay."""
DETAIL_CHARS_MAX: Final = 200
"""Of what is said about a story; it may repeat a stranger's words."""

_COLUMNS: Final = Columns(
    id="id",
    title="title",
    body="body",
    url="url",
    date="published_at",
    language="language",
    symbols="symbols",
    withdrawn="withdrawn",
)
FIELDS: Final = frozenset(name for name in (getattr(_COLUMNS, field.name) for field in fields(Columns)) if name)
_make = entry_maker(_COLUMNS)
_decode = msgspec.json.Decoder().decode
_decode_list = msgspec.json.Decoder(list[msgspec.Raw]).decode

Why = tuple[Reason, str]


@dataclass(frozen=True, slots=True)
class Message:
    """One signed request, its signature checked."""

    source: str
    message_id: str
    body: bytes
    received_at: datetime

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.body).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Contents:
    """What stands in a message. Not `readable`: it is no JSON, or not of stories, and `rejects` holds it whole."""

    items: tuple[NewsItem, ...] = ()
    rejects: tuple[Reject, ...] = ()
    readable: bool = True


def read(message: Message) -> Contents:
    origin = Origin(message.source, f"push {message.source}", message.received_at)
    # A message that is sent again is the same rejects again, and they are kept once.
    position = int.from_bytes(hashlib.sha256(message.message_id.encode("utf-8", "replace")).digest()[:7])
    stories = _split(message.body)
    if isinstance(stories, tuple):
        return Contents(rejects=(refuse(origin, position, *_printable(stories), message.body),), readable=False)
    items: list[NewsItem] = []
    rejects: list[Reject] = []
    for line, raw in enumerate(stories):
        outcome = _story(raw, origin, position)
        if isinstance(outcome, NewsItem):
            items.append(outcome)
        else:
            rejects.append(msgspec.structs.replace(outcome, line=line))
    return Contents(tuple(items), tuple(rejects))


def _split(body: bytes) -> Sequence[bytes] | Why:
    """The bytes of each story, or why there are none. A first line that is a whole object says: one a line."""
    body = body.removeprefix(codecs.BOM_UTF8).strip()
    if body.startswith(b"["):
        try:
            stories: list[bytes] = [bytes(raw) for raw in _decode_list(body)]
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            return _why_not_json(error)
    else:
        first, _, rest = body.partition(b"\n")
        by_line = rest and first.startswith(b"{") and first.rstrip().endswith(b"}")
        stories = [line for line in body.split(b"\n") if line.strip()] if by_line else [body]
        if not by_line:
            cells = _object(body)
            if isinstance(cells, tuple) and cells[0] is not Reason.WRONG_SHAPE:
                return cells
    if len(stories) > STORIES_MAX:
        return Reason.TOO_LARGE, f"{len(stories):,} stories in one message; the limit is {STORIES_MAX}"
    return stories


def _story(raw: bytes, origin: Origin, position: int) -> NewsItem | Reject:
    cells = _object(raw)
    if isinstance(cells, tuple):
        return refuse(origin, position, *_printable(cells), raw)
    unknown = sorted(cells.keys() - FIELDS)
    if unknown:
        why = Reason.WRONG_SHAPE, f"unknown field {unknown[0]!r}; the fields are {', '.join(sorted(FIELDS))}"
        return refuse(origin, position, *_printable(why), raw)
    try:
        entry = _make(cells)
    except WrongType as error:
        return refuse(origin, position, *_printable((Reason.WRONG_SHAPE, str(error))), raw)
    return normalise(entry, origin, position, raw)


def _object(raw: bytes) -> dict[str, object] | Why:
    try:
        cells = _decode(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        return _why_not_json(error)
    if not isinstance(cells, dict):
        return Reason.WRONG_SHAPE, f"a {type(cells).__name__}, not an object with the fields of a story"
    return cells


def _why_not_json(error: Exception) -> Why:
    return (Reason.NOT_UTF8 if isinstance(error, UnicodeError) else Reason.NOT_JSON), str(error)


def _printable(why: Why) -> Why:
    reason, detail = why
    return reason, "".join(c if c.isprintable() else " " for c in detail[:DETAIL_CHARS_MAX])
