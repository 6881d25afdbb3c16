"""`newstide alerts …`, the half about being told: subscriptions, channels, mutes, the inbox and the sender."""

from __future__ import annotations

import typer

from cli.telling import channels, looking, sparing, subscribing

app = typer.Typer(no_args_is_help=True)
"""Without a name of its own: its commands stand beside those of `cli.alerts`."""
for part in (looking, subscribing, sparing):
    app.add_typer(part.app)
app.add_typer(channels.app, name="channels")
