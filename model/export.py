"""From a training run to an artifact folder: gates first, then write all of it or nothing."""

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import onnx

from model import (
    baselines,
    calibrate,
    card,
    evaluate,
    examples,
    graphs,
    inputs,
    network,
    parity,
    quantise,
    robustness,
    runs,
    second_look,
    tokens,
    train,
)
from model.corpus.read import LANGUAGES
from model.inputs import Row
from model.metrics import Floats, rounded
from model.provenance import git_commit
from newstide import artifact, heads
from newstide.artifact import FileEntry, Manifest, Precision
from newstide.errors import ModelInvalid
from newstide.messages import SENTIMENTS
from newstide.scoring import onnx as scoring
from newstide.scoring.calibrated import nearly_tied

FP32_IN_RUN: Final = "model-fp32.onnx"
LICENCE: Final = "Apache-2.0"
_FITTED_TEXTS: Final = 1_024
"""Texts of training on which int8 is fitted: some 30,000 tokens, twenty for each input of the widest product."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to export, and where to; `precisions` go into the artifact, int8 among them."""

    run: Path
    name: str
    artifacts: Path
    data_root: Path
    precisions: tuple[Precision, ...] = ("int8",)
    with_baselines: bool = False


def export(request: Request) -> artifact.Artifact:
    """Export the best weights of a run as `artifacts/<name>`, replacing an artifact of that name.

    Refuses with ModelInvalid, writing nothing, when the run learned labels of people and forgot what was known, when
    the tokenizer is not the run's, when torch and ONNX fp32 differ by more than `parity.LOGIT_TOLERANCE`, or when int8
    agrees with fp32 on fewer than `parity.AGREEMENT_MIN` of the validation examples of any task. The fp32 graph stays
    in the run folder in any case, for measuring against it.
    """
    record = runs.read(request.run, runs.RunRecord)
    tokenizer = request.run / runs.TOKENIZER
    _require_guarded(request.run, record)
    parity.require_same_tokenizer(tokens.hash_of(tokenizer), record.tokenizer_hash)
    held = examples.validation(request.data_root, record.config.build)
    rows = inputs.rows_of(tokens.read(tokenizer), held)
    fp32, difference = _fp32(request.run, rows, record.config.max_tokens)
    onnx.save(fp32, request.run / FP32_IN_RUN)
    fitted = examples.training(request.data_root, record.config.build)
    fitted = fitted[:: max(1, len(fitted) // _FITTED_TEXTS)]
    int8 = quantise.shipping(fp32, inputs.rows_of(tokens.read(tokenizer), fitted))
    logits, near, figures_of_int8 = _decided(fp32, int8, rows)
    calibration = calibrate.calibrate(logits, held, LANGUAGES)
    figures: dict[str, Any] = {
        "validation": calibrate.figures(logits, held, calibration),
        "export": {
            "torch_onnx_max_difference": float(f"{difference:.3g}"),
            "recipe": quantise.SHIPPED,
            **figures_of_int8,
        },
    }
    made: dict[Precision, onnx.ModelProto] = {"int8": int8, "fp32": fp32}
    if "fp16" in request.precisions:
        made["fp16"] = graphs.half(fp32)
    manifest = Manifest(
        schema=artifact.SCHEMA,
        name=request.name,
        labels=SENTIMENTS,
        topics=record.topics,
        languages=LANGUAGES,
        max_tokens=record.config.max_tokens,
        calibration=calibration,
        near=near,
        checks=None,
        graphs={},
        tokenizer=runs.TOKENIZER,
        tokenizer_hash=record.tokenizer_hash,
        files={},
        metrics=figures,
        data={
            "train": record.train_fingerprint,
            "validation": record.validation_fingerprint,
            "build": record.config.build,
        },
        git_commit=git_commit(),
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        licence=LICENCE,
        base=_origin(request.run),
    )
    return _write(request, manifest, made, record.config.build)


def _require_guarded(run: Path, record: runs.RunRecord) -> None:
    """A run that learned labels of people may have forgotten what was known (`finetune.guard`)."""
    if record.config.guarded and record.guard:
        fix = "run the same `newstide model finetune` again, or go on with the run before it"
        raise ModelInvalid(f"the run {run.name} is not for export", why=record.guard, fix=fix)


def _origin(run: Path) -> str:
    """The encoder that the run's goes back to; of one made elsewhere its folder's name, not its path."""
    config = msgspec.json.decode((run / "config.json").read_bytes())
    return str(config.get("origin") or Path(runs.read(run, runs.RunRecord).config.base).name)


def _fp32(run: Path, rows: Sequence[Row], max_tokens: int) -> tuple[onnx.ModelProto, float]:
    model = train.load(run)
    network.keep_positions(model, max_tokens)
    with tempfile.TemporaryDirectory() as folder:
        graph = graphs.optimise(graphs.export(model), Path(folder))
    difference = parity.require_same_logits(train.logits_of(model, rows), parity.Graph(graph).logits(rows))
    return graph, difference


def _decided(
    fp32: onnx.ModelProto, int8: onnx.ModelProto, rows: Sequence[Row]
) -> tuple[Floats, dict[artifact.Task, float], dict[str, Any]]:
    """Logits of int8 with its second look, the margins of that look, and how often both agree with fp32.

    ModelInvalid when fewer answers of a task agree than the gate wants.
    """
    reference, graph, about_story = parity.Graph(fp32).logits(rows), parity.Graph(int8), second_look.stories(rows)
    coarse, fine = graph.logits(rows), graph.logits(rows, fine=True)
    near = second_look.margins(coarse, fine, about_story)
    again = nearly_tied(coarse, about_story, near)
    logits = np.where(again[:, None], fine, coarse)
    shares, at_first = {}, {}
    for task, columns in heads.COLUMNS.items():
        asked = ~about_story if task == "entity" else about_story
        if asked.any():
            expected = reference[asked][:, columns]
            shares[task] = parity.require_agreement(expected, logits[asked][:, columns])
            at_first[task] = parity.agreement(expected, coarse[asked][:, columns])
    figures = {
        "fp32_int8_agreement": shares,
        "agreement_at_first": at_first,
        "looked_twice": {
            "story": float(again[about_story].mean()) if about_story.any() else 0.0,
            "entity": float(again[~about_story].mean()) if not about_story.all() else 0.0,
        },
    }
    return logits, near, rounded(figures)


def _write(
    request: Request, manifest: Manifest, made: dict[Precision, onnx.ModelProto], build: runs.Build
) -> artifact.Artifact:
    """Build the folder beside its place, measure and check it there, then move it."""
    request.artifacts.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=request.artifacts, prefix=".export-") as folder:
        beside = Path(folder)
        reference = _assemble(beside / "reference", request, manifest, {"fp32": made["fp32"]})
        built = _assemble(beside / request.name, request, manifest, {each: made[each] for each in request.precisions})
        place = built.folder
        scorer = scoring.over(built, "cpu", threads=1, precision="int8")
        metrics = {
            **manifest.metrics,
            "test": evaluate.evaluate(scorer, request.data_root, None, scoring.over(reference, "cpu", threads=1)),
        }
        if request.with_baselines:
            metrics["baselines"] = baselines.baselines(request.data_root, build)
        checked = robustness.check(scorer, robustness.unknown_share(place / runs.TOKENIZER))
        final = msgspec.structs.replace(
            built.manifest, metrics=metrics, checks=checked.checks(datetime.now(UTC).isoformat(timespec="seconds"))
        )
        (place / card.NAME).write_text(card.render(final), encoding="utf-8")
        _save(place, msgspec.structs.replace(final, files={**final.files, card.NAME: _entry(place / card.NAME)}))
        artifact.load(place)
        target = request.artifacts / request.name
        if target.exists():
            target.rename(beside / "before")
        place.rename(target)
    return artifact.load(target)


def _assemble(
    folder: Path, request: Request, manifest: Manifest, contents: dict[Precision, onnx.ModelProto]
) -> artifact.Artifact:
    """A folder with these graphs, loaded."""
    folder.mkdir()
    shutil.copyfile(request.run / runs.TOKENIZER, folder / runs.TOKENIZER)
    for precision, graph in contents.items():
        onnx.save(graph, folder / f"model-{precision}.onnx")
    whole = msgspec.structs.replace(
        manifest,
        graphs={precision: f"model-{precision}.onnx" for precision in contents},
        files={path.name: _entry(path) for path in sorted(folder.iterdir())},
    )
    _save(folder, whole)
    return artifact.load(folder)


def _save(folder: Path, manifest: Manifest) -> None:
    # On one line: indented it takes twice the bytes, and `newstide model show` is how a person reads it.
    (folder / artifact.MANIFEST).write_bytes(msgspec.json.encode(manifest) + b"\n")


def _entry(path: Path) -> FileEntry:
    return FileEntry(sha256=tokens.hash_of(path), bytes=path.stat().st_size)
