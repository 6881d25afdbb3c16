"""`newstide alerts …`, the half about being told: subscriptions, channels, mutes, the inbox and the sender."""

from __future__ import annotations

import typer

from cli.telling import channels, looking, sparing, subscribing

app = typer.Typer(no_args_is_help=True)
"""Without a name of its own: its commands stand beside those of `cli.alerts`."""
app.command("send")(looking.send)
app.command("inbox")(looking.inbox)
app.command("history")(looking.history)
app.command("replay")(looking.replay)
app.command("subscribe")(subscribing.subscribe)
app.command("unsubscribe")(subscribing.unsubscribe)
app.command("subscriptions")(subscribing.subscriptions)
app.command("mute")(sparing.mute)
app.command("snooze")(sparing.snooze)
app.command("ack")(sparing.ack)
app.command("unmute")(sparing.unmute)
app.add_typer(channels.app, name="channels")
