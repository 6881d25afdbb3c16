"""Fine-tuning of all tasks at once: AdamW, linear warm-up then decay, the best by validation macro-F1, resumable.

A run killed at any moment continues from its last checkpoint (`last.pt`, written at each evaluation) with the same
batches that it would have seen. Test splits are never read here.
"""

import copy
import hashlib
import os
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model import augment, batches, checkpoint, data, inputs, judging, learning, losses, network, runs, tokens, ways
from model.checkpoint import Parts
from model.examples import Example
from model.inputs import Inputs, Row
from model.provenance import git_commit
from newstide import heads
from newstide.errors import ModelInvalid
from newstide.topics import TOPICS

# Longer steps than this come from one odd batch and throw the encoder off; 1.0 is what BERT was trained with.
GRADIENT_NORM_MAX: Final = 1.0
# The average follows faster in the first steps, or it would carry the fresh head's random weights for long.
AVERAGING_WARM_UP: Final = 10
_READ_TEXTS: Final = 64


def train(
    config: runs.TrainConfig,
    splits: tuple[Sequence[Example], Sequence[Example]],
    folder: Path,
    report: Callable[[learning.Progress], None] = lambda _: None,
) -> runs.RunRecord:
    """Train on the first split, choose by the second; leaves `best.pt` in `folder` and returns the record.

    An existing run in `folder` is continued, and left as it is when it is finished; one with another configuration or
    other data is refused (ModelInvalid).
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    started = time.monotonic()
    before = record = _open_run(config, splits, folder)
    if record.finished_at is not None:
        return record
    tokenizer = tokens.read(folder / runs.TOKENIZER)
    tokenizer.enable_truncation(max_length=config.train_tokens, strategy="only_first")
    examples = list(splits[0])
    if config.augment:
        examples += list(augment.augmented(examples, config.augment, config.seed))
    fit = inputs.encode(tokenizer, examples, config.class_weight_power, config.topic_share)
    steps = config.epochs * -(-len(fit) // config.batch_texts)
    model = _start(config, folder)
    tuner = ways.prepare(model, config.way, steps)
    optimizer, scheduler = _optimizer(model, config, steps)
    parts = Parts(model, copy.deepcopy(model).requires_grad_(False), optimizer, scheduler, tuner)
    state = checkpoint.resume(folder, parts)
    taught = _teacher_logits(config, fit, record.tokenizer_hash)
    every = max(1, steps // (config.epochs * config.evals_per_epoch))
    with runs.Curves(folder, state.step) as curves:
        for chosen in _schedule(fit, config, state.step):
            if state.stale >= config.patience:
                break
            loss = _step(parts, fit, chosen, taught, config)
            state.step += 1
            if tuner is not None:
                tuner.update_and_allocate(state.step)
            _follow(parts, min(config.averaging, state.step / (state.step + AVERAGING_WARM_UP)))
            scores = None
            if state.step % every == 0 or state.step == steps:
                scores = measure(parts.average, tokenizer, splits[1], bf16=config.bf16)
                score = float(np.mean(list(scores.values())))
                curves.add(state.step, {"loss": loss, "macro_f1": score, **scores})
                record = _spent(record, before, started)
                if score > state.best:
                    record = msgspec.structs.replace(record, best=scores)
                runs.write(folder, record)
                checkpoint.keep(folder, parts, state, score, config.way)
            report(learning.Progress(state.step, steps, loss, scores))
    done = msgspec.structs.replace(
        _spent(record, before, started),
        finished_at=datetime.now(UTC).isoformat(),
        best_step=state.best_step,
        best_macro_f1=state.best,
        trainable=ways.trainable(model),
    )
    runs.write(folder, done)
    return done


def measure(
    model: network.Network, tokenizer: Any, examples: Sequence[Example], *, bf16: bool = False
) -> dict[str, float]:
    """Macro-F1 of each task and language that the examples have: `story_en`, `entity_zh`, `topic_en`, ..."""
    logits = logits_of(model, inputs.rows_of(tokenizer, examples), bf16=bf16)
    return {
        f"{task}_{language}": judging.macro_f1(
            logits[group.places][:, heads.COLUMNS[task]].argmax(axis=1), np.array(group.truth)
        )
        for (task, language), group in judging.clear(examples).items()
    }


@torch.no_grad()
def logits_of(model: network.Network, rows: Sequence[Row], *, bf16: bool = False) -> NDArray[np.float32]:
    """Logits in input order, float32, without dropout, in batches of one exact length (so without padding).

    `bf16` halves the time and the digits: enough to choose and to teach by, not to prove an export with.
    """
    model.eval()
    out = np.zeros((len(rows), model.head.out_features), dtype=np.float32)
    for part in batches.by_length([len(ids) for ids, _ in rows], _READ_TEXTS):
        ids, types = (torch.tensor([rows[i][k] for i in part]) for k in (0, 1))
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            out[part] = model(ids, types).float().numpy()
    return out


def load(run: Path) -> network.Network:
    """The network of a finished run, with its best weights. Raises ModelInvalid when they cannot be read."""
    record = runs.read(run, runs.RunRecord)
    model = network.from_config(run, record.topics)
    ways.restore(model, record.config.way)
    state = runs.restore(run / runs.BEST)
    try:
        model.load_state_dict(state)
    except (RuntimeError, TypeError, AttributeError) as error:  # of another shape, or no weights
        raise ModelInvalid(
            f"the weights of the run {run.name} cannot be read", why=str(error).splitlines()[0], fix="train it again"
        ) from error
    return model


def _start(config: runs.TrainConfig, folder: Path) -> network.Network:
    """The network before the first step: of a base, or of an earlier run; with fewer layers for a student."""
    if config.start:
        _require_our_topics(Path(config.start))
        before = runs.read(Path(config.start), runs.RunRecord).config.way
        if before in ways.ADDED:
            raise ModelInvalid(
                f"a run of the way {before!r} cannot be gone on from",
                why="what it added to the network would be lost, or added twice",
                fix="start from a run of another way",
            )
        model = load(Path(config.start))
    else:
        model = network.from_base(network.base_folder(config.base), TOPICS, config.dropout)
    if config.layers:
        network.keep_layers(model, config.layers)
    model.encoder.config.save_pretrained(folder)
    network.set_dropout(model, config.dropout)
    return model


def _open_run(
    config: runs.TrainConfig, splits: tuple[Sequence[Example], Sequence[Example]], folder: Path
) -> runs.RunRecord:
    base = Path(config.start) if config.start else network.base_folder(config.base)
    tokenizer = tokens.cut_at(base, config.max_tokens)
    record = runs.RunRecord(
        config=config,
        tokenizer_hash=hashlib.sha256(tokenizer).hexdigest(),
        train_fingerprint=data.fingerprint(map(repr, splits[0])),
        validation_fingerprint=data.fingerprint(map(repr, splits[1])),
        train_texts=len(splits[0]),
        validation_texts=len(splits[1]),
        git_commit=git_commit(),
        started_at=datetime.now(UTC).isoformat(),
    )
    begun = runs.begin(folder, record, lambda each: (each.config, each.train_fingerprint, each.tokenizer_hash))
    runs.replace(folder / runs.TOKENIZER, tokenizer)
    return begun


def _spent(record: runs.RunRecord, before: runs.RunRecord, started: float) -> runs.RunRecord:
    """The record with what the run has cost so far: `before` is what it was when this process took it up."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return msgspec.structs.replace(
        record,
        minutes=round((before.minutes or 0.0) + (time.monotonic() - started) / 60, 2),
        peak_mib=max(before.peak_mib or 0, peak),
    )


