"""Which examples a run gets: a build's, a sample of them, or new labels from people with a replay of old data."""

import random
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from model import copies, examples, pretrain, runs, tokens, train
from model.examples import Example
from newstide.errors import DataInvalid, ModelInvalid
from newstide.messages import SENTIMENTS
from newstide.text import language_of, model_input

# Old examples for each new label: enough that what was known is not forgotten, few enough that a run takes minutes.
REPLAY: Final = 8
REPLAY_MIN: Final = 2_000
LABEL_WEIGHT: Final = 2.0
# A finished run is corrected, not trained anew: a third of the rates that it was made with.
ENCODER_LR: Final = 4e-5
HEAD_LR: Final = 3e-4
# How far a task may fall on the old validation set before the candidate is refused: half a point of macro-F1.
REGRESSION_MAX: Final = 0.005

Splits = tuple[list[Example], list[Example]]


class _Label(msgspec.Struct):
    text: str
    label: Literal["negative", "neutral", "positive"] | None = None
    topic: str | None = None
    entity: str | None = None


def splits(root: Path, config: runs.TrainConfig, labels: Path | None = None) -> Splits:
    """Training and validation examples of a run; with `labels` those, and a replay of old examples."""
    fit, held = examples.training(root, config.build), examples.validation(root, config.build)
    draw = random.Random(config.seed)  # noqa: S311 - a sample, not a secret
    if labels is not None:
        new = read_labels(labels)
        fit = new + draw.sample(fit, min(len(fit), max(REPLAY_MIN, REPLAY * len(new))))
    else:
        fit = copies.drawn(fit, copies.read(config.copies), config.seed)
        fit = draw.sample(fit, min(config.rows, len(fit))) if config.rows else fit
    return fit + _unlabelled(root, config), held


def _unlabelled(root: Path, config: runs.TrainConfig) -> list[Example]:
    """Stories that a teacher answers, as many of each language; none of those that pre-training held back."""
    if not config.unlabelled:
        return []
    aside = examples.withheld(root, config.build)
    found = []
    for texts in pretrain.read_texts(root, config.build).values():
        free = (text for text in texts[pretrain.HELD_TEXTS :] if examples.opening(text) not in aside)
        found += [Example(text, language_of(text), "unlabelled") for text in islice(free, config.unlabelled)]
    return found


def read_labels(path: Path) -> list[Example]:
    """Examples from the NDJSON of `newstide label export`. Raises DataInvalid with the line that is none."""
    found = []
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise DataInvalid(f"cannot read the labels {path.name}", why=str(error), fix="export them first") from error
    for number, line in enumerate(lines, 1):
        try:
            found.append(_example(msgspec.json.decode(line, type=_Label)))
        except (msgspec.MsgspecError, ValueError) as error:
            raise DataInvalid(f"{path.name}, line {number} is not a label", why=str(error), fix="fix it") from error
    if not found:
        raise DataInvalid(f"{path.name} holds no labels", why="the file is empty", fix="label some stories first")
    return found


def guard(before: Path, after: Path, held: Sequence[Example]) -> dict[str, float]:
    """Macro-F1 of the old run and change by the new one, by task and language, on the same old validation examples.

    Raises ModelInvalid when a task fell by more than `REGRESSION_MAX`: what was known has been forgotten.
    """
    old, new = (train.measure(train.load(run), tokens.read(run / runs.TOKENIZER), held) for run in (before, after))
    fallen = {task: round(new[task] - score, 4) for task, score in old.items() if new[task] < score - REGRESSION_MAX}
    if fallen:
        raise ModelInvalid(
            f"the run {after.name} is worse than {before.name} on old data",
            why=", ".join(f"{task} by {change:+.4f}" for task, change in fallen.items()),
            fix="it is not for export; label more, or train with more replay",
        )
    return {task: round(new[task] - score, 4) for task, score in old.items()}


def _example(label: _Label) -> Example:
    text = model_input(label.text)
    if not text or (label.label is None and label.topic is None):
        raise ValueError("it needs a text, and a label or a topic")
    sentiment: Any = None
    if label.label is not None:
        sentiment = examples.one_hot(SENTIMENTS.index(label.label))
    return Example(
        text,
        language_of(text),
        "people",
        model_input(label.entity) if label.entity else None,
        sentiment,
        examples.topic_target(label.topic) if label.topic else None,
        LABEL_WEIGHT,
    )
