"""`newstide alerts mute`, `snooze`, `ack`: what somebody wants to be spared."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.given import person
from cli.output import say
from cli.ruling import Who, now
from cli.telling.common import opened, until
from newstide.alerting.subscription import EVERYONE, Mute, Scope, Spare, alert_key
from newstide.errors import UsageError

app = typer.Typer()

Rule = Annotated[str, typer.Option(help="Only of this rule.")]
Subject = Annotated[str, typer.Option(help="Only about this subject.")]


@app.command("mute")
def mute(
    context: typer.Context,
    rule: Rule = "",
    subject: Subject = "",
    for_: Annotated[str, typer.Option("--until", help="2h, 3d or a moment; default until `unmute`.")] = "",
    who: Who = None,
) -> None:
    """Not be told, of a rule, a subject, both together, or everything. It stays in the inbox."""
    _spare(context, who, Spare.MUTE, rule, subject, for_)


@app.command("snooze")
def snooze(
    context: typer.Context,
    for_: Annotated[str, typer.Argument(metavar="UNTIL", help="2h, 3d or a moment.")],
    rule: Rule = "",
    subject: Subject = "",
    who: Who = None,
) -> None:
    """Be told later: what comes meanwhile is held, and then sent."""
    _spare(context, who, Spare.SNOOZE, rule, subject, for_)


@app.command("ack")
def ack(
    context: typer.Context,
    alert: Annotated[str, typer.Argument(help="Id of the alert, as the inbox shows it.")],
    who: Who = None,
) -> None:
    """Not be told of an alert again until it has cleared."""
    from newstide.store import inbox, people

    with opened(context) as database:
        owner = person(who)
        found = inbox.entry(database, owner, alert) or inbox.entry(database, EVERYONE, alert)
        if not found:
            raise UsageError(f"alert: there is no alert {alert[:64]}", fix="newstide alerts inbox")
        firing = found[0].firing
        value = alert_key(firing.rule_id, firing.subject)
        people.add_mute(database, Mute(owner=owner, spare=Spare.ACK, scope=Scope.ALERT, value=value, since=now()))
    say(f"acknowledged: {firing.rule_id} about {firing.subject_name or firing.subject or 'all stories'}")


@app.command("unmute")
def unmute(context: typer.Context, rule: Rule = "", subject: Subject = "", who: Who = None) -> None:
    """Take back mutes, snoozes and acknowledgements: of a rule, a subject, both together, or all of them."""
    from newstide.store import people

    scope, value = _scope(rule, subject)
    with opened(context) as database:
        everything = scope is Scope.EVERYTHING
        count = people.end_mutes(database, person(who), None if everything else scope, value, now())
    say(f"taken back: {count}")


def _spare(context: typer.Context, who: str | None, spare: Spare, rule: str, subject: str, end: str) -> None:
    from newstide.store import people

    scope, value = _scope(rule, subject)
    wanted = Mute(
        owner=person(who),
        spare=spare,
        scope=scope,
        value=value,
        since=now(),
        until=until(end, "until") if end else None,
    )
    with opened(context) as database:
        people.add_mute(database, wanted)
    say(f"{spare.value}: {' about '.join(filter(None, (rule, subject))) or 'everything'}")


def _scope(rule: str, subject: str) -> tuple[Scope, str]:
    if rule and subject:
        return Scope.ALERT, alert_key(rule, subject)
    return (Scope.RULE, rule) if rule else (Scope.SUBJECT, subject) if subject else (Scope.EVERYTHING, "")
