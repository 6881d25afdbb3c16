"""`newstide process`: one processor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.context import settings_of
from newstide.settings import Settings


def process(
    context: typer.Context,
    drain: Annotated[bool, typer.Option("--drain", help="End when everything on the bus has been read.")] = False,
    device: Annotated[str | None, typer.Option(help="auto, cpu or cuda; instead of model.device.")] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Stories of one transaction.")] = None,
    instance: Annotated[str | None, typer.Option(help="Name in the group; keep it over a restart.")] = None,
    shadow: Annotated[
        str | None, typer.Option(help="A candidate that scores too, unseen: artifact folder, name or version.")
    ] = None,
) -> None:
    """Score stories from the bus into the store until stopped. Run several: they share the partitions."""
    settings = settings_of(
        context, {"model.device": device, "processor.batch_stories": batch, "service.instance": instance}
    )
    from newstide.service import running
    from processor.run import run_processor

    folder = candidate(settings, shadow) if shadow else None
    with running("processor", settings.service) as service:
        run_processor(settings, service, drain=drain, candidate=folder)


def candidate(settings: Settings, shadow: str) -> Path:
    """The folder of an artifact: as it is named, or by name or version beside the artifact in use."""
    from model import registry
    from newstide.artifact import MANIFEST
    from newstide.scoring.connect import artifact_path

    if Path(shadow).is_dir():
        return Path(shadow)
    beside = artifact_path(settings)
    return registry.find(beside.parent if (beside / MANIFEST).is_file() else beside, shadow)
