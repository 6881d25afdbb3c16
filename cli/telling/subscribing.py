"""`newstide alerts subscribe`: what is told, where and when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli.context import Json
from cli.given import person
from cli.output import emit_json, emit_table, say
from cli.ruling import Who, now
from cli.telling.common import clock_time, named, opened
from newstide.alerting.firing import Severity
from newstide.errors import UsageError

if TYPE_CHECKING:
    from newstide.alerting.subscription import Quiet, Subscription
    from newstide.store.database import Database

app = typer.Typer()

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@app.command("subscribe")
def subscribe(  # noqa: PLR0913, PLR0917 - a command's parameters are its options
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Of the subscription; the same name again replaces it.")] = "all",
    to: Annotated[list[str] | None, typer.Option("--to", help="A channel; may be repeated. None: the inbox.")] = None,
    rule: Annotated[list[str] | None, typer.Option(help="Only this rule; may be repeated.")] = None,
    subject: Annotated[list[str] | None, typer.Option(help="Only about this subject; may be repeated.")] = None,
    watchlist: Annotated[list[str] | None, typer.Option(help="Only about who is on it; may be repeated.")] = None,
    least: Annotated[Severity, typer.Option(help="Nothing below this severity.")] = Severity.INFO,
    zone: Annotated[str, typer.Option(help="Your time zone: Europe/London, Asia/Shanghai.")] = "UTC",
    quiet: Annotated[
        list[str] | None, typer.Option(help="Told afterwards: 22:00-07:00, or sat,sun 00:00-12:00; may be repeated.")
    ] = None,
    wakes: Annotated[Severity | None, typer.Option(help="From this severity on, even in quiet hours.")] = None,
    digest: Annotated[list[str] | None, typer.Option(help="Told together at 18:00; may be repeated.")] = None,
    cap: Annotated[int | None, typer.Option(min=1, max=10_000, help="A day at once; the rest is one digest.")] = None,
    who: Who = None,
) -> None:
    """Be told of alerts: which, where, when."""
    from newstide.alerting.subscription import Subscription, problem_of
    from newstide.store import people

    with opened(context) as database:
        wanted = Subscription(
            owner=person(who),
            name=named(name, "name"),
            rules=tuple(named(each, "--rule") for each in rule or ()),
            subjects=tuple(named(each, "--subject") for each in subject or ()),
            watchlists=tuple(_known(database, watchlist or [])),
            least=least,
            channels=tuple(dict.fromkeys(named(each, "--to") for each in to or ())),
            zone=named(zone, "--zone"),
            quiet=tuple(_quiet(each) for each in quiet or ()),
            wakes=wakes,
            digest=tuple(clock_time(each, "--digest") for each in digest or ()),
            daily_cap=cap,
        )
        if problem := problem_of(wanted):
            raise UsageError(problem, fix="newstide alerts subscribe --help")
        new = people.put_subscription(database, wanted, now())
    say(f"{'subscribed' if new else 'changed'}: {wanted.name} of {wanted.owner}")


@app.command("unsubscribe")
def unsubscribe(
    context: typer.Context, name: Annotated[str, typer.Argument(help="Of the subscription.")] = "all", who: Who = None
) -> None:
    """Be told no more by a subscription. What waits still comes."""
    from newstide.store import people

    with opened(context) as database:
        if not people.remove_subscription(database, person(who), name):
            raise UsageError(f"name: there is no subscription {name}", fix="newstide alerts subscriptions")


@app.command("subscriptions")
def subscriptions(context: typer.Context, who: Who = None, as_json: Json = False) -> None:
    """Your subscriptions."""
    from newstide.store import people

    with opened(context) as database:
        found = people.subscriptions_of(database, person(who))
    if as_json:
        import msgspec

        emit_json([msgspec.to_builtins(each) for each in found])
        return
    columns = ("name", "to", "of", "least", "quiet", "digest", "cap", "zone")
    empty = "you subscribe to nothing; newstide alerts subscribe --to CHANNEL, or without --to for the inbox"
    emit_table(columns, [_row(each) for each in found], empty=empty)


def _row(each: Subscription) -> tuple[Any, ...]:
    return (
        each.name,
        " ".join(each.channels) or "inbox",
        " ".join((*each.rules, *each.subjects, *each.watchlists)) or "everything",
        each.least.value,
        "; ".join(map(_quiet_text, each.quiet)) or None,
        " ".join(f"{at:%H:%M}" for at in each.digest) or None,
        each.daily_cap,
        each.zone,
    )


def _known(database: Database, watchlists: list[str]) -> list[str]:
    """The names, when there are such lists. Raises UsageError."""
    from newstide.store import alert_rules

    with database.transaction() as connection:
        known = {each.name for each in alert_rules.lists(connection)} if watchlists else set()
    for name in watchlists:
        if name not in known:
            raise UsageError(f"--watchlist: there is no watchlist {name[:64]}", fix="newstide watchlists list")
    return watchlists


def _quiet(text: str) -> Quiet:
    from newstide.alerting.subscription import Quiet

    days, _, hours = text.strip().rpartition(" ")
    start, dash, end = hours.partition("-")
    unknown = [day for day in days.split(",") if days and day not in _DAYS]
    if not dash or unknown:
        raise UsageError(f"--quiet: {text[:40]!r} is no window", fix="22:00-07:00, or sat,sun 00:00-12:00")
    chosen = {"days": tuple(sorted({_DAYS.index(day) for day in days.split(",")}))} if days else {}
    return Quiet(start=clock_time(start, "--quiet"), end=clock_time(end, "--quiet"), **chosen)


def _quiet_text(quiet: Quiet) -> str:
    days = "" if len(quiet.days) == len(_DAYS) else ",".join(_DAYS[day] for day in quiet.days) + " "
    return f"{days}{quiet.start:%H:%M}-{quiet.end:%H:%M}"
