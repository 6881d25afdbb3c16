"""From logits on validation examples to calibrations, and how well confidence tells right from wrong.

Pure, numpy only. A temperature and a power for each task and language leave every label as it is. The threshold
follows Chow (1970): an answer is refused where that costs less than the errors it saves.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from model import judging
from model.examples import Example
from model.metrics import Floats, Ints, expected_calibration_error, fit_calibration, measure, rounded
from newstide.artifact import TASKS, Calibration, Task
from newstide.heads import COLUMNS
from newstide.messages import Language
from newstide.scoring.calibrated import calibrated

REFUSAL_COST: Final = 0.5
"""Of an error: a story that is `unsure` has to be read by somebody, which costs less than acting on a wrong label."""
REFUSED_MAX: Final = 0.10
"""Of the validation texts. A model that refuses more is no help, whatever its errors cost."""
FLOORS: Final[dict[Task, float]] = {"story": 0.5, "entity": 0.5, "topic": 0.25}
"""Below one half a sentiment is likelier wrong than right. Of sixteen topics the first can be right with less."""
CEILING: Final = 0.9
_STEP: Final = 0.01
TEXTS_MIN: Final = 50
"""A temperature of fewer texts is noise: those of all languages are taken together then."""
BINS: Final = 10
COVERAGES: Final = (1.0, 0.95, 0.9, 0.8, 0.7, 0.5)


@dataclass(frozen=True, slots=True)
class Bin:
    """The answers whose confidence is from `low` up to one bin more: how many, how sure on average, how often right."""

    low: float
    count: int
    confidence: float
    accuracy: float


def calibrate(
    logits: Floats, examples: Sequence[Example], languages: Sequence[Language]
) -> dict[Task, dict[Language, Calibration]]:
    """Temperature, power and threshold of every task and language, from logits (n, 6 + K) of n validation examples.

    Only examples with one clear label count. A language with fewer than `TEXTS_MIN` of them shares what all languages
    give; a task without any keeps the plain softmax and its floor.
    """
    judged = judging.clear(examples)
    found: dict[Task, dict[Language, Calibration]] = {}
    for task in TASKS:
        groups = {language: judged[task, language] for language in languages if (task, language) in judged}
        places = [place for group in groups.values() for place in group.places]
        truth = [label for group in groups.values() for label in group.truth]
        found[task] = {}
        for language in languages:
            mine = groups.get(language)
            enough = mine if mine and len(mine.places) >= TEXTS_MIN else judging.Judged(places, truth)
            found[task][language] = _fit(task, *_taken(logits, task, enough))
    return found


def figures(
    logits: Floats, examples: Sequence[Example], found: dict[Task, dict[Language, Calibration]]
) -> dict[str, dict[str, Any]]:
    """What calibration did on the examples it was fitted on, by `task_language`; for the manifest's `validation`."""
    judged, report = judging.clear(examples), {}
    for task, language in ((task, language) for task, each in found.items() for language in each):
        if (task, language) not in judged:
            continue
        mine, truth = _taken(logits, task, judged[task, language])
        fit = found[task][language]
        shares = calibrated(mine, fit.temperature, fit.power)
        scores = measure(shares, truth, tuple(map(str, range(mine.shape[1]))))
        report[f"{task}_{language}"] = {
            "texts": scores.texts,
            "accuracy": scores.accuracy,
            "macro_f1": scores.macro_f1,
            "ece_before": expected_calibration_error(calibrated(mine), truth),
            "ece": scores.ece,
            "unsure_share": float((shares.max(axis=1) < fit.confidence).mean()),
        }
    plain: dict[str, dict[str, Any]] = rounded(report)
    return plain


def threshold(probabilities: Floats, truth: Ints, floor: float) -> float:
    """The smallest of `floor`, floor + 0.01, ..., 0.9 at which errors and refusals cost least on these texts.

    A refusal costs `REFUSAL_COST` of an error. Thresholds that refuse more than `REFUSED_MAX` do not stand for choice;
    the floor always does.
    """
    confidence, wrong = probabilities.max(axis=1), probabilities.argmax(axis=1) != truth
    best, least = floor, float("inf")
    for step in range(round((CEILING - floor) / _STEP) + 1):
        at = round(floor + step * _STEP, 2)
        refused = confidence < at
        if step and refused.mean() > REFUSED_MAX:
            break
        cost = float((wrong & ~refused).mean() + REFUSAL_COST * refused.mean())
        if cost < least:
            best, least = at, cost
    return best


def reliability(probabilities: Floats, truth: Ints) -> list[Bin]:
    """Ten bins of equal width, empty ones left out: in a calibrated model confidence and accuracy are equal in each."""
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
    numbers = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    return [
        Bin(n / BINS, int(inside.sum()), float(confidence[inside].mean()), float(right[inside].mean()))
        for n, inside in ((n, numbers == n) for n in range(BINS))
        if inside.any()
    ]


def risk_coverage(probabilities: Floats, truth: Ints) -> dict[str, Any]:
    """Accuracy of the surest share of the answers, for each share of `COVERAGES`, and the area under the risk.

    `area` is the mean error over all shares (Geifman and El-Yaniv 2017): 0 is perfect, the error of all answers is what
    a confidence without knowledge gives. Answers of equal confidence count as their mean, so order changes nothing.
    """
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
    _, level = np.unique(-confidence, return_inverse=True)
    expected = (np.bincount(level, right) / np.bincount(level))[np.sort(level)]
    accuracy = np.cumsum(expected) / np.arange(1, len(truth) + 1)
    at = {f"{share:.2f}": float(accuracy[max(1, int(np.ceil(share * len(truth)))) - 1]) for share in COVERAGES}
    return {"accuracy": at, "area": float((1 - accuracy).mean())}


def _taken(logits: Floats, task: Task, judged: judging.Judged) -> tuple[Floats, Ints]:
    return logits[:, COLUMNS[task]][judged.places], np.array(judged.truth, dtype=np.int64)


def _fit(task: Task, logits: Floats, truth: Ints) -> Calibration:
    if not len(truth):
        return Calibration(1.0, FLOORS[task])
    temperature, power = fit_calibration(logits, truth)
    return Calibration(temperature, threshold(calibrated(logits, temperature, power), truth, FLOORS[task]), power)
