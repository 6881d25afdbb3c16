"""A scorer without a model: key words. For tests and for trying the path where no artifact is at hand."""

import hashlib
import re
import zlib
from collections.abc import Sequence
from typing import Final

from newstide.messages import SENTIMENTS, Language
from newstide.scoring.pairs import NAME_CHARS_MAX, mentions
from newstide.scoring.port import Encoded, Opinions, no_opinions
from newstide.text import language_of
from newstide.topics import TOPICS

_WORD: Final = re.compile(r"[a-z0-9]+|[\u3400-\u9fff]")
_CLAUSE: Final = re.compile(r"[^,;:，；：、。]*?(?:\bwhile\b|\bbut\b|\bas\b|而|[,;:，；：、。]|$)", re.IGNORECASE)
"""What says one thing of one company: up to a comma, or to a word that begins the next thought."""

_NEGATIVE: Final = "plunge plunges fall falls loss losses cut cuts fraud resigns misses 跌 亏"
_POSITIVE: Final = "surge surges rise rises profit beat beats record upgrade wins 涨 盈"
_TOPICS: Final = {
    "earnings": "profit loss losses beat beats misses 盈 亏",
    "guidance": "outlook guidance warning",
    "mergers": "merger acquire acquires takeover 购",
    "management": "resigns ceo chairman 辞",
    "legal": "lawsuit court sues fine 罚",
    "fraud_default": "fraud default 违",
    "analyst_view": "upgrade downgrade",
    "market_move": "plunge plunges surge surges 跌 涨",
    "monetary_policy": "fed rate rates 息",
    "commodities": "oil gold copper 油",
}

# As the real model: a text costs a bounded amount, however long it is.
_TOKENS_MAX: Final = 128
_CHARS_MAX: Final = 1_024
_CONFIDENCE, _TOPIC_CONFIDENCE = 0.5, 0.3


class StubScorer:
    """Deterministic, and under the same contract tests as the real scorer."""

    version = "stub-1"
    tokenizer_hash = hashlib.sha256(b"stub-1").hexdigest()
    labels = SENTIMENTS
    topics = TOPICS
    languages: tuple[Language, ...] = ("en", "zh")

    def encode(self, texts: Sequence[str]) -> list[Encoded]:
        encoded = []
        for text in texts:
            ids = tuple(_id(text[start:end]) for start, end in self.words(text))
            encoded.append(Encoded(ids, (0,) * len(ids), "story", language_of(text)))
        return encoded

    def encode_pairs(self, pairs: Sequence[tuple[str, str]]) -> list[Encoded]:
        """Type 1 on all words of the clauses in which the name stands."""
        return [self._pair(story, name[:NAME_CHARS_MAX].strip()) for story, name in pairs]

    def _pair(self, story: str, name: str) -> Encoded:
        spans = self.words(story) if name else []
        clauses = [clause.span() for clause in _CLAUSE.finditer(story)]
        names = mentions(story, name)
        about = [(a, b) for a, b in clauses if any(a <= start < b for start, _ in names)]
        types = tuple(int(any(a <= start < b for a, b in about)) for start, _ in spans)
        return Encoded(tuple(_id(story[a:b]) for a, b in spans), types, "entity", language_of(story))

    def score(self, batch: Sequence[Encoded]) -> Opinions:
        out = no_opinions(len(batch), len(self.topics))
        for row, encoded in enumerate(batch):
            if not encoded.token_ids:
                continue
            read = [
                token
                for token, kind in zip(encoded.token_ids, encoded.type_ids, strict=True)
                if kind or encoded.task == "story"
            ]
            out.sentiment[row], out.confidence[row] = _sentiment(read), _CONFIDENCE
            if encoded.task == "story":
                out.topics[row], out.topic_confidence[row] = _shares(read), _TOPIC_CONFIDENCE
        return out

    def words(self, text: str) -> list[tuple[int, int]]:
        # Letter by letter, for the lower case of some letters is two.
        lowered = "".join(letter.lower()[:1] for letter in text[:_CHARS_MAX])
        return [word.span() for word in _WORD.finditer(lowered)][:_TOKENS_MAX]


def _id(word: str) -> int:
    return zlib.crc32(word.lower().encode("utf-8"))


def _ids(words: str) -> frozenset[int]:
    return frozenset(map(_id, words.split()))


_BAD: Final = _ids(_NEGATIVE)
_GOOD: Final = _ids(_POSITIVE)
_SIGNS: Final = [_ids(_TOPICS.get(topic, "")) for topic in TOPICS]


def _sentiment(tokens: Sequence[int]) -> tuple[float, float, float]:
    bad = sum(token in _BAD for token in tokens)
    good = sum(token in _GOOD for token in tokens)
    total = 2 + 4 * (bad + good)
    return ((0.5 + 4 * bad) / total, 1 / total, (0.5 + 4 * good) / total)


def _shares(tokens: Sequence[int]) -> list[float]:
    weights = [0.1 + 4 * sum(token in signs for token in tokens) for signs in _SIGNS]
    weights[TOPICS.index("other")] += 1
    return [weight / sum(weights) for weight in weights]
