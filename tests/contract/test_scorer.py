"""What every scorer promises; the stub and the real one stand under the same tests."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from newstide.messages import SENTIMENTS
from newstide.scoring import onnx
from newstide.scoring.batching import score_all
from newstide.scoring.port import Encoded, Scorer, label_of
from newstide.scoring.stub import StubScorer

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


@pytest.fixture(scope="module", params=["stub", "onnx", "onnx-two-threads"])
def scorer(request: pytest.FixtureRequest) -> Scorer:
    if request.param == "stub":
        return StubScorer()
    return onnx.load(ROOT / "artifacts", "cpu", threads=2 if "two" in request.param else 1)


def test_rows_are_probabilities(scorer: Scorer) -> None:
    rows = scorer.score(scorer.encode(TEXTS))
    assert rows.dtype == np.float32
    assert rows.shape == (len(TEXTS), 3)
    assert ((rows >= 0) & (rows <= 1)).all()
    assert rows.sum(axis=1) == pytest.approx(1.0, abs=1e-6)


def test_it_says_what_it_is(scorer: Scorer) -> None:
    assert scorer.version
    assert len(scorer.tokenizer_hash) == 64
    assert tuple(scorer.labels) == SENTIMENTS


def test_same_text_same_answer_to_the_last_bit(scorer: Scorer) -> None:
    alone = np.concatenate([scorer.score(scorer.encode([text])) for text in TEXTS])
    together = scorer.score(scorer.encode(TEXTS))
    assert np.array_equal(alone, together)
    backwards = scorer.score(scorer.encode(TEXTS[::-1]))[::-1]
    assert np.array_equal(alone, backwards)
    for budget in (1, 64, 100_000):
        assert np.array_equal(alone, score_all(scorer, TEXTS, budget))


@pytest.mark.parametrize("copies", [2, 3, 7, 33])
def test_neighbours_of_the_same_length_change_nothing(scorer: Scorer, copies: int) -> None:
    encoded = scorer.encode(["Profit falls at Acme", "Profit rises at Beta", "Bank beats the forecast again"])
    alone = scorer.score(encoded[:1])[0]
    filler: Sequence[Encoded] = [Encoded(tuple(reversed(encoded[0].token_ids)))] * copies
    for at in (0, copies // 2, copies):
        rows = scorer.score([*filler[:at], encoded[0], *filler[at:], *encoded[1:]])
        assert np.array_equal(rows[at], alone)


def test_an_empty_text_is_unsure(scorer: Scorer) -> None:
    (row,) = scorer.score(scorer.encode([""]))
    assert label_of(row, scorer.thresholds) == "unsure"
    assert label_of(scorer.score(scorer.encode(["   "]))[0], scorer.thresholds) == "unsure"


def test_nothing_in_nothing_out(scorer: Scorer) -> None:
    assert scorer.encode([]) == []
    assert scorer.score([]).shape == (0, 3)


def test_five_megabytes_cost_no_more_than_a_long_headline(scorer: Scorer) -> None:
    (encoded,) = scorer.encode(["shares plunge " * 375_000])
    assert len(encoded) <= 128
    assert scorer.score([encoded]).shape == (1, 3)


def test_it_knows_bad_news_from_good(scorer: Scorer) -> None:
    rows = score_all(scorer, ["Shares plunge on fraud losses", "Profit beats forecast, shares surge"], 64)
    assert label_of(rows[0], scorer.thresholds) == "negative"
    assert label_of(rows[1], scorer.thresholds) == "positive"
