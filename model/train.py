"""Fine-tuning: AdamW, linear warm-up then decay, early stopping on validation macro-F1, resumable.

A run killed at any moment continues from its last checkpoint (`last.pt`, written at each evaluation) with the same
batches that it would have seen. Test splits are never read here.
"""

import copy
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from model import batches, data, metrics, network, runs, tokens
from model.provenance import git_commit
from newstide.errors import ModelInvalid

# Longer steps than this come from one odd batch and throw the encoder off; 1.0 is what BERT was trained with.
GRADIENT_NORM_MAX = 1.0
# The average follows faster in the first steps, or it would carry the fresh head's random weights for long.
AVERAGING_WARM_UP = 10


@dataclass(frozen=True, slots=True)
class Progress:
    """Where training is; given to the caller after every step."""

    step: int
    steps: int
    loss: float
    macro_f1: float | None


@dataclass(frozen=True, slots=True)
class Texts:
    """Encoded rows: ids, soft targets, and how much each row counts."""

    ids: list[list[int]]
    targets: Tensor
    weights: Tensor


@dataclass(frozen=True, slots=True)
class Parts:
    """What learns. `average` follows `model` smoothly; it is what is measured and kept, for it generalises better."""

    model: network.Classifier
    average: network.Classifier
    optimizer: Any
    scheduler: Any


@dataclass(slots=True)
class State:
    """What changes while training; all of it is in the checkpoint."""

    step: int = 0
    best_step: int = 0
    best: float = -1.0
    stale: int = 0