def _optimizer(model: network.Network, config: runs.TrainConfig, steps: int) -> tuple[Any, Any]:
    # What starts from nothing must travel further than what was pre-trained.
    added = config.way in (*ways.LOW_RANK, *ways.ADDED)

    def rates(name: str, parameter: Tensor) -> tuple[Tensor, float, float]:
        rate = config.head_lr if added or name.startswith("head.") else config.encoder_lr
        # Biases and normalisation gains set a level; pulling them to zero only harms.
        return parameter, rate, config.weight_decay if parameter.dim() > 1 else 0.0

    learn = (rates(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad)
    return learning.optimizer(learn, steps, config.warmup_share)


def _schedule(fit: Inputs, config: runs.TrainConfig, done: int) -> Iterator[list[int]]:
    lengths = [len(ids) for ids, _ in fit.rows]
    passed = 0
    for epoch in range(config.epochs):
        for chosen in batches.plan(lengths, config.batch_texts, config.seed * 1_000 + epoch):
            passed += 1
            if passed > done:
                yield chosen


def _step(parts: Parts, fit: Inputs, chosen: list[int], taught: Tensor | None, config: runs.TrainConfig) -> float:
    model = parts.model
    model.train()
    ids, mask = batches.pad([fit.rows[i][0] for i in chosen], 0)
    types, _ = batches.pad([fit.rows[i][1] for i in chosen], 0)
    with torch.autocast("cpu", torch.bfloat16, enabled=config.bf16):
        logits = model(torch.tensor(ids), torch.tensor(types), torch.tensor(mask))
    loss = losses.of_labels(logits.float(), fit, chosen, config.label_smoothing)
    if taught is not None:
        loss = (1 - config.distil_share) * loss + config.distil_share * losses.from_teacher(
            logits.float(), taught[chosen]
        )
    parts.optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(model.parameters(), GRADIENT_NORM_MAX)
    parts.optimizer.step()
    parts.scheduler.step()
    return float(loss.detach())


def _teacher_logits(config: runs.TrainConfig, fit: Inputs, tokenizer_hash: str) -> Tensor | None:
    if not config.teacher:
        return None
    teacher = Path(config.teacher)
    _require_our_topics(teacher)
    if runs.read(teacher, runs.RunRecord).tokenizer_hash != tokenizer_hash:
        raise ModelInvalid(
            f"the run {teacher.name} cannot teach this one",
            why="it has another tokenizer: the same numbers are other words to it",
            fix="train both from one base, with the same --max-tokens",
        )
    return torch.from_numpy(logits_of(load(teacher), fit.rows, bf16=config.bf16))


def _require_our_topics(run: Path) -> None:
    topics = runs.read(run, runs.RunRecord).topics
    if topics != TOPICS:
        raise ModelInvalid(
            f"training cannot go on from the run {run.name}, nor learn from it",
            why=f"its topic {topics[-1]} was learned from examples, and no set has labels for it",
            fix="name the run that it was made from, and learn the topic again afterwards",
        )


@torch.no_grad()
def _follow(parts: Parts, keep: float) -> None:
    pairs = zip(parts.average.parameters(), parts.model.parameters(), strict=True)
    for average, current in pairs:
        if current.requires_grad:
            average.lerp_(current, 1.0 - keep)
