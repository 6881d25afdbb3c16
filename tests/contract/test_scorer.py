"""What every scorer promises; the stub, a tiny one and the real one stand under the same tests."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from newstide.messages import SENTIMENTS
from newstide.scoring import onnx
from newstide.scoring.batching import score_all, score_encoded
from newstide.scoring.explain import WORDS_MAX, explain, without
from newstide.scoring.port import Encoded, Opinions, Scorer, label_of, score_of, topic_of
from newstide.scoring.stub import StubScorer
from tests import tiny_artifact

ROOT = Path(__file__).resolve().parents[2]
TEXTS = [
    "Shares plunge 30% after the auditor resigns",
    "Profit beats estimates, dividend raised",
    "Company to hold its annual meeting on Tuesday",
    "",
    "Rate cut hopes lift banks; miners fall on weak copper, oil steady ahead of inventories",
    "UPDATE 2-Acme cuts outlook",
    "涨停 净利润大增",
    "\U0001f680\U0001f680\U0001f680",
    "word " * 400,
    "lone \ud800 surrogate",
]
PAIRS = [
    ("Acme plunges while Beta surges", "Acme"),
    ("Acme plunges while Beta surges", "Beta"),
    ("Acme plunges while Beta surges", "Gamma"),
    ("公司大涨，而公司跌停", "公司"),
    ("shares fall " * 300, "shares"),
    ("Shares rise", "각각 " * 16),
    ("Shares rise", "公" * 500),
    ("Shares \ud800 rise", "\ud800"),
    ("", "Acme"),
    ("Acme surges", ""),
    ("Acme surges", " "),
]


@pytest.fixture(scope="module", params=["stub", "tiny", "onnx", "onnx-two-threads"])
def scorer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Scorer:
    if request.param == "stub":
        return StubScorer()
    tiny = request.param == "tiny"
    path = tiny_artifact.write(tmp_path_factory.mktemp("tiny")) if tiny else ROOT / "artifacts"
    return onnx.load(path, "cpu", threads=2 if "two" in request.param else 1)


def passes(scorer: Scorer) -> list[Encoded]:
    return [*scorer.encode(TEXTS), *scorer.encode_pairs(PAIRS)]


def same(one: Opinions, other: Opinions) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def together(parts: list[Opinions]) -> Opinions:
    return Opinions(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def test_rows_are_probabilities(scorer: Scorer) -> None:
    encoded = passes(scorer)
    found = scorer.score(encoded)
    assert found.sentiment.shape == (len(encoded), 3)
    assert found.topics.shape == (len(encoded), len(scorer.topics))
    for rows in (found.sentiment, found.topics):
        assert rows.dtype == np.float32
        assert ((rows >= 0) & (rows <= 1)).all()
        assert rows.sum(axis=1) == pytest.approx(1.0, abs=1e-6)
    for confidence in (found.confidence, found.topic_confidence):
        assert confidence.dtype == np.float32 and confidence.shape == (len(encoded),)
        assert ((confidence >= 0) & (confidence <= 1)).all()


def test_it_says_what_it_is(scorer: Scorer) -> None:
    assert scorer.version
    assert len(scorer.tokenizer_hash) == 64
    assert tuple(scorer.labels) == SENTIMENTS
    assert len(set(scorer.topics)) == len(scorer.topics) > 1
    assert scorer.languages == ("en", "zh")


def test_same_text_same_answer_to_the_last_bit(scorer: Scorer) -> None:
    encoded = passes(scorer)
    alone = together([scorer.score([each]) for each in encoded])
    assert same(alone, scorer.score(encoded))
    backwards = scorer.score(encoded[::-1])
    assert same(alone, Opinions(*(column[::-1] for column in backwards)))
    for budget in (1, 64, 100_000):
        assert same(alone, score_encoded(scorer, encoded, budget))
    assert same(Opinions(*(column[: len(TEXTS)] for column in alone)), score_all(scorer, TEXTS, 64))
    assert encoded == [
        *(e for t in TEXTS for e in scorer.encode([t])),
        *(e for p in PAIRS for e in scorer.encode_pairs([p])),
    ]


@pytest.mark.parametrize("copies", [2, 3, 7, 33])
def test_neighbours_of_the_same_length_change_nothing(scorer: Scorer, copies: int) -> None:
    encoded = scorer.encode(["Profit falls at Acme", "Profit rises at Beta", "Bank beats the forecast again"])
    alone = scorer.score(encoded[:1])
    first = encoded[0]
    ones = (0, *(1,) * (len(first) - 1))
    filler = [replace(first, token_ids=first.token_ids[::-1], type_ids=ones, task="entity", language="zh")] * copies
    for at in (0, copies // 2, copies):
        found = scorer.score([*filler[:at], first, *filler[at:], *encoded[1:]])
        assert same(alone, Opinions(*(column[at : at + 1] for column in found)))


def test_where_nothing_can_be_said_nothing_is(scorer: Scorer) -> None:
    encoded = [*scorer.encode(["", "   "]), *scorer.encode_pairs([("", "Acme"), ("Acme surges", ""), ("  ", "Acme")])]
    assert not any(map(len, encoded))
    found = scorer.score(encoded)
    for sentiment, topics, confidence, topic_confidence in zip(*found, strict=True):
        assert label_of(sentiment, confidence) == "unsure"
        assert score_of(sentiment) is None
        assert topic_of(topics, scorer.topics, topic_confidence) is None


def test_nothing_in_nothing_out(scorer: Scorer) -> None:
    assert scorer.encode([]) == scorer.encode_pairs([]) == []
    assert scorer.score([]).sentiment.shape == (0, 3)
    assert scorer.score([]).topics.shape == (0, len(scorer.topics))
    assert scorer.words("") == []


def test_five_megabytes_cost_no_more_than_a_long_headline(scorer: Scorer) -> None:
    text = "shares plunge " * 375_000
    encoded = [*scorer.encode([text]), *scorer.encode_pairs([(text, "shares"), ("Shares plunge", text)])]
    assert max(map(len, encoded)) <= 128
    assert scorer.score(encoded).sentiment.shape == (3, 3)
    assert len(scorer.words(text)) <= 128


def test_it_knows_bad_news_from_good(scorer: Scorer) -> None:
    found = score_all(scorer, ["Shares plunge on fraud losses", "Profit beats forecast, shares surge"], 64)
    assert label_of(found.sentiment[0], found.confidence[0]) == "negative"
    assert label_of(found.sentiment[1], found.confidence[1]) == "positive"
    assert topic_of(found.topics[1], scorer.topics, found.topic_confidence[1]) == "earnings"


def test_one_headline_is_good_for_one_company_and_bad_for_the_other(scorer: Scorer) -> None:
    acme, beta = score_encoded(scorer, scorer.encode_pairs(PAIRS[:2]), 64).sentiment
    assert label_of(acme, 0.5) == "negative"
    assert label_of(beta, 0.5) == "positive"


def test_a_company_pass_says_nothing_of_the_topic(scorer: Scorer) -> None:
    found = scorer.score(scorer.encode_pairs(PAIRS[:1]))
    assert len(set(found.topics[0])) == 1
    assert topic_of(found.topics[0], scorer.topics, found.topic_confidence[0]) is None


@pytest.mark.parametrize("text", TEXTS)
def test_words_are_spans_of_the_text_in_order(scorer: Scorer, text: str) -> None:
    spans = scorer.words(text)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert all(before[1] <= after[0] for before, after in zip(spans, spans[1:], strict=False))
    assert all(not any(map(str.isspace, text[start:end])) for start, end in spans)


@pytest.mark.parametrize("text", TEXTS)
def test_an_explanation_is_bounded_and_always_the_same(scorer: Scorer, text: str) -> None:
    words = explain(scorer, text)
    assert len(words) <= WORDS_MAX
    assert words == explain(scorer, text)
    assert all(text[word.start : word.end] == word.word for word in words)
    assert [abs(word.share) for word in words] == sorted((abs(word.share) for word in words), reverse=True)


def test_the_words_that_carried_the_score_are_named_first(scorer: Scorer) -> None:
    text = "The company says on Tuesday that shares plunge"
    (word,) = explain(scorer, text, top=1)
    assert word.word == "plunge" and word.share < 0
    whole, rest = score_all(scorer, [text, without(text, [word.span])], 64).sentiment
    assert (score_of(whole) or 0.0) - (score_of(rest) or 0.0) == word.share


def test_towards_a_company_the_words_beside_it_count(scorer: Scorer) -> None:
    text = "Acme plunges on the news, and on the same day Beta surges"
    assert explain(scorer, text, "Acme", top=1)[0].word == "plunges"
    assert explain(scorer, text, "Beta", top=1)[0].word == "surges"
    assert "Acme" not in [word.word for word in explain(scorer, text, "Acme")]
