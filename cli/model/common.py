"""What the commands of `newstide model` share."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.output import emit_json, emit_pairs, err
from newstide.errors import NewstideError, UsageError

app = typer.Typer(help="Train, evaluate and export the model; list, check and choose artifacts.", no_args_is_help=True)

Artifacts = Annotated[Path, typer.Option("--artifacts", help="The folder that holds the artifacts.")]
Name = Annotated[str | None, typer.Argument(help="Name of an artifact; default the one in use.")]
Run = Annotated[str, typer.Option("--run", help="Name of the run; the same name continues it.")]

DEFAULT_ARTIFACTS = Path("artifacts")
DEFAULT_RUNS = Path("runs")


def run_folder(name: str) -> Path:
    return DEFAULT_RUNS / plain_name(name)


def fresh_folder(name: str) -> Path:
    """For a run that is made at once, and not continued."""
    folder = run_folder(name)
    if folder.exists():
        raise UsageError(f"there is a run {name} already", why=f"it lies in {folder}", fix="name another --run")
    return folder


def emit(figures: dict[str, Any], as_json: bool) -> None:
    if as_json:
        emit_json(figures)
    else:
        emit_pairs(figures)


def plain_name(name: str) -> str:
    """A name becomes a folder's name: one path component and nothing else."""
    if (
        not name
        or len(name) > 100
        or not all(c.isascii() and (c.isalnum() or c in "._-") for c in name)
        or name[0] == "."
    ):
        raise UsageError(f"{name!r} is not a plain name", fix="use letters, digits and . _ - only")
    return name


@contextmanager
def training_extra() -> Iterator[None]:
    """Torch and its friends come with the extra `train`; without it, say so instead of an ImportError."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # bases are packages or folders: nothing is ever fetched
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    try:
        yield
    except ModuleNotFoundError as error:
        raise NewstideError(
            f"this command needs {error.name!r}, which is not installed",
            why="training and export use libraries that scoring does not need",
            fix="install newstide with the extra `train`",
        ) from error


@contextmanager
def progress() -> Iterator[Callable[[Any], None]]:
    """A bar on a terminal; elsewhere a line for each measurement, so that a log tells how far a run is."""
    if not sys.stderr.isatty():
        yield _log
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err) as bar:
        task = bar.add_task("training", total=None)

        def report(now: Any) -> None:
            if now.measured:
                bar.update(task, description=f"training, {_figures(now.measured)}")
            bar.update(task, completed=now.step, total=now.steps)

        yield report


def _log(now: Any) -> None:
    if now.measured:
        err.print(f"step {now.step:,} of {now.steps:,}: loss {now.loss:.3f}, {_figures(now.measured)}", markup=False)


def _figures(measured: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.3f}" for name, value in measured.items())
