"""When int8 is asked again in its finer form: where its best two labels are nearer than rounding often moves them.

Pure but for the graph that is asked.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model import parity
from model.inputs import Row
from model.metrics import Floats
from newstide.artifact import TASKS, Task
from newstide.heads import COLUMNS
from newstide.scoring.calibrated import lead, nearly_tied

_OFTEN: Final = 0.98
"""Rounding moves the lead of the best label by less than the margin in this share of texts."""


class Looking:
    """A graph with a finer form, asked as the scorer asks it: once, and again where a label is nearly tied."""

    def __init__(self, graph: parity.Graph, near: Mapping[Task, float]) -> None:
        self._graph, self._near = graph, near

    def logits(self, rows: Sequence[Row], batch_texts: int = 32) -> Floats:
        """As `parity.Graph.logits`."""
        found = self._graph.logits(rows, batch_texts)
        again = np.flatnonzero(nearly_tied(found, stories(rows), self._near)).tolist()
        found[again] = self._graph.logits([rows[i] for i in again], batch_texts, fine=True)
        return found


def margins_on(graph: parity.Graph, rows: Sequence[Row]) -> dict[Task, float]:
    """As `margins`, of a graph with a finer form on these rows."""
    return margins(graph.logits(rows), graph.logits(rows, fine=True), stories(rows))


def margins(coarse: Floats, fine: Floats, about_story: NDArray[np.bool_]) -> dict[Task, float]:
    """For each task the lead below which a label counts as nearly tied; 0 for a task that no row asks."""
    found: dict[Task, float] = {}
    for task in TASKS:
        asked = about_story if task != "entity" else ~about_story
        moved = np.abs(lead(fine[asked][:, COLUMNS[task]]) - lead(coarse[asked][:, COLUMNS[task]]))
        found[task] = round(float(np.quantile(moved, _OFTEN)), 4) if len(moved) else 0.0
    return found


def stories(rows: Sequence[Row]) -> NDArray[np.bool_]:
    """Which rows ask about a story; the others mark the company that they ask for."""
    return np.array([not any(types) for _, types in rows], dtype=np.bool_)
