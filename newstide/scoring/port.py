"""The scorer port, and what to make of probabilities. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from newstide.artifact import Thresholds
from newstide.messages import SENTIMENTS, Label, Language

Probabilities = NDArray[np.float32]
"""Shape (n, 3), columns in the order of SENTIMENTS, each row in 0..1 with sum 1."""

LABELS: Final[tuple[Label, ...]] = ("negative", "neutral", "positive")
assert LABELS == SENTIMENTS  # noqa: S101 - one order everywhere, said twice only for the type checker


@dataclass(frozen=True, slots=True)
class Encoded:
    """One text as token ids, cut at the model's limit. No ids: the text held nothing to read."""

    token_ids: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.token_ids)


class Scorer(Protocol):
    """Turns texts into calibrated probabilities.

    Promises: a text's row is bit-identical whether it is scored alone, in any batch, in any order, beside texts of any
    length; rows come in the order of the batch; a text without tokens, or in a language that the model has not
    learned, gets three equal probabilities; any text at all is accepted, and its cost is bounded. Safe to call from
    several threads. Expects what `text.model_input` returns. Raises ModelInvalid when the model itself fails.
    """

    @property
    def version(self) -> str:
        """Name and hash of everything that decides an answer."""

    @property
    def tokenizer_hash(self) -> str: ...

    @property
    def labels(self) -> tuple[str, ...]:
        """SENTIMENTS, the order of the columns."""

    @property
    def languages(self) -> tuple[Language, ...]:
        """What it reads; `encode` gives texts in any other language no tokens."""

    @property
    def thresholds(self) -> Thresholds: ...

    def encode(self, texts: Sequence[str]) -> list[Encoded]:
        """Token ids of each text, in order, by one call of the tokenizer."""

    def score(self, batch: Sequence[Encoded]) -> Probabilities:
        """One row for each text of the batch, in order."""


def label_of(probabilities: Sequence[float] | NDArray[np.float32], thresholds: Thresholds) -> Label:
    """The most probable label, or `unsure` when it is not probable enough, or when two are equally so."""
    p = [float(value) for value in probabilities]
    best = max(p)
    if best < thresholds.confidence or p.count(best) > 1:
        return "unsure"
    return LABELS[p.index(best)]


def score_of(probabilities: Sequence[float] | NDArray[np.float32]) -> float:
    """p_positive - p_negative, in [-1, 1]."""
    return float(probabilities[2]) - float(probabilities[0])