def train(
    config: runs.TrainConfig,
    splits: tuple[data.Split, data.Split],
    folder: Path,
    report: Callable[[Progress], None] = lambda _: None,
) -> runs.RunRecord:
    """Train on the first split, stop by the second; leaves `best.pt` in `folder` and returns the record.

    An existing run in `folder` is continued; one with another configuration or other data is refused (ModelInvalid).
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    record = _open_run(config, splits, folder)
    train_rows, validation_rows = splits[0].rows, data.clear_rows(splits[1].rows)
    fit = _encode(folder, train_rows, config)
    held = _encode(folder, validation_rows, config)
    model = network.from_base(network.base_folder(config.base), config.dropout)
    optimizer, scheduler, steps = _optimizer(model, config, len(fit.ids))
    parts = Parts(model, copy.deepcopy(model).requires_grad_(False), optimizer, scheduler)
    state = _resume(folder, parts)
    every = max(1, steps // (config.epochs * config.evals_per_epoch))
    with runs.Curves(folder, state.step) as curves:
        for chosen in _schedule(fit, config, state.step):
            if state.stale >= config.patience:
                break
            loss = _step(parts, fit, chosen, config)
            state.step += 1
            _follow(parts, min(config.averaging, state.step / (state.step + AVERAGING_WARM_UP)))
            score = None
            if state.step % every == 0 or state.step == steps:
                scores = measure(parts.average, held)
                score = scores.macro_f1
                curves.add(
                    state.step,
                    {"loss": loss, "macro_f1": score, "accuracy": scores.accuracy, "lr": scheduler.get_last_lr()[0]},
                )
                _keep(folder, parts, state, score)
            report(Progress(state.step, steps, loss, score))
    done = record_end(record, state)
    runs.write_record(folder, done)
    return done


def measure(model: network.Classifier, texts: Texts) -> metrics.Scores:
    """Scores of the model on encoded rows, in float32."""
    truth = texts.targets.argmax(dim=1).numpy()
    return metrics.measure(metrics.softmax(logits_of(model, texts.ids)), truth, data.LABELS)


@torch.no_grad()
def logits_of(model: network.Classifier, ids: Sequence[list[int]], batch_texts: int = 64) -> metrics.Floats:
    """Logits in input order, float32, without dropout, in batches of one exact length (so without padding)."""
    model.eval()
    out = np.zeros((len(ids), len(data.LABELS)), dtype=np.float32)
    by_length: dict[int, list[int]] = {}
    for i, row in enumerate(ids):
        by_length.setdefault(len(row), []).append(i)
    for members in by_length.values():
        for at in range(0, len(members), batch_texts):
            part = members[at : at + batch_texts]
            out[part] = model(torch.tensor([ids[i] for i in part])).numpy()
    return out


def record_end(record: runs.RunRecord, state: State) -> runs.RunRecord:
    import msgspec  # noqa: PLC0415

    return msgspec.structs.replace(
        record, finished_at=datetime.now(UTC).isoformat(), best_step=state.best_step, best_macro_f1=state.best
    )


def _open_run(config: runs.TrainConfig, splits: tuple[data.Split, data.Split], folder: Path) -> runs.RunRecord:
    base = network.base_folder(config.base)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer_hash = tokens.write_tokenizer(base, folder / runs.TOKENIZER, config.max_tokens)
    (folder / "config.json").write_bytes((base / "config.json").read_bytes())
    record = runs.RunRecord(
        config=config,
        tokenizer_hash=tokenizer_hash,
        train_fingerprint=splits[0].fingerprint,
        validation_fingerprint=splits[1].fingerprint,
        train_texts=len(splits[0].rows),
        validation_texts=len(data.clear_rows(splits[1].rows)),
        git_commit=git_commit(),
        started_at=datetime.now(UTC).isoformat(),
    )
    if (folder / runs.RECORD).is_file():
        before = runs.read_record(folder)
        if (before.config, before.train_fingerprint, before.tokenizer_hash) != (
            record.config,
            record.train_fingerprint,
            record.tokenizer_hash,
        ):
            raise ModelInvalid(
                f"the run in {folder} was started with another configuration or other data",
                why="continuing it would mix two trainings",
                fix="name another --run, or repeat the options that it was started with",
            )
        return before
    runs.write_record(folder, record)
    return record


def _encode(folder: Path, rows: Sequence[data.Row], config: runs.TrainConfig) -> Texts:
    targets = torch.tensor([row.target for row in rows])
    share = targets.mean(dim=0).clamp_min(1e-6)
    balance = share.pow(-config.class_weight_power)
    weights = (targets * balance).sum(dim=1)
    weights = weights * torch.tensor([config.mixed_weight if row.mixed else 1.0 for row in rows])
    ids = tokens.encode(folder / runs.TOKENIZER, [row.text for row in rows])
    return Texts(ids, targets, weights / weights.mean())


def _optimizer(model: network.Classifier, config: runs.TrainConfig, texts: int) -> tuple[Any, Any, int]:
    if config.freeze_word_embeddings:
        model.encoder.get_input_embeddings().weight.requires_grad_(False)  # type: ignore[operator]
    groups: dict[tuple[float, float], list[Tensor]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            # Biases and normalisation gains set a level; pulling them to zero only harms.
            decay = config.weight_decay if parameter.dim() > 1 else 0.0
            rate = config.head_lr if name.startswith("head.") else config.encoder_lr
            groups.setdefault((rate, decay), []).append(parameter)
    optimizer = torch.optim.AdamW(
        [{"params": members, "lr": rate, "weight_decay": decay} for (rate, decay), members in groups.items()]
    )
    steps = config.epochs * -(-texts // config.batch_texts)
    warmup = max(1, round(steps * config.warmup_share))

    def factor(step: int) -> float:
        return (step + 1) / warmup if step < warmup else max(0.0, (steps - step) / max(1, steps - warmup))

    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, factor), steps


def _schedule(texts: Texts, config: runs.TrainConfig, done: int) -> Iterator[list[int]]:
    lengths = [len(row) for row in texts.ids]
    passed = 0
    for epoch in range(config.epochs):
        for chosen in batches.plan(lengths, config.batch_texts, config.seed * 1_000 + epoch):
            passed += 1
            if passed > done:
                yield chosen


def _step(parts: Parts, texts: Texts, chosen: list[int], config: runs.TrainConfig) -> float:
    model = parts.model
    model.train()
    ids, mask = batches.pad([texts.ids[i] for i in chosen], 0)
    with torch.autocast("cpu", torch.bfloat16, enabled=config.bf16):
        logits = model(torch.tensor(ids), torch.tensor(mask))
    each = F.cross_entropy(
        logits.float(), texts.targets[chosen], reduction="none", label_smoothing=config.label_smoothing
    )
    loss = (each * texts.weights[chosen]).mean()
    parts.optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(model.parameters(), GRADIENT_NORM_MAX)
    parts.optimizer.step()
    parts.scheduler.step()
    return float(loss.detach())


@torch.no_grad()
def _follow(parts: Parts, keep: float) -> None:
    pairs = zip(parts.average.parameters(), parts.model.parameters(), strict=True)
    for average, current in pairs:
        if current.requires_grad:
            average.lerp_(current, 1.0 - keep)


def _keep(folder: Path, parts: Parts, state: State, score: float) -> None:
    if score > state.best:
        state.best, state.best_step, state.stale = score, state.step, 0
        _save(folder / runs.BEST, parts.average.state_dict())
    else:
        state.stale += 1
    _save(
        folder / runs.LAST,
        {
            "model": parts.model.state_dict(),
            "average": parts.average.state_dict(),
            "optimizer": parts.optimizer.state_dict(),
            "scheduler": parts.scheduler.state_dict(),
            "random": torch.get_rng_state(),
            "state": [state.step, state.best_step, state.best, state.stale],
        },
    )


def _resume(folder: Path, parts: Parts) -> State:
    path = folder / runs.LAST
    if not path.is_file():
        return State()
    kept = torch.load(path, weights_only=True)
    parts.model.load_state_dict(kept["model"])
    parts.average.load_state_dict(kept["average"])
    parts.optimizer.load_state_dict(kept["optimizer"])
    parts.scheduler.load_state_dict(kept["scheduler"])
    torch.set_rng_state(kept["random"])
    step, best_step, best, stale = kept["state"]
    return State(int(step), int(best_step), float(best), int(stale))


def _save(path: Path, value: object) -> None:
    part = path.with_suffix(".part")
    torch.save(value, part)
    part.replace(path)
