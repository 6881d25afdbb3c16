"""The scorer port, and what to make of probabilities. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from newstide.messages import SENTIMENTS, Label, Language

Task = Literal["story", "entity"]
"""What a pass is asked: how good or bad the story is, or how good or bad it is for a company named in it."""

Probabilities = NDArray[np.float32]
"""Each row in 0..1 with sum 1."""

LABELS: Final[tuple[Label, ...]] = ("negative", "neutral", "positive")
assert LABELS == SENTIMENTS  # noqa: S101 - one order everywhere, said twice only for the type checker


@dataclass(frozen=True, slots=True)
class Encoded:
    """One pass as token ids, cut at the model's limit. No ids: there is nothing to read, or nothing that it can."""

    token_ids: tuple[int, ...]
    type_ids: tuple[int, ...]
    """1 where the named company stands, 0 elsewhere; as long as `token_ids`."""
    task: Task
    language: Language

    def __len__(self) -> int:
        return len(self.token_ids)


class Opinions(NamedTuple):
    """What the model says of n passes, calibrated; row i of each array belongs to pass i."""

    sentiment: Probabilities
    """(n, 3), columns in the order of SENTIMENTS: of the story, or towards the company."""
    topics: Probabilities
    """(n, K), columns in the order of the scorer's topics; equal shares where the company was asked for."""
    confidence: NDArray[np.float32]
    """(n,): what the largest sentiment must reach, else it is `unsure`."""
    topic_confidence: NDArray[np.float32]
    """(n,): what the largest topic must reach to be named."""


class Scorer(Protocol):
    """Turns texts into calibrated probabilities.

    Promises: a pass's row is bit-identical whether it is scored alone, in any batch, in any order, beside texts of any
    length; rows come in the order of the batch; a text without tokens, or in a language or a script that the model has
    not learned, gets equal probabilities and a confidence of 1; any text at all is accepted, and its cost is bounded.
    Safe to call from several threads. Expects what `text.model_input` returns. Raises ModelInvalid when the model
    itself fails.
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
    def topics(self) -> tuple[str, ...]:
        """Names of the columns of `Opinions.topics`."""

    @property
    def languages(self) -> tuple[Language, ...]:
        """What it reads; texts in any other language get no tokens, texts without any letter are read as the first."""

    def encode(self, texts: Sequence[str]) -> list[Encoded]:
        """A pass about each story, in order, by one call of the tokenizer."""

    def encode_pairs(self, pairs: Sequence[tuple[str, str]]) -> list[Encoded]:
        """A pass about each (story, name of a company), in order. No tokens where either is empty."""

    def score(self, batch: Sequence[Encoded]) -> Opinions:
        """One row for each pass of the batch, in order."""

    def words(self, text: str) -> list[tuple[int, int]]:
        """Spans of characters [start, end) of the words that it reads of a text, in order; none overlap."""


def no_opinions(count: int, topics: int) -> Opinions:
    """Rows of equal probabilities that no confidence admits: what is said where nothing can be said."""
    return Opinions(
        np.full((count, len(LABELS)), 1 / len(LABELS), dtype=np.float32),
        np.full((count, topics), 1 / topics, dtype=np.float32),
        np.ones(count, dtype=np.float32),
        np.ones(count, dtype=np.float32),
    )


def label_of(probabilities: Sequence[float] | Probabilities, confidence: float) -> Label:
    """The most probable label, or `unsure` when it is not probable enough, or when two are equally so."""
    best = _best(probabilities, confidence)
    return "unsure" if best is None else LABELS[best]


def score_of(probabilities: Sequence[float] | Probabilities) -> float | None:
    """p_positive - p_negative, in [-1, 1]; None when all three are equal: absent is not zero."""
    negative, neutral, positive = (float(p) for p in probabilities)
    return None if negative == neutral == positive else positive - negative


def topic_of(probabilities: Sequence[float] | Probabilities, names: Sequence[str], confidence: float) -> str | None:
    """The name of the most probable topic, or None when it is not probable enough, or when two are equally so."""
    best = _best(probabilities, confidence)
    return None if best is None else names[best]


def _best(probabilities: Sequence[float] | Probabilities, confidence: float) -> int | None:
    p = [float(value) for value in probabilities]
    best = max(p)
    return None if best < confidence or p.count(best) > 1 else p.index(best)
