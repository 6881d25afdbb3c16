"""How good a network is while it learns: macro-F1 of each task and language on validation examples. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from model.examples import Example

Ints = NDArray[np.int64]


@dataclass(slots=True)
class Judged:
    """The examples of one task and language that have one clear label: their places, and the labels."""

    places: list[int] = field(default_factory=list)
    truth: list[int] = field(default_factory=list)


def clear(examples: Sequence[Example]) -> dict[tuple[str, str], Judged]:
    """By (task, language): what can be judged. An example with a sentiment and a topic is judged for both."""
    found: dict[tuple[str, str], Judged] = {}
    for i, example in enumerate(examples):
        task = "story" if example.entity is None else "entity"
        for name, target in ((task, example.sentiment), ("topic", example.topics)):
            if target is not None and max(target) == 1:
                group = found.setdefault((name, example.language), Judged())
                group.places.append(i)
                group.truth.append(target.index(1))
    return dict(sorted(found.items()))


def macro_f1(called: Ints, truth: Ints) -> float:
    """The mean over the labels in `truth` of the harmonic mean of precision and recall."""
    scores = []
    for label in np.unique(truth):
        hit = np.count_nonzero((called == label) & (truth == label))
        scores.append(2 * hit / (np.count_nonzero(called == label) + np.count_nonzero(truth == label)))
    return float(np.mean(scores))
