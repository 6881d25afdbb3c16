"""`newstide dashboard`: the pages, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import Annotated

import typer

from cli.context import settings_of
from cli.output import say


def dashboard(
    context: typer.Context,
    host: Annotated[str | None, typer.Option(help="Address to listen on; default: this machine only.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65_535, help="Port; 0 takes any free one.")] = None,
) -> None:
    """Serve the pages, until Ctrl-C."""
    from dashboard.serve import serve

    settings = settings_of(context, {"dashboard.host": host, "dashboard.port": port})
    signal.signal(signal.SIGTERM, _end)
    with serve(settings) as running:
        say(f"dashboard  {running.address}      (Ctrl-C ends it)")
        status = running.process.wait()
    if status:
        raise typer.Exit(1)


def _end(_number: int, _frame: FrameType | None) -> None:
    """SIGTERM becomes an exception, so that the pages' server is stopped on the way out."""
    sys.exit(0)
