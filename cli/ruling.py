"""What the commands about alerts share: texts to rules, names to ids, and who asks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from cli.context import settings_of
from cli.output import say
from newstide.errors import UsageError

if TYPE_CHECKING:
    from newstide.alerting.naming import Names
    from newstide.alerting.rules import Rule
    from newstide.store.database import Database

Who = Annotated[str | None, typer.Option("--who", help="Who makes the change; default your login name.")]


def connected(context: typer.Context, *, read_only: bool = False) -> Database:
    from newstide.store.connect import connect

    return connect(settings_of(context), read_only=read_only)


def now() -> datetime:
    return datetime.now(UTC)


def rule_of(text: str, names: Names) -> Rule:
    """The rule that a text is, its names resolved. Shows the place of what is wrong. Raises UsageError."""
    from newstide.alerting.lexing import NotARule
    from newstide.alerting.reading import parse
    from newstide.alerting.rules import BadRule

    try:
        return names.resolved(parse(text))
    except NotARule as error:
        point(error.pointed)
        raise UsageError("this is no rule", why=str(error), fix="docs/alerts.md has the language") from error
    except BadRule as error:
        raise UsageError(f"this rule cannot be: {error.field}", why=error.why) from error


def point(lines: str) -> None:
    """The text and the caret below it, each on a line of its own."""
    for line in lines.split("\n"):
        say(line)


def slug(name: str) -> str:
    """What a rule or a list may be called. Raises UsageError."""
    import msgspec

    from newstide.alerting.rules import Slug

    try:
        return msgspec.convert(name, Slug)
    except msgspec.ValidationError as error:
        why = "small letters, figures, dots, dashes; at most 64"
        raise UsageError(f"{name[:80]!r} is no name for it", why=why) from error
