"""A new topic from a few examples: one more column of the head, and how far it is to be trusted.

The encoder and all other columns stay as they are: sentiment is the origin's to the last bit. The column is fitted on
first-token states, of the examples against the training split of our own corpus, in which the topic is taken not to
occur (`model.column`). The error is measured on what a fit did not see: recall by cross-validation over the examples,
false alarms on the corpus' test split. The figures on validation in the record stay those of the origin.
"""

import copy
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import torch
from torch import nn

from model import batches, column, data, examples, inputs, runs, tokens, train
from model.column import Column, Floats, Read, Report
from model.corpus.read import LANGUAGES, Part
from model.examples import Example
from model.inputs import Row
from model.network import Network
from model.provenance import git_commit
from newstide import heads
from newstide.artifact import TopicName
from newstide.errors import DataInvalid, UsageError
from newstide.text import fold, language_of, model_input

REPORT: Final = "fewshot.json"
EXAMPLES_MIN: Final = 8
EXAMPLES_MAX: Final = 200
"""More than these deserve labels and training (`newstide model train --from-labels`)."""
TOPICS_MAX: Final = 64
"""Of a manifest."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to learn, from which run, and the folder of the new one."""

    origin: Path
    folder: Path
    topic: str
    file: Path


def learn(request: Request, background: tuple[Sequence[str], Sequence[str]] | None = None) -> Report:
    """Fit a new topic on the texts of a file and write a run that `newstide model export` takes.

    `background`: texts that are not about it, to fit against and to measure on; default our own corpus. Raises
    UsageError for a name that cannot be a topic's or a folder that holds another run, DataInvalid for a file of
    examples that cannot be used, ModelInvalid for an origin that is no finished run.
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    started = datetime.now(UTC)
    origin = runs.read(request.origin, runs.RunRecord)
    _require_name(request.topic, origin.topics)
    _require_free(request)
    texts = read_examples(request.file)
    torch.set_num_threads(origin.config.threads)
    model, tokenizer = train.load(request.origin), tokens.read(request.origin / runs.TOKENIZER)
    parts = [_without(part, texts) for part in background or (own_stories("train"), own_stories("test"))]
    shown, against, held = (read_texts(model, tokenizer, part) for part in (texts, *parts))
    found = column.fit_column(shown, against)
    report = column.measure(request.topic, found, shown, against, held)
    done = datetime.now(UTC)
    record = msgspec.structs.replace(
        origin,
        config=msgspec.structs.replace(origin.config, start=str(request.origin)),
        topics=(*origin.topics, request.topic),
        train_fingerprint=data.fingerprint([origin.train_fingerprint, *texts]),
        train_texts=origin.train_texts + len(texts),
        git_commit=git_commit(),
        started_at=started.isoformat(),
        finished_at=done.isoformat(),
        trainable=model.head.in_features + 1,
        minutes=round((done - started).total_seconds() / 60, 2),
    )
    _write(request, extended(model, found), record, report)
    return report


def read_examples(path: Path) -> list[str]:
    """The texts of a file in the form that the model reads, one a line; empty lines and `#` comments do not count.

    Raises DataInvalid for too few or too many, a text that is there twice, and one in a language that is not read.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataInvalid(
            f"cannot read the examples {path.name}", why=str(error), fix="give a text file in UTF-8, one text a line"
        ) from error
    places: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        text = model_input(line)
        # Of the text before look-alikes are folded: Cyrillic would read as Latin.
        if not text or language_of(fold(line)) not in LANGUAGES:
            raise _wrong(path, number, "it is neither English nor Chinese", "the model reads no other language")
        if (before := places.setdefault(text, number)) != number:
            raise _wrong(path, number, f"it is the text of line {before} again", "an example counts once: remove it")
    if not EXAMPLES_MIN <= len(places) <= EXAMPLES_MAX:
        raise DataInvalid(
            f"{path.name} holds {len(places)} examples",
            why=f"a topic is learned from {EXAMPLES_MIN} to {EXAMPLES_MAX}",
            fix="write more of them" if len(places) < EXAMPLES_MIN else "label them, and use `train --from-labels`",
        )
    return list(places)


