"""One more column of the head: fitted on few texts against many, with its error measured. Pure, numpy only.

In the softmax over topics, a new one's share of a text is sigmoid(new logit - logsumexp(other logits)): a logistic
regression whose offset is known. Examples are few, so a share of them says little: each has its interval.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from model.corpus.read import LANGUAGES
from newstide.text import language_of

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Bools = NDArray[np.bool_]

FOLDS: Final = 8
"""Of the cross-validation; of eight examples each is left out once."""
PRIOR: Final = 0.02
"""The share of stories that the new topic is taken to have: what the examples weigh together, whatever their number."""
RIDGE: Final = 0.01
"""Pull towards zero of the weights of standardised states, beside a mean loss."""
SHOWN_MAX: Final = 5
"""Of the texts that went wrong."""
_NEWTON_STEPS: Final = 50
# A direction in which the background hardly varies would otherwise decide all.
_SPREAD_MIN: Final = 0.1
_Z: Final = 1.959964


class Rate(msgspec.Struct, frozen=True):
    """A share of `of` cases with the 95 % interval of Wilson; all three 0 to 1 where there are no cases."""

    hits: int
    of: int
    share: float
    low: float
    high: float


class Report(msgspec.Struct, frozen=True):
    """How good a new topic is. A text is called it when its logit is the largest of all topics."""

    topic: str
    examples: int
    background: int
    recall: Rate
    """Of examples, each by a fit that did not see it."""
    precision: Rate
    """Of the calls on held-out examples and background test texts together: at their mix, not at that of a stream."""
    false_alarms: dict[str, Rate]
    """Of background test texts, by language."""
    missed: tuple[str, ...]
    """Some examples that were not recognised, and..."""
    mistaken: tuple[str, ...]
    """...some background texts that were taken for the new topic."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the head: its logit of states (n, h) is states @ weights + bias."""

    weights: Doubles
    bias: float

    def logits(self, states: Floats) -> Doubles:
        found: Doubles = states @ self.weights + self.bias
        return found


@dataclass(frozen=True, slots=True)
class Read:
    """n texts as the head sees them: states (n, h) and the logits of the topics that it knows (n, K)."""

    texts: Sequence[str]
    states: Floats
    known: Floats

    def part(self, chosen: Bools) -> "Read":
        return Read(
            [text for text, taken in zip(self.texts, chosen, strict=True) if taken],
            self.states[chosen],
            self.known[chosen],
        )

    def called(self, column: Column) -> Bools:
        """Which texts are called the new topic."""
        found: Bools = column.logits(self.states) > self.known.max(axis=1)
        return found


def fit_column(shown: Read, background: Read) -> Column:
    """The column that gives examples most, and background texts least, of the probability. Convex: one answer."""
    mean, spread = background.states.mean(axis=0), background.states.std(axis=0)
    spread = np.maximum(spread, _SPREAD_MIN * spread.mean())
    states = (np.concatenate([shown.states, background.states]).astype(np.float64) - mean) / spread
    features = np.hstack([states, np.ones((len(states), 1))])
    offset = np.logaddexp.reduce(np.concatenate([shown.known, background.known]).astype(np.float64), axis=1)
    truth = np.repeat([1.0, 0.0], [len(shown.states), len(background.states)])
    each = np.where(truth == 1, PRIOR / len(shown.states), (1 - PRIOR) / len(background.states))
    found = _newton(features, offset, truth, each)
    weights = found[:-1] / spread
    return Column(weights, float(found[-1] - weights @ mean))


def measure(topic: str, column: Column, shown: Read, background: Read, held: Read) -> Report:
    """How good the column is: recall by cross-validation over the examples, false alarms on the held texts."""
    place = np.random.default_rng(0).permutation(len(shown.texts)) % FOLDS
    found = np.zeros(len(place), dtype=np.bool_)
    for fold in range(FOLDS):
        aside = place == fold
        found[aside] = shown.part(aside).called(fit_column(shown.part(~aside), background))
    alarms = held.called(column)
    languages = np.array([language_of(text) for text in held.texts])
    return Report(
        topic=topic,
        examples=len(found),
        background=len(background.texts),
        recall=rate(int(found.sum()), len(found)),
        precision=rate(int(found.sum()), int(found.sum() + alarms.sum())),
        false_alarms={
            language: rate(int(alarms[languages == language].sum()), int((languages == language).sum()))
            for language in LANGUAGES
        },
        missed=tuple(shown.part(~found).texts[:SHOWN_MAX]),
        mistaken=tuple(held.part(alarms).texts[:SHOWN_MAX]),
    )


def rate(hits: int, of: int) -> Rate:
    """A share with its 95 % interval after Wilson (1927), which is honest for few cases and for shares of 0 and 1."""
    if not of:
        return Rate(0, 0, 0.0, 0.0, 1.0)
    share, less = hits / of, 1 + _Z**2 / of
    middle = (share + _Z**2 / (2 * of)) / less
    half = _Z / less * math.sqrt(share * (1 - share) / of + _Z**2 / (4 * of**2))
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return Rate(hits, of, round(share, 4), round(low, 4), round(high, 4))


def _newton(features: Doubles, offset: Doubles, truth: Doubles, each: Doubles) -> Doubles:
    """Minimise the weighted log-loss of sigmoid(features @ w - offset) and the ridge; the last column is not pulled."""
    pull = np.full(features.shape[1], RIDGE)
    pull[-1] = 1e-9  # not zero, for the equations must have an answer

    def loss(w: Doubles) -> float:
        z = features @ w - offset
        return float(each @ (np.logaddexp(0, z) - truth * z) + 0.5 * pull @ w**2)

    w = np.zeros(features.shape[1])
    w[-1] = np.median(offset)  # where the sigmoid is not flat
    now = loss(w)
    for _ in range(_NEWTON_STEPS):
        p = 0.5 * (1 + np.tanh(0.5 * (features @ w - offset)))
        slope = features.T @ (each * (p - truth)) + pull * w
        bend = (features * (each * p * (1 - p))[:, None]).T @ features + np.diag(pull)
        step = np.linalg.solve(bend, slope)
        size = 1.0
        while (then := loss(w - size * step)) > now - 1e-4 * size * float(slope @ step) and size > 1e-6:
            size /= 2
        gained, w, now = now - then, w - size * step, then
        if gained < 1e-9:
            break
    return w
