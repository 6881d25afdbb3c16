"""JSON of strangers, and paths into it: `data.list`, `stocks.*.code`, `0.title`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import Any, Final

from ingest.decoding import decode
from ingest.parse import JSON_VALUES_MAX, too_many_values

PATH: Final = r"\A(?:[^.\x00-\x1f]{1,64}(?:\.[^.\x00-\x1f]{1,64}){0,9})?\Z"
VALUES_MAX: Final = 64
"""Of a path with `*`: more than symbols that are kept."""
SCRIPT_CHARS_MAX: Final = 300
"""Before the JSON: `try{callback_1234567890(`."""
OPENINGS_MAX: Final = 4

_OPENING: Final = re.compile(r"[{\[]")
_DECODER: Final = json.JSONDecoder()


class NoJson(ValueError):
    """The document is no JSON."""


def load(body: bytes) -> Any:
    """The document; where it is a script that assigns or calls with one (`var x = {...};`), what it assigns.

    Raises NoJson.
    """
    text = decode(body).text.strip()
    if too_many_values(text):
        raise NoJson(f"more than {JSON_VALUES_MAX:,} values")
    try:
        if text[:1] in ("{", "["):
            return json.loads(text)
        return _within_script(text)
    except (ValueError, RecursionError) as error:
        raise NoJson(f"not JSON: {error}") from error


def _within_script(text: str) -> Any:
    for found in islice(_OPENING.finditer(text, 0, SCRIPT_CHARS_MAX), OPENINGS_MAX):
        with suppress(json.JSONDecodeError):
            return _DECODER.raw_decode(text, found.start())[0]
    raise ValueError("nor a script around it")


def at(value: Any, path: str) -> Any:
    """What lies at the path, None where there is nothing; the first where `*` leads to several."""
    return next(each(value, path), None)


def each(value: Any, path: str) -> Iterator[Any]:
    """Everything that lies at the path, nulls left out."""
    found = [value]
    for step in path.split(".") if path else ():
        found = [inner for outer in found for inner in _inner(outer, step)][:VALUES_MAX]
    return (inner for inner in found if inner is not None)


def _inner(value: Any, step: str) -> list[Any]:
    if step == "*":
        return value[:VALUES_MAX] if isinstance(value, list) else []
    if isinstance(value, dict):
        return [value[step]] if step in value else []
    if isinstance(value, list) and step.isdecimal() and len(step) < 6 and int(step) < len(value):
        return [value[int(step)]]
    return []


def text_of(value: Any) -> str:
    """A string or a number as text; nothing for what is neither."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""
