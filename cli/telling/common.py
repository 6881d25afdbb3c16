"""What the commands about being told share: a database that is closed again, names, and how times are written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

import typer

from cli.given import seconds_of
from cli.ruling import connected, now
from newstide.errors import UsageError

if TYPE_CHECKING:
    from newstide.store.database import Database

NAME_CHARS_MAX: Final = 64
AHEAD_MAX: Final = timedelta(days=366)
"""Of a mute or a snooze: what is not wanted for longer is unsubscribed."""
_FORMS: Final = "2h, 3d or 2026-03-01T09:00Z"


@contextmanager
def opened(context: typer.Context) -> Iterator[Database]:
    database = connected(context)
    try:
        yield database
    finally:
        database.close()


def named(text: str, field: str) -> str:
    """A name of a person, a channel, a subscription. Raises UsageError, beginning with the field."""
    if not 0 < len(text) <= NAME_CHARS_MAX or not text.isprintable() or text != " ".join(text.split()):
        what = f"{field}: a name has 1 to {NAME_CHARS_MAX} characters, all of them visible"
        raise UsageError(what, fix="choose a shorter, plainer name")
    return text


def until(text: str, field: str) -> datetime:
    """2h, 30m, 3d from now, or a moment. Raises UsageError."""
    from cli.asking import moment

    seconds, begin = seconds_of(text, "mhdw"), now()
    try:
        at = moment(text, field) if seconds is None else begin + timedelta(seconds=seconds)
        ahead = begin < at < begin + AHEAD_MAX
    except (UsageError, OverflowError):
        ahead = False
    if not ahead:
        raise UsageError(f"{field} {text!r} is no time within the year to come", fix=f"write it as {_FORMS}")
    return at


def clock_time(text: str, field: str) -> time:
    """18:00. Raises UsageError."""
    try:
        return datetime.strptime(text, "%H:%M").replace(tzinfo=UTC).time()
    except ValueError as error:
        raise UsageError(f"{field}: {text[:20]!r} is no time of day", fix="write it as 18:00") from error
