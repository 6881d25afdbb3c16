"""A scorer without a model: key words. For tests and for trying the path where no artifact is at hand."""

import hashlib
import re
import zlib
from collections.abc import Sequence

import numpy as np

from newstide.artifact import Thresholds
from newstide.messages import SENTIMENTS, Language
from newstide.scoring.port import Encoded, Probabilities

_WORD = re.compile(r"[a-z0-9]+|[\u3400-\u9fff]")
_NEGATIVE = (
    "plunge",
    "plunges",
    "fall",
    "falls",
    "loss",
    "losses",
    "cut",
    "cuts",
    "fraud",
    "resigns",
    "misses",
    "跌",
    "亏",
)
_POSITIVE = ("surge", "surges", "rise", "rises", "profit", "beat", "beats", "record", "upgrade", "wins", "涨", "盈")
# As the real model: a text costs a bounded amount, however long it is.
_TOKENS_MAX = 128
_CHARS_MAX = 1_024


class StubScorer:
    """Deterministic, and under the same contract tests as the real scorer."""

    version = "stub-1"
    tokenizer_hash = hashlib.sha256(b"stub-1").hexdigest()
    labels = SENTIMENTS
    languages: tuple[Language, ...] = ("en", "zh")
    thresholds = Thresholds(confidence=0.5)

    def encode(self, texts: Sequence[str]) -> list[Encoded]:
        return [
            Encoded(tuple(_id(word) for word in _WORD.findall(text[:_CHARS_MAX].lower())[:_TOKENS_MAX]))
            for text in texts
        ]

    def score(self, batch: Sequence[Encoded]) -> Probabilities:
        rows = [_probabilities(encoded) for encoded in batch]
        return np.array(rows, dtype=np.float32).reshape(len(rows), len(SENTIMENTS))


def _id(word: str) -> int:
    return zlib.crc32(word.encode("utf-8"))


_BAD = frozenset(map(_id, _NEGATIVE))
_GOOD = frozenset(map(_id, _POSITIVE))


def _probabilities(encoded: Encoded) -> tuple[float, float, float]:
    if not encoded.token_ids:
        return (1 / 3, 1 / 3, 1 / 3)
    bad = sum(token in _BAD for token in encoded.token_ids)
    good = sum(token in _GOOD for token in encoded.token_ids)
    total = 2 + 4 * (bad + good)
    return ((0.5 + 4 * bad) / total, 1 / total, (0.5 + 4 * good) / total)
