"""`newstide model base | pretrain | train | finetune | fewshot | blend | trim | runs`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import typer

from cli.context import Json
from cli.model.common import DEFAULT_RUNS, Run, app, emit, fresh_folder, progress, run_folder, training_extra
from cli.output import emit_json, emit_table, say
from newstide.errors import ModelInvalid, UsageError

Data = Annotated[str, typer.Option("--data", help="default: all but non-commercial sets; open: permissive ones only.")]
Base = Annotated[str, typer.Option("--base", help="The folder of a BERT-like encoder.")]
Set = Annotated[
    list[str] | None, typer.Option("--set", help="KEY=VALUE of the run's configuration, such as epochs=2; repeatable.")
]
Config = TypeVar("Config", bound=msgspec.Struct)


@app.command("base")
def base(
    out: Annotated[Path, typer.Option("--out", help="Folder to write.")] = DEFAULT_RUNS / "base",
    data: Data = "default",
    as_json: Json = False,
) -> None:
    """Make the bilingual base: a multilingual encoder, its vocabulary trimmed to financial English and Chinese."""
    with training_extra():
        from model import data as texts
        from model import packed, pretrain, vocabulary

    found = pretrain.read_texts(texts.data_root(), _build(data))
    whole = packed.read(packed.locate())
    chosen = vocabulary.choose(whole.pieces, [*found["en"], *found["zh"]])
    vocabulary.build(packed.encoder(whole), chosen, out)
    added = sum(row is None for row in chosen.rows)
    emit({"folder": str(out), "pieces": len(chosen.pieces), "of": len(whole.pieces), "added": added}, as_json)


@app.command("pretrain")
def pretrain(
    run: Run = "pretrain",
    base: Base = str(DEFAULT_RUNS / "base"),
    data: Data = "default",
    settings: Set = None,
    as_json: Json = False,
) -> None:
    """Masked-language pre-training on unlabelled texts; resumable. Its encoder is the `--base` of `train`."""
    with training_extra():
        from model import data as texts
        from model import pretrain as learning

    folder = run_folder(run)
    config = _configured(learning.PretrainConfig, settings, base=base, build=_build(data))
    found = learning.read_texts(texts.data_root(), config.build)
    with progress() as report:
        record = learning.pretrain(config, found, folder, report)
    encoder = folder / learning.ENCODER
    emit({"encoder": str(encoder), "texts": record.texts, "held_loss": record.held_loss}, as_json)


@app.command("train")
def train(
    run: Run = "default",
    base: Base = str(DEFAULT_RUNS / "pretrain" / "encoder"),
    data: Data = "default",
    way: Annotated[
        str, typer.Option("--way", help="What learns: full, top, lora, adalora, prefix or adapter.")
    ] = "full",
    settings: Set = None,
    as_json: Json = False,
) -> None:
    """Fine-tune sentiment, entity sentiment and topic at once; resumable, recorded under runs/."""
    with training_extra():
        from model import data as texts
        from model import finetune
        from model.runs import TrainConfig
        from model.train import train as learn

    folder = run_folder(run)
    config = _configured(TrainConfig, settings, base=base, build=_build(data), way=way)
    splits = finetune.splits(texts.data_root(), config)
    with progress() as report:
        record = learn(config, splits, folder, report)
    emit(_row(run, record), as_json)


@app.command("finetune")
def finetune(
    from_labels: Annotated[Path, typer.Option("--from-labels", help="Labels of `newstide label export`.")],
    from_: Annotated[str, typer.Option("--from", help="The finished run to go on from.")] = "bilingual",
    run: Run = "finetuned",
    settings: Set = None,
    as_json: Json = False,
) -> None:
    """Go on with a run on labels of people and a replay of old data; refused when it forgets what it knew."""
    with training_extra():
        from model import data as texts
        from model import finetune as tuning
        from model import runs
        from model.train import train as learn

    origin = run_folder(from_)
    build = runs.read(origin, runs.RunRecord).config.build
    known = {"start": from_, "build": build, "epochs": 1, "encoder_lr": tuning.ENCODER_LR, "head_lr": tuning.HEAD_LR}
    config = _configured(runs.TrainConfig, settings, **known, guarded=True)
    splits = tuning.splits(texts.data_root(), config, from_labels)
    with progress() as report:
        record = learn(config, splits, run_folder(run), report)
    changed = tuning.guard(origin, run_folder(run), splits[1])
    learned = sum(example.source == "people" for example in splits[0])
    aside = len(tuning.read_labels(from_labels)) - learned
    emit({**_row(run, record), "labels": learned, "labels_aside": aside, "change_on_old_data": changed}, as_json)


@app.command("blend")
def blend(
    first: Annotated[str, typer.Argument(help="A finished run.")],
    second: Annotated[str, typer.Argument(help="The finished run that it is moved towards.")],
    share: Annotated[float, typer.Option(min=0.0, max=1.0, help="By how much of the way.")] = 0.5,
    end: Annotated[bool, typer.Option("--end", help="Of the first take its last weights, not its best.")] = False,
    run: Run = "blended",
    as_json: Json = False,
) -> None:
    """Make a run between two finished ones, without training; measured on validation."""
    with training_extra():
        from model import data as texts
        from model import derive, finetune, runs

    config = runs.read(run_folder(first), runs.RunRecord).config
    validation = finetune.splits(texts.data_root(), config)[1]
    wanted = derive.Blend(run_folder(first), run_folder(second), share, of_its_end=end)
    record = derive.blended(wanted, fresh_folder(run), validation)
    emit(_row(run, record), as_json)


@app.command("trim")
def trim(
    from_: Annotated[str, typer.Argument(metavar="RUN", help="A finished run.")],
    run: Run = "trimmed",
    as_json: Json = False,
) -> None:
    """Make a run that has only the pieces which `newstide model base` keeps; measured on validation."""
    with training_extra():
        from model import data as texts
        from model import derive, finetune, pretrain, runs

    config = runs.read(run_folder(from_), runs.RunRecord).config
    found = pretrain.read_texts(texts.data_root(), config.build)
    validation = finetune.splits(texts.data_root(), config)[1]
    record = derive.trimmed(run_folder(from_), [*found["en"], *found["zh"]], fresh_folder(run), validation)
    emit(_row(run, record), as_json)


@app.command("fewshot")
def fewshot(
    topic: Annotated[str, typer.Option("--topic", help="Name of the new topic, such as pandemic.")],
    examples: Annotated[Path, typer.Option("--examples", help="8 to 200 texts about it, one a line; # a comment.")],
    from_: Annotated[str, typer.Option("--from", help="The finished run that learns it.")] = "default",
    run: Annotated[str, typer.Option("--run", help="Name of the run to write.")] = "fewshot",
    as_json: Json = False,
) -> None:
    """Learn a new topic from a few examples, with its measured error; `export --run` takes the result."""
    with training_extra():
        from model import fewshot as learning

    report = learning.learn(learning.Request(run_folder(from_), run_folder(run), topic, examples))
    if as_json:
        emit_json({"run": run, **msgspec.to_builtins(report)})
        return
    rates = {
        "recall": report.recall,
        "precision": report.precision,
        **{f"false alarms, {language}": each for language, each in report.false_alarms.items()},
    }
    shown = {
        name: f"{each.share:.1%} ({each.low:.1%} to {each.high:.1%}; {each.hits} of {each.of})"
        for name, each in rates.items()
    }
    emit({"run": run, "topic": topic, "examples": report.examples, **shown}, False)


@app.command("runs")
def list_runs(as_json: Json = False) -> None:
    """The finished runs: what learned, for how long, in how much memory, and how good it became on validation."""
    from model import runs

    found = []
    for folder in runs.finished(DEFAULT_RUNS):
        try:
            found.append(_row(folder.name, runs.read(folder, runs.RunRecord)))
        except ModelInvalid as error:  # the others are still worth seeing
            say(f"{folder.name} is left out: {error.why}")
    if as_json:
        emit_json(found)
        return
    columns = list(dict.fromkeys(key for each in found for key in each)) or ["run"]
    rows = [tuple(each.get(key, "") for key in columns) for each in found]
    emit_table(tuple(columns), rows, empty=f"there is no finished run in {DEFAULT_RUNS}; newstide model train")


def _row(name: str, record: Any) -> dict[str, Any]:
    return {
        "run": name,
        "data": record.config.build,
        "way": record.config.way,
        "layers": record.config.layers or "all",
        "trainable": record.trainable,
        "texts": record.train_texts,
        "minutes": record.minutes,
        "peak_mib": record.peak_mib,
        "macro_f1": round(record.best_macro_f1 or 0.0, 4),
        **{task: round(value, 4) for task, value in (record.best or {}).items()},
    }


def _build(data: str) -> Any:
    if data not in ("default", "open"):
        raise UsageError(f"{data!r} is neither default nor open", fix="--data default, or --data open")
    return data


def _configured(kind: type[Config], settings: list[str] | None, **known: Any) -> Config:
    """The configuration with KEY=VALUE settings in it; lists are separated by commas."""
    given: dict[str, Any] = dict(known)
    for each in settings or []:
        key, found, value = each.partition("=")
        if not found:
            raise UsageError(f"{each!r} is not KEY=VALUE", fix="for example --set epochs=2")
        given[key] = value.split(",") if key in ("augment", "copies") else value
    for key in ("start", "teacher"):
        if key in given:
            given[key] = str(run_folder(given[key]))
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        raise UsageError(f"the configuration is not right: {error}", fix=f"the keys are {_keys(kind)}") from error


def _keys(kind: type[msgspec.Struct]) -> str:
    return ", ".join(kind.__struct_fields__)
