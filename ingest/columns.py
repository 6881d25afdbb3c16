"""Which column of a file means what, and a row as an `Entry`. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Final

from ingest.entry import Entry
from newstide.errors import UsageError

# Guesses, best first; compared without case, spaces and underscores.
_GUESSES: Final[Mapping[str, tuple[str, ...]]] = {
    "title": ("title", "headline", "headlines", "newstitle", "subject", "text", "sentence", "message"),
    "body": ("body", "summary", "description", "content", "text", "newtext", "abstract", "article", "fulltext"),
    "date": (
        "publishedat", "datepublished", "published", "pubdate", "publishdate", "datetime", "timestamp", "date", "time",
        "createdat",
    ),
    "id": ("id", "storyid", "newsid", "articleid", "guid", "uuid"),
    "url": ("url", "link", "articleurl"),
    "symbols": ("symbols", "symbol", "tickers", "ticker", "stocks", "stock", "code"),
    "language": ("language", "lang"),
    "withdrawn": ("withdrawn", "retracted", "killed"),
}  # fmt: skip
_FLAGS: Final = {"source": "--source-column"}
"""Where a flag is not called like its column: `--source` names the source of a whole file."""
_BETWEEN_SYMBOLS: Final = re.compile(r"[,;|\s]+")


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of columns; empty where there is none. The same shape says what a user asked for."""

    title: str = ""
    body: str = ""
    date: str = ""
    id: str = ""
    url: str = ""
    symbols: str = ""
    language: str = ""
    source: str = ""
    withdrawn: str = ""


class WrongType(ValueError):
    """A cell holds what its column cannot mean."""


def resolve(wanted: Columns, found: Sequence[str]) -> Columns:
    """The columns of a file that has the columns `found`: what was asked for, else the best guess.

    Raises UsageError, naming what was found, when a column asked for is not there or nothing could be a text.
    """
    chosen: dict[str, str] = {}
    taken = {getattr(wanted, field.name) for field in fields(Columns)}  # what was asked for is not guessed again
    by_spelling = {_spelling(name): name for name in reversed(found)}
    for field in fields(Columns):
        name = getattr(wanted, field.name)
        if name and name not in found:
            raise UsageError(
                f"there is no column {name}",
                why=_found(found),
                fix=f"{_FLAGS.get(field.name, '--' + field.name)} with one of these",
            )
        free = {spelling: guess for spelling, guess in by_spelling.items() if guess not in taken}
        guesses = (free[guess] for guess in _GUESSES.get(field.name, ()) if guess in free)
        chosen[field.name] = name or next(guesses, "")
        taken.add(chosen[field.name])
    if not chosen["title"] and not chosen["body"]:
        raise UsageError(
            "no column looks like a title or a text", why=_found(found), fix="--title COLUMN or --body COLUMN"
        )
    return Columns(**chosen)


def _spelling(name: str) -> str:
    return name.lower().replace("_", "").replace(" ", "").replace("-", "")


def _found(found: Sequence[str]) -> str:
    names = ", ".join(name[:40] for name in found[:30])
    return f"the columns found are {names}" if names else "the file has no columns"


EntryMaker = Callable[[Mapping[str, object]], Entry]


def entry_maker(columns: Columns) -> EntryMaker:
    """How a row of these columns becomes an entry. What it returns raises WrongType."""
    title, body, date, name, url = columns.title, columns.body, columns.date, columns.id, columns.url
    symbols, language, withdrawn = columns.symbols, columns.language, columns.withdrawn

    def make(row: Mapping[str, object]) -> Entry:
        get = row.get
        return Entry(
            id=_word(get(name), name) if name else "",
            url=_text(get(url), url) if url else "",
            title=_text(get(title), title) if title else "",
            body=_text(get(body), body) if body else "",
            published=_word(get(date), date) if date else "",
            language=_text(get(language), language) if language else "",
            symbols=_symbols(get(symbols), symbols) if symbols else (),
            withdrawn=bool(withdrawn) and _yes(get(withdrawn), withdrawn),
        )

    return make


def _text(value: object, column: str) -> str:
    if isinstance(value, str):
        return value
    if value is None or _is_nan(value):  # which Python's own JSON writer puts where nothing is
        return ""
    raise WrongType(f"column {column} holds a {type(value).__name__}, not a text")


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _word(value: object, column: str) -> str:
    """For ids and dates, which may be written as numbers."""
    if isinstance(value, int | float) and not isinstance(value, bool) and not _is_nan(value):
        return str(value)
    return _text(value, column)


def _yes(value: object, column: str) -> bool:
    return value if isinstance(value, bool) else _word(value, column).strip().lower() in _YES


_YES: Final = frozenset({"1", "1.0", "true", "yes", "y", "withdrawn", "retracted", "killed"})


def _symbols(value: object, column: str) -> tuple[str, ...]:
    if isinstance(value, list):
        return tuple(_word(each, column) for each in value)
    word = _word(value, column)
    return tuple(part for part in _BETWEEN_SYMBOLS.split(word) if part) if word else ()
