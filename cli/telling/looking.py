"""`newstide alerts inbox`, `history`, `replay`, `send`: what was said, and what became of it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli.context import Json, settings_of
from cli.given import person
from cli.output import emit_json, emit_table, say
from cli.ruling import Who, now
from cli.telling.common import opened
from newstide.errors import UsageError

if TYPE_CHECKING:
    from newstide.store.inbox import DeliveryRow, Entry

app = typer.Typer()

STATES: Final = ("pending", "digest", "sent", "suppressed", "exhausted", "disabled")
"""Of a delivery, as the outbox keeps them."""

Limit = Annotated[int, typer.Option(min=1, max=1_000, help="The newest so many.")]


@app.command("send")
def send(
    context: typer.Context,
    drain: Annotated[bool, typer.Option("--drain", help="End when nothing is due any more.")] = False,
    instance: Annotated[str | None, typer.Option(help="Name in the log.")] = None,
) -> None:
    """Send what is due until stopped. Run several: they share the work."""
    settings = settings_of(context, {"service.instance": instance})
    from alerts.send import run_sender
    from newstide.service import running

    with running("send", settings.service) as service:
        run_sender(settings, service, drain=drain)


@app.command("inbox")
def inbox(context: typer.Context, limit: Limit = 20, who: Who = None, as_json: Json = False) -> None:
    """What fired for you, sent or not, newest first."""
    from newstide.store import inbox as store

    with opened(context) as database:
        found = store.entries(database, person(who), limit=limit)
    if as_json:
        emit_json([_entry(each) for each in found])
        return
    rows = [
        (
            f"{e.firing.at:%Y-%m-%d %H:%M}",
            e.firing.kind.value,
            e.firing.severity.value,
            e.firing.subject_name or e.firing.subject or "all stories",
            e.firing.rule_text,
            ", ".join(f"{d.channel}: {d.state} ({d.reason})" for d in e.deliveries) or "inbox only",
            e.firing.firing_id,
        )
        for e in found
    ]
    empty = "nothing has fired for you yet; newstide alerts list shows the rules, newstide alerts run holds them"
    emit_table(("at (UTC)", "kind", "severity", "about", "rule", "told", "id"), rows, empty=empty)


@app.command("history")
def history(  # noqa: PLR0913, PLR0917 - a command's parameters are its options
    context: typer.Context,
    delivery: Annotated[str | None, typer.Argument(help="One delivery: every attempt at it.")] = None,
    state: Annotated[str, typer.Option(help=f"One of {', '.join(STATES)}.")] = "",
    limit: Limit = 20,
    who: Who = None,
    as_json: Json = False,
) -> None:
    """The delivery log: what was decided for each message, and what became of it."""
    from newstide.store import inbox as store

    with opened(context) as database:
        if delivery is not None:
            found: list[Any] = store.attempts(database, person(who), delivery)
            if not found:
                raise UsageError(f"delivery: nothing was tried for {delivery[:64]}", fix="newstide alerts history")
            empty, columns = "", ("number", "started_at", "sender", "verdict", "status", "seconds", "detail")
        else:
            found = store.delivery_rows(database, person(who), limit, _state(state))
            empty = "nothing was to be sent; newstide alerts subscribe --to CHANNEL sends"
            columns = ("delivery_id", "channel", "state", "reason", "attempts", "due_at", "ended_at")
    if as_json:
        emit_json([asdict(each) for each in found])
        return
    emit_table([_heading(each) for each in columns], [_cells(each, columns) for each in found], empty=empty)


@app.command("replay")
def replay(
    context: typer.Context,
    delivery: Annotated[str | None, typer.Argument(help="One delivery; default all that were given up.")] = None,
    who: Who = None,
) -> None:
    """Send again what was given up, under the same id."""
    from newstide.store import sending

    with opened(context) as database:
        count = sending.replay(database, person(who), delivery, now())
    if delivery is not None and not count:
        raise UsageError(f"delivery: {delivery[:64]} cannot be sent again", fix="newstide alerts history")
    say(f"to be sent again: {count}")


def _entry(each: Entry) -> dict[str, Any]:
    import msgspec

    told = [asdict(delivery) for delivery in each.deliveries]
    return {"owner": each.owner, "firing": msgspec.to_builtins(each.firing), "deliveries": told}


def _state(word: str) -> str:
    if word and word not in STATES:
        raise UsageError(f"{word[:64]!r} is no state of a delivery", fix=f"one of {', '.join(STATES)}")
    return word


def _heading(column: str) -> str:
    name = column.replace("_", " ")
    return f"{name} (UTC)" if name.endswith(" at") else name


def _cells(each: DeliveryRow | Any, columns: tuple[str, ...]) -> list[Any]:
    values = (getattr(each, column) for column in columns)
    return [f"{value:%Y-%m-%d %H:%M:%S}" if hasattr(value, "strftime") else value for value in values]
