"""Figures about predictions. Pure, numpy only, so that training, export and evaluation count in the same way."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from newstide.scoring.calibrated import calibrated

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


def fit_calibration(logits: Floats, truth: Ints) -> tuple[float, float]:
    """Temperature (0.25 to 4) and power (0.5 to 3) of `calibrated` with the least negative log-likelihood.

    Golden-section search, of the power outside and of each power's best temperature inside.
    """

    def loss(temperature: float, power: float) -> float:
        chosen = calibrated(logits, temperature, power)[np.arange(len(truth)), truth]
        return float(-np.log(np.maximum(chosen, 1e-12)).mean())

    def best_temperature(power: float) -> float:
        return _least(lambda temperature: loss(temperature, power), 0.25, 4.0)

    power = _least(lambda power: loss(best_temperature(power), power), 0.5, 3.0)
    return round(best_temperature(power), 4), round(power, 4)


def _least(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a function with one valley is least, by golden-section search on a scale of ratios, to 1e-4."""
    left, right, ratio = float(np.log(low)), float(np.log(high)), (5**0.5 - 1) / 2
    a, b = right - ratio * (right - left), left + ratio * (right - left)
    of_a, of_b = function(float(np.exp(a))), function(float(np.exp(b)))
    while right - left > 1e-4:
        if of_a < of_b:
            right, b, of_b = b, a, of_a
            a = right - ratio * (right - left)
            of_a = function(float(np.exp(a)))
        else:
            left, a, of_a = a, b, of_b
            b = left + ratio * (right - left)
            of_b = function(float(np.exp(b)))
    return float(np.exp((left + right) / 2))


def _label_score(confusion: Ints, i: int) -> LabelScore:
    hit, called, support = int(confusion[i, i]), int(confusion[:, i].sum()), int(confusion[i].sum())
    precision = hit / called if called else 0.0
    recall = hit / support if support else 0.0
    f1 = 2 * precision * recall / (precision + recall) if hit else 0.0
    return LabelScore(precision, recall, f1, support)
