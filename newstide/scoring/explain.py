"""Which words carried a score: each is left out in turn, and what the score loses is its share. Pure.

It asks the model as it is, through the port, and needs neither gradients nor its insides. A share says what the model
would have answered without the word, not what the word means; words that say the same thing twice each get little.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from newstide.scoring.batching import score_encoded
from newstide.scoring.pairs import mentions
from newstide.scoring.port import Scorer, score_of

WORDS_MAX: Final = 64
"""Passes that one explanation may cost. Of a text with more words, neighbours are left out together."""

# All passes of one explanation may run together: 65 of 128 tokens. Batches change no answer.
_TOKEN_BUDGET: Final = 8_192

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class WordShare:
    """A word of a text and its share in the score: positive when it made the score higher."""

    word: str
    start: int
    end: int
    """Characters [start, end) of the text."""
    share: float
    """Score of the text less its score without the word, in [-2, 2]."""

    @property
    def span(self) -> Span:
        return self.start, self.end


def explain(scorer: Scorer, text: str, entity: str | None = None, top: int | None = None) -> list[WordShare]:
    """The words that carried the score of a text, or its score towards `entity`; the largest shares first.

    Text and entity are in `model_input` form. Deterministic; at most WORDS_MAX entries, at most `top` where given. The
    name itself is the question and never an answer. Empty where the model has no opinion. Raises as the scorer does.
    """
    spans = _spans(scorer, text, mentions(text, entity) if entity else [])
    texts = [text, *(without(text, [span]) for span in spans)]
    passes = scorer.encode_pairs([(each, entity) for each in texts]) if entity else scorer.encode(texts)
    whole, *rest = (score_of(row) for row in score_encoded(scorer, passes, _TOKEN_BUDGET).sentiment)
    if whole is None:
        return []
    # A text without any word left has no score, and moves nothing: it counts as 0.
    shares = [
        WordShare(text[start:end], start, end, whole - (score or 0.0))
        for (start, end), score in zip(spans, rest, strict=True)
    ]
    return sorted(shares, key=lambda each: (-abs(each.share), each.start))[:top]


def without(text: str, spans: Sequence[Span]) -> str:
    """The text without these characters and with single spaces: what stood beside them does not grow together."""
    kept, at = [], 0
    for start, end in sorted(spans):
        kept.append(text[at:start])
        at = max(at, end)
    return " ".join(" ".join([*kept, text[at:]]).split())


def _spans(scorer: Scorer, text: str, names: Sequence[Span]) -> list[Span]:
    """What is left out in turn: words with a letter or a digit, or neighbours of them, and no part of a name."""
    words = [
        (start, end)
        for start, end in scorer.words(text)
        if any(map(str.isalnum, text[start:end])) and not any(start < stop and begin < end for begin, stop in names)
    ]
    size = -(-len(words) // WORDS_MAX)
    groups: list[Span] = []
    for number, (start, end) in enumerate(words):
        if number % size and not any(groups[-1][1] <= begin < start for begin, _ in names):
            groups[-1] = (groups[-1][0], end)
        else:
            groups.append((start, end))
    return groups[:WORDS_MAX]
