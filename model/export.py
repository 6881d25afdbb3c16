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
import torch

from model import card, data, evaluate, graphs, metrics, network, parity, quantise, runs, tokens, train
from model.provenance import git_commit
from newstide import artifact
from newstide.artifact import FileEntry, Manifest, Precision, Thresholds
from newstide.errors import ModelInvalid
from newstide.scoring import onnx as scoring

FP32_IN_RUN: Final = "model-fp32.onnx"
# Below one half the largest probability is no majority: the model does not say that its own label is likelier than not.
CONFIDENCE: Final = 0.5
LICENCE: Final = "Apache-2.0"
_CALIBRATION_TEXTS: Final = 256


@dataclass(frozen=True, slots=True)
class Request:
    """What to export, and where to. `with_fp32` puts the fp32 graph into the artifact beside int8."""

    run: Path
    name: str
    artifacts: Path
    data_root: Path
    with_fp32: bool = False


def export(request: Request) -> artifact.Artifact:
    """Export the best weights of a run as `artifacts/<name>`, replacing an artifact of that name.

    Refuses with ModelInvalid, writing nothing, when the tokenizer is not the run's, when torch and ONNX fp32 differ by
    more than `parity.LOGIT_TOLERANCE`, or when int8 agrees with fp32 on fewer than `parity.AGREEMENT_MIN` of the
    validation texts. The fp32 graph stays in the run folder in any case, for measuring against it.
    """
    record = runs.read_record(request.run)
    tokenizer = request.run / runs.TOKENIZER
    parity.require_same_tokenizer(tokens.hash_of(tokenizer), record.tokenizer_hash)
    held = data.read_split(request.data_root, data.VALIDATION, merge=True)
    rows = data.clear_rows(held.rows)
    ids = tokens.encode(tokenizer, [row.text for row in rows])
    fp32, difference = _fp32(request.run, ids)
    int8 = quantise.quantise(fp32, ids[:_CALIBRATION_TEXTS])
    int8_logits = parity.Graph(int8).logits(ids)
    share = parity.require_agreement(parity.Graph(fp32).logits(ids), int8_logits)
    truth = np.array([row.label for row in rows], dtype=np.int64)
    temperature = metrics.fit_temperature(int8_logits, truth)
    calibrated = metrics.softmax(int8_logits, temperature)
    validation = evaluate.rounded(_plain(metrics.measure(calibrated, truth, data.LABELS)))
    validation["unsure_share"] = round(float((calibrated.max(axis=1) < CONFIDENCE).mean()), 4)
    figures: dict[str, Any] = {
        "validation": validation,
        "export": {
            "torch_onnx_max_difference": float(f"{difference:.3g}"),
            "fp32_int8_agreement": round(share, 4),
            "recipe": quantise.SHIPPED,
        },
    }
    onnx.save(fp32, request.run / FP32_IN_RUN)
    contents: dict[Precision, onnx.ModelProto] = {"int8": int8}
    if request.with_fp32:
        contents["fp32"] = fp32
    manifest = _manifest(request, record, temperature, figures)
    return _write(request, manifest, contents)


def _fp32(run: Path, ids: Sequence[list[int]]) -> tuple[onnx.ModelProto, float]:
    model = network.from_config(run)
    try:
        model.load_state_dict(torch.load(run / runs.BEST, weights_only=True))
    except Exception as error:  # torch raises many kinds for a bad file
        raise ModelInvalid(
            f"the weights of the run {run.name} cannot be read", why=str(error).splitlines()[0], fix="train it again"
        ) from error
    with tempfile.TemporaryDirectory() as folder:
        graph = graphs.optimise(graphs.export(model), Path(folder))
    difference = parity.require_same_logits(train.logits_of(model, ids), parity.Graph(graph).logits(ids))
    return graph, difference


def _manifest(request: Request, record: runs.RunRecord, temperature: float, figures: dict[str, Any]) -> Manifest:
    return Manifest(
        schema=artifact.SCHEMA,
        name=request.name,
        labels=data.LABELS,
        languages=data.LANGUAGES,
        max_tokens=record.config.max_tokens,
        temperature=temperature,
        thresholds=Thresholds(confidence=CONFIDENCE),
        graphs={},
        tokenizer=runs.TOKENIZER,
        tokenizer_hash=record.tokenizer_hash,
        files={},
        metrics=figures,
        data={data.TRAINING: record.train_fingerprint, data.VALIDATION: record.validation_fingerprint},
        git_commit=git_commit(),
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        licence=LICENCE,
        # A folder's path is nobody's business but its owner's: only its name goes into what is shared.
        base=Path(record.config.base).name,
    )


def _write(request: Request, manifest: Manifest, contents: dict[Precision, onnx.ModelProto]) -> artifact.Artifact:
    """Build the folder beside its place, verify it by loading and evaluating it, then move it there."""
    request.artifacts.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=request.artifacts, prefix=".export-") as folder:
        made = Path(folder) / request.name
        made.mkdir()
        shutil.copyfile(request.run / runs.TOKENIZER, made / runs.TOKENIZER)
        for precision, graph in contents.items():
            onnx.save(graph, made / f"model-{precision}.onnx")
        manifest = msgspec.structs.replace(
            manifest,
            graphs={precision: f"model-{precision}.onnx" for precision in contents},
            files={path.name: _entry(path) for path in sorted(made.iterdir())},
        )
        _save(made, manifest)
        if (request.data_root / data.TEST).is_file():
            split = data.read_split(request.data_root, data.TEST)
            scorer = scoring.load(made, "cpu", precision="int8")
            report = evaluate.evaluate(scorer, split, request.run / FP32_IN_RUN)
            manifest = msgspec.structs.replace(
                manifest,
                metrics={**manifest.metrics, "test": report},
                data={**manifest.data, data.TEST: split.fingerprint},
            )
        (made / card.NAME).write_text(card.render(manifest), encoding="utf-8")
        manifest = msgspec.structs.replace(manifest, files={**manifest.files, card.NAME: _entry(made / card.NAME)})
        _save(made, manifest)
        artifact.load(made)
        target = request.artifacts / request.name
        if target.exists():
            target.rename(Path(folder) / "before")
        made.rename(target)
    return artifact.load(target)


def _save(folder: Path, manifest: Manifest) -> None:
    (folder / artifact.MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")


def _entry(path: Path) -> FileEntry:
    return FileEntry(sha256=tokens.hash_of(path), bytes=path.stat().st_size)


def _plain(scores: metrics.Scores) -> Any:
    return msgspec.to_builtins(scores)
