"""`newstide alerts channels`: where people are told."""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cli.context import Json, settings_of
from cli.given import person
from cli.output import emit_json, emit_table, say
from cli.ruling import Who, now
from cli.telling.common import named, opened
from newstide.errors import NewstideError, UsageError

if TYPE_CHECKING:
    from newstide.alerting.channel import Channel
    from newstide.store.database import Database

app = typer.Typer(help="Where you are told: webhooks, mail, Slack, Feishu and others.", no_args_is_help=True)
SECRET_BYTES: Final = 32

Name = Annotated[str, typer.Argument(help="Of the channel.")]


class NotTold(NewstideError):
    """A receiver did not take a test message."""

    code = "NT-A02"


@app.command("add")
def add(
    context: typer.Context,
    name: Name,
    address: Annotated[
        str, typer.Argument(help="https://…, mailto:…, slack://…, feishu://… ; - reads it from standard input.")
    ],
    language: Annotated[str, typer.Option(help="Of its messages: en or zh.")] = "en",
    secret: Annotated[
        str, typer.Option(help="Of a webhook: whsec_…; default a new one.", envvar="WEBHOOK_SECRET")
    ] = "",
    who: Who = None,
    as_json: Json = False,
) -> None:
    """Add a channel, or give the one of that name another address. A webhook's new secret is shown this once."""
    from alerts.send import carriers
    from newstide.alerting.channel import Channel, ChannelKind, Tongue, kind_of
    from newstide.store import people

    address = typer.get_text_stream("stdin").readline().strip() if address == "-" else address
    if language not in ("en", "zh"):
        raise UsageError(f"--language {language[:20]!r} is none of en, zh")
    try:
        kind = kind_of(address)
    except ValueError as error:
        raise UsageError(str(error), fix="docs/alerts-delivery.md lists what an address may be") from error
    fresh = kind is ChannelKind.WEBHOOK and not secret
    if fresh:
        secret = "whsec_" + base64.b64encode(os.urandom(SECRET_BYTES)).decode()
    tongue: Tongue = "zh" if language == "zh" else "en"
    channel = Channel(person(who), named(name, "name"), kind, address, secret, tongue)
    carriers(settings_of(context).delivery)[kind].check(channel)
    with opened(context) as database:
        new = people.put_channel(database, channel, now())
    if as_json:
        emit_json(_shown(channel) | {"new": new} | ({"secret": secret} if fresh else {}))
        return
    say(f"{'added' if new else 'changed'}: {channel.name}, {channel.shown}")
    if fresh:
        say("its receiver checks signatures with this secret, which is not shown again:")
        typer.echo(secret)


@app.command("list")
def list_(context: typer.Context, who: Who = None, as_json: Json = False) -> None:
    """Your channels, without what is secret in them."""
    from newstide.store import people

    with opened(context) as database:
        found = people.channels_of(database, person(who))
    if as_json:
        emit_json([_shown(each) for each in found])
        return
    rows = [(c.name, c.kind.value, c.shown, c.language, c.disabled_why if c.disabled_at else "in use") for c in found]
    empty = "you have no channels yet; newstide alerts channels add"
    emit_table(("name", "kind", "address", "language", "state"), rows, empty=empty)


@app.command("remove")
def remove(context: typer.Context, name: Name, who: Who = None) -> None:
    """Forget a channel with its secrets. What waited for it is not sent."""
    from newstide.store import people

    with opened(context) as database:
        if not people.remove_channel(database, person(who), name, now()):
            raise _absent(name)


@app.command("enable")
def enable(context: typer.Context, name: Name, who: Who = None) -> None:
    """Use a channel again that was switched off because its receiver was gone. What waited is sent."""
    from newstide.store import people

    with opened(context) as database:
        if not people.enable_channel(database, person(who), name, now()):
            raise _absent(name)


@app.command("test")
def test(context: typer.Context, name: Name, who: Who = None) -> None:
    """Send a test message now, once. Exits 1 when it is not taken."""
    from alerts.channels.port import Parcel
    from alerts.send import carriers
    from newstide.alerting.rendering import render_test, test_payload

    with opened(context) as database:
        channel = _channel(database, person(who), name)
    carrier, at = carriers(settings_of(context).delivery)[channel.kind], now()
    carrier.check(channel)
    parcel = Parcel(f"test-{os.urandom(8).hex()}", at, render_test(channel.language), test_payload(at))
    attempt = carrier.carry(channel, parcel, lambda: False)
    if not attempt.ok:
        raise NotTold(f"{name} did not take the message", why=attempt.detail, fix="newstide alerts channels list")
    say(f"{name} took the message")


def _channel(database: Database, owner: str, name: str) -> Channel:
    from newstide.store import people

    for each in people.channels_of(database, owner):
        if each.name == name:
            return each
    raise _absent(name)


def _absent(name: str) -> UsageError:
    return UsageError(f"name: there is no channel {name[:64]}", fix="newstide alerts channels list")


def _shown(channel: Channel) -> dict[str, object]:
    same = {field: getattr(channel, field) for field in ("owner", "name", "language", "disabled_at", "disabled_why")}
    return {"kind": channel.kind.value, "address": channel.shown, **same}
