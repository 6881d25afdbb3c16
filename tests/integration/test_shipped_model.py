"""The model that ships, on texts that ship: the same answer in any company, words that carry the score, two fates."""

import random
from collections.abc import Sequence

import numpy as np
import pytest

from model.corpus import read
from newstide.scoring import batching, explain, onnx
from newstide.scoring.connect import SHIPPED
from newstide.scoring.port import Scorer, score_of
from newstide.text import model_input

TEXTS = 1_000
EXPLAINED = 60
WORDS_OUT = 2


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return onnx.load(SHIPPED, "cpu", threads=1)


@pytest.fixture(scope="module")
def texts() -> list[str]:
    found = sorted({model_input(item.text) for item in read.items() if item.part == "test"})
    return random.Random(5).sample(found, TEXTS)  # noqa: S311 - a sample, not a secret


def test_a_text_gets_the_same_answer_in_any_company(scorer: Scorer, texts: list[str]) -> None:
    whole = batching.score_all(scorer, texts, 1_024)
    order = random.Random(6).sample(range(TEXTS), TEXTS)  # noqa: S311
    shuffled = batching.score_all(scorer, [texts[i] for i in order], 4_096)
    encoded = scorer.encode(texts)
    for at in range(0, TEXTS, 64):
        part = scorer.score(encoded[at : at + 64])
        assert np.array_equal(part.sentiment, whole.sentiment[at : at + 64])
        assert np.array_equal(part.topics, whole.topics[at : at + 64])
    assert np.array_equal(shuffled.sentiment, whole.sentiment[order])
    for i in range(0, TEXTS, 5):
        alone = scorer.score([encoded[i]])
        assert np.array_equal(alone.sentiment[0], whole.sentiment[i])


def test_the_words_that_are_named_carry_the_score(scorer: Scorer, texts: list[str]) -> None:
    """Deleting them moves the score more than deleting as many others at random."""
    draw = random.Random(7)  # noqa: S311 - a choice of words, not a secret
    named, others = [], []
    for text in [text for text in texts if len(scorer.words(text)) > 2 * WORDS_OUT + 2][:EXPLAINED]:
        shares = explain.explain(scorer, text)
        chosen = [share.span for share in shares[:WORDS_OUT]]
        rest = [share.span for share in shares[WORDS_OUT:]]
        named.append(_moved(scorer, text, chosen))
        others.append(_moved(scorer, text, draw.sample(rest, min(WORDS_OUT, len(rest)))))
    assert np.mean(named) > 2 * np.mean(others)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Shares plunge 30% after the auditor resigns", "Shares plunge 30% after the auditor resigns".split()),
        ("公司净利润同比下降30%", ["公司", "净利润", "同比", "下降", "30%"]),
        ("甲公司Q3亏损", ["甲", "公司", "Q3", "亏损"]),
        ("", []),
    ],
)
def test_words_are_those_that_a_reader_sees(scorer: Scorer, text: str, expected: list[str]) -> None:
    assert [text[start:end] for start, end in scorer.words(text)] == expected


def test_two_companies_in_one_headline_have_their_own_fates(scorer: Scorer) -> None:
    pairs = [
        ("Acme loses the navy contract to Borealis", "Acme", "Borealis"),
        ("Northgate upgrades Tarn Foods, cuts Kelso Brewing to sell", "Kelso Brewing", "Tarn Foods"),
        ("订单被对手抢走,华晟精密跌停,凯立德新涨停", "华晟精密", "凯立德新"),
    ]
    asked = [(model_input(text), model_input(name)) for text, *names in pairs for name in names]
    scores = [score_of(row) or 0.0 for row in scorer.score(scorer.encode_pairs(asked)).sentiment]
    assert [bad < good for bad, good in zip(scores[::2], scores[1::2], strict=True)] == [True] * len(pairs)


def _moved(scorer: Scorer, text: str, spans: Sequence[tuple[int, int]]) -> float:
    before, after = scorer.score(scorer.encode([text, explain.without(text, spans)])).sentiment
    return abs((score_of(before) or 0.0) - (score_of(after) or 0.0))