def read_texts(model: Network, tokenizer: Any, texts: Sequence[str], *, bf16: bool = False) -> Read:
    """The texts, in `model_input` form, read by the model as stories."""
    rows = inputs.rows_of(tokenizer, [Example(text, language_of(text), "") for text in texts])
    states = states_of(model, rows, bf16=bf16)
    weights, bias = (each.detach().numpy() for each in (model.head.weight, model.head.bias))
    return Read(texts, states, states @ weights[heads.TOPIC].T + bias[heads.TOPIC])


def own_stories(part: Part) -> list[str]:
    """The texts of a split of our own corpus: what a new topic is fitted against and measured on."""
    return [example.text for example in examples.own(part) if example.entity is None]


@torch.no_grad()
def states_of(model: Network, rows: Sequence[Row], *, bf16: bool = False, batch_texts: int = 64) -> Floats:
    """What the head reads of each row, (n, h) float32, without dropout; `bf16` halves the time and the digits."""
    model.eval()
    out = np.zeros((len(rows), model.head.in_features), dtype=np.float32)
    seen: list[torch.Tensor] = []
    hook = model.head.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    try:
        for part in batches.by_length([len(ids) for ids, _ in rows], batch_texts):
            ids, types = (torch.tensor([rows[i][k] for i in part]) for k in (0, 1))
            with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
                model(ids, types)
            out[part] = seen.pop()[:, 0].float().numpy()
    finally:
        hook.remove()
    return out


def extended(model: Network, added: Column) -> Network:
    """A copy of the model with the column after its last."""
    made = copy.deepcopy(model)
    head = nn.Linear(model.head.in_features, model.head.out_features + 1)
    row = torch.from_numpy(added.weights).float()[None]
    with torch.no_grad():
        head.weight.copy_(torch.cat([model.head.weight, row]))
        head.bias.copy_(torch.cat([model.head.bias, torch.tensor([added.bias])]))
    made.head = head
    return made


def _without(background: Sequence[str], texts: Sequence[str]) -> list[str]:
    """The background without the examples: who takes them from our corpus would have them on both sides."""
    aside = set(texts)
    return [text for text in background if text not in aside]


def _require_name(topic: str, known: Sequence[str]) -> None:
    try:
        msgspec.convert(topic, TopicName)
    except msgspec.ValidationError as error:
        raise UsageError(
            f"{topic!r} is not the name of a topic",
            why="it becomes a label of stories",
            fix="start with a small letter; then up to 63 small letters, digits and _",
        ) from error
    if topic in known:
        raise UsageError(f"there is a topic {topic!r} already", fix=f"choose a name that is none of {', '.join(known)}")
    if len(known) >= TOPICS_MAX:
        raise UsageError(f"the run has {len(known)} topics", why="a model has no more", fix="start from another run")


def _require_free(request: Request) -> None:
    """A run of another kind took hours; one of this kind a minute, so it may be made again with better examples."""
    other = (request.folder / runs.RECORD).is_file() and not (request.folder / REPORT).is_file()
    if other or request.folder.resolve() == request.origin.resolve():
        raise UsageError(
            f"the run {request.folder.name} exists", why="it would be overwritten", fix="name another --run"
        )


def _write(request: Request, model: Network, record: runs.RunRecord, report: Report) -> None:
    request.folder.mkdir(parents=True, exist_ok=True)
    for name in ("config.json", runs.TOKENIZER):
        shutil.copyfile(request.origin / name, request.folder / name)
    runs.save(request.folder / runs.BEST, model.state_dict())
    (request.folder / REPORT).write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    runs.write(request.folder, record)


def _wrong(path: Path, number: int, why: str, fix: str) -> DataInvalid:
    return DataInvalid(f"{path.name}, line {number} is not an example", why=why, fix=fix)
