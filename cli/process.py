"""`newstide process`: one processor."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.context import settings_of


def process(
    context: typer.Context,
    drain: Annotated[bool, typer.Option("--drain", help="End when everything on the bus has been read.")] = False,
    device: Annotated[str | None, typer.Option(help="auto, cpu or cuda; instead of model.device.")] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Stories of one transaction.")] = None,
    instance: Annotated[str | None, typer.Option(help="Name in the group; keep it over a restart.")] = None,
) -> None:
    """Score stories from the bus into the store until stopped. Run several: they share the partitions."""
    settings = settings_of(
        context, {"model.device": device, "processor.batch_stories": batch, "service.instance": instance}
    )
    from newstide.service import running
    from processor.run import run_processor

    with running("processor", settings.service) as service:
        run_processor(settings, service, drain=drain)
