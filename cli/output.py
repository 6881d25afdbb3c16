"""How the command speaks: data to standard output, all else to standard error, errors in three parts."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NoReturn

from rich.console import Console
from rich.table import Table
from rich.text import Text

from newstide.errors import NewstideError

INTERRUPTED: Final = 130
PART_CHARS_MAX: Final = 2_000
"""Of each part of an error: what somebody gave us may be quoted in it, whatever its length."""

WIDE: Final = 10_000
"""Columns where there is no terminal: what is read by a program must not be cut to fit one."""


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Not here, where it would end the program as a failure, but where it began: see `cli.app`."""
        raise BrokenPipeError


def mend_streams() -> None:
    """Streams that were closed for us become empty ones; what their encoding cannot say is said in escapes."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:  # opened in this order, they also take the numbers 0 to 2, so that no database gets them
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - for good
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


mend_streams()
out = _Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else WIDE)
err = _Console(stderr=True, highlight=False, soft_wrap=True)


def plain(value: Any) -> str:
    """Outside text on a terminal: nothing in it may move the cursor or change a colour."""
    return "".join(c if c.isprintable() else " " for c in str(value))


def emit_json(data: Any) -> None:
    """One JSON document on one line."""
    speaks_all = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    sys.stdout.write(json.dumps(data, ensure_ascii=not speaks_all, default=_encodable) + "\n")


def _encodable(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def emit_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str = "", empty: str = "") -> None:
    """`empty` is for the person who sees no row: what is missing, and what to do."""
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*(Text(plain("-" if value is None else value)) for value in row))
    out.print(table)
    if empty and not table.rows:
        say(empty)


def emit_pairs(pairs: Mapping[str, Any]) -> None:
    width = max(map(len, pairs), default=0)
    for name, value in pairs.items():
        out.print(f"{name:<{width}}  {plain('-' if value is None else value)}", markup=False)


def say(line: str) -> None:
    """For the person at the terminal, not for a program that reads our output."""
    err.print(plain(line), markup=False)


def fail(error: NewstideError) -> NoReturn:
    """What, why, what to do; then the exit code of its kind."""
    err.print(f"[bold red]error[/] {error.code}: ", end="")
    err.print(_bounded(error.what), markup=False)
    for name, text in (("why", error.why), ("try", error.fix)):
        if text:
            err.print(f"  {name}: {_bounded(text)}", markup=False)
    raise SystemExit(error.exit_code)


def _bounded(text: str) -> str:
    return plain(text) if len(text) <= PART_CHARS_MAX else f"{plain(text[:PART_CHARS_MAX])}…"
