"""From logits to calibrated probabilities. Pure, numpy only, so that fitting and serving count in the same way."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from newstide.artifact import Task
from newstide.heads import ENTITY, STORY, TOPIC


def calibrated(
    logits: NDArray[np.float32], temperature: ArrayLike = 1.0, power: ArrayLike = 1.0
) -> NDArray[np.float32]:
    """Probabilities (n, k) of logits (n, k): by how far each lies below the largest, p ~ exp(-(distance / T) ** power).

    `temperature` and `power`: one for all rows, or (n,). A power of 1 is softmax at a temperature (Guo et al. 2017).
    Above 1 answers whose best labels lie close together become less sure and clear ones surer, which one temperature
    cannot do both. The order of the labels stays (an intra order-preserving function, Rahimi et al. 2020).
    """
    # In double precision, so that no row depends on which instructions numpy takes for an array of its length.
    wide = logits.astype(np.float64)
    distance = (wide.max(axis=1, keepdims=True) - wide) / _of_rows(temperature)
    weights = np.exp(-(distance ** _of_rows(power)))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float32)


def lead(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n,): by how much the best logit of each row is ahead of the second."""
    best = np.partition(logits, -2, axis=1)
    return best[:, -1] - best[:, -2]


def nearly_tied(
    logits: NDArray[np.float32], stories: NDArray[np.bool_], near: Mapping[Task, float]
) -> NDArray[np.bool_]:
    """(n,): whether a label that is asked for leads by less than `near` says of its task.

    Of a story (`stories`, (n,)) sentiment and topic are asked for, of a company the sentiment towards it.
    """

    def tied(task: Task, columns: slice) -> NDArray[np.bool_]:
        return lead(logits[:, columns]) < near.get(task, 0.0)

    return np.where(stories, tied("story", STORY) | tied("topic", TOPIC), tied("entity", ENTITY))


def _of_rows(value: ArrayLike) -> NDArray[np.float64]:
    return np.asarray(value, dtype=np.float64).reshape(-1, 1)
