"""Figures about predictions. Pure, numpy only, so that training, export and evaluation count in the same way."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
ECE_BINS: Final = 15


@dataclass(frozen=True, slots=True)
class LabelScore:
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, slots=True)
class Scores:
    """Quality on one test set. `confusion[i][j]` counts texts of label i that were called j."""

    texts: int
    accuracy: float
    macro_f1: float
    ece: float
    labels: dict[str, LabelScore]
    confusion: list[list[int]]


def measure(probabilities: Floats, truth: Ints, labels: tuple[str, ...]) -> Scores:
    """Scores of the most probable label. A label without any text in `truth` does not enter macro-F1."""
    called = probabilities.argmax(axis=1)
    confusion = np.zeros((len(labels), len(labels)), dtype=np.int64)
    np.add.at(confusion, (truth, called), 1)
    each = {name: _label_score(confusion, i) for i, name in enumerate(labels)}
    present = [score.f1 for score in each.values() if score.support]
    return Scores(
        texts=len(truth),
        accuracy=float((called == truth).mean()),
        macro_f1=float(np.mean(present)),
        ece=expected_calibration_error(probabilities, truth),
        labels=each,
        confusion=confusion.tolist(),
    )


def expected_calibration_error(probabilities: Floats, truth: Ints) -> float:
    """Mean distance between confidence and accuracy over equal-width confidence bins, weighted by their size."""
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
    bins = np.minimum((confidence * ECE_BINS).astype(np.int64), ECE_BINS - 1)
    gaps = [
        abs(float(confidence[inside].mean()) - float(right[inside].mean())) * float(inside.mean())
        for inside in (bins == number for number in range(ECE_BINS))
        if inside.any()
    ]
    return float(sum(gaps))


def rounded(value: Any) -> Any:
    """Floats to four places, all the way down: more would be noise in a manifest."""
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    return [rounded(each) for each in value] if isinstance(value, list | tuple) else value


def softmax(logits: Floats, temperature: float = 1.0) -> Floats:
    scaled = logits.astype(np.float64) / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    shares: Floats = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    return shares


def fit_temperature(logits: Floats, truth: Ints) -> float:
    """The temperature with the least negative log-likelihood, by golden-section search in [0.25, 4]."""
    low, high, ratio = np.log(0.25), np.log(4.0), (5**0.5 - 1) / 2
    for _ in range(40):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        if _nll(logits, truth, float(np.exp(left))) < _nll(logits, truth, float(np.exp(right))):
            high = right
        else:
            low = left
    return round(float(np.exp((low + high) / 2)), 4)


def _nll(logits: Floats, truth: Ints, temperature: float) -> float:
    chosen = softmax(logits, temperature)[np.arange(len(truth)), truth]
    return float(-np.log(np.maximum(chosen, 1e-12)).mean())


def _label_score(confusion: Ints, i: int) -> LabelScore:
    hit, called, support = int(confusion[i, i]), int(confusion[:, i].sum()), int(confusion[i].sum())
    precision = hit / called if called else 0.0
    recall = hit / support if support else 0.0
    f1 = 2 * precision * recall / (precision + recall) if hit else 0.0
    return LabelScore(precision, recall, f1, support)
