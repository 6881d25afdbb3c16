from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newstide.scoring.batching import cut, score_all, score_encoded
from newstide.scoring.port import Encoded, Opinions, label_of, score_of, topic_of
from newstide.scoring.stub import StubScorer


def passes(lengths: Sequence[int]) -> list[Encoded]:
    return [Encoded(tuple(range(n)), (0,) * n, "story", "en") for n in lengths]


@given(st.lists(st.integers(0, 140), max_size=80), st.integers(1, 600))
def test_every_text_once_one_length_a_batch_within_the_budget(lengths: list[int], budget: int) -> None:
    batches = cut(passes(lengths), budget)
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    for batch in batches:
        widths = {lengths[i] for i in batch}
        assert len(widths) == 1
        assert len(batch) == 1 or widths.pop() * len(batch) <= budget


def test_shortest_first_and_equal_lengths_in_order() -> None:
    assert cut(passes((3, 2, 3, 2, 3)), 6) == [[1, 3], [0, 2], [4]]


def test_a_budget_must_be_positive() -> None:
    with pytest.raises(ValueError, match="not positive"):
        cut([], 0)


def test_score_all_keeps_the_input_order() -> None:
    texts = ["shares surge", "", "profit warning, shares plunge after fraud", "calm day"]
    scorer = StubScorer()
    alone = np.concatenate([score_all(scorer, [text], 64).topics for text in texts])
    assert np.array_equal(score_all(scorer, texts, 64).topics, alone)


def test_equal_texts_are_scored_once_and_answered_each() -> None:
    asked: list[int] = []

    class Counting(StubScorer):
        def score(self, batch: Sequence[Encoded]) -> Opinions:
            asked.append(len(batch))
            return super().score(batch)

    texts = ["shares surge", "shares plunge", "shares surge", "", "shares surge"]
    found = score_all(Counting(), texts, 64)
    assert sum(asked) == 3
    assert np.array_equal(found.sentiment, np.concatenate([score_all(StubScorer(), [t], 64).sentiment for t in texts]))


def test_stories_and_companies_may_share_a_batch() -> None:
    scorer = StubScorer()
    encoded = [*scorer.encode(["Acme falls"]), *scorer.encode_pairs([("Acme falls", "Acme"), ("Acme falls", "Beta")])]
    found = score_encoded(scorer, encoded, 64)
    assert [label_of(*row) for row in zip(found.sentiment, found.confidence, strict=True)] == [
        "negative",
        "negative",
        "neutral",
    ]


@pytest.mark.parametrize(
    ("probabilities", "label"),
    [
        ((0.7, 0.2, 0.1), "negative"),
        ((0.1, 0.6, 0.3), "neutral"),
        ((0.0, 0.0, 1.0), "positive"),
        ((0.45, 0.3, 0.25), "unsure"),
        ((1 / 3, 1 / 3, 1 / 3), "unsure"),
        ((0.5, 0.0, 0.5), "unsure"),
    ],
)
def test_label_of(probabilities: Sequence[float], label: str) -> None:
    assert label_of(probabilities, 0.5) == label


def test_equal_probabilities_are_unsure_even_without_a_threshold() -> None:
    assert label_of((1 / 3, 1 / 3, 1 / 3), 0.0) == "unsure"


def test_score_of() -> None:
    assert score_of((0.25, 0.25, 0.5)) == 0.25
    assert score_of((0.25, 0.5, 0.25)) == 0.0
    assert score_of((1 / 3, 1 / 3, 1 / 3)) is None, "no opinion is no score"


@pytest.mark.parametrize(
    ("probabilities", "topic"), [((0.2, 0.7, 0.1), "b"), ((0.3, 0.35, 0.35), None), ((0.35, 0.4, 0.25), None)]
)
def test_topic_of(probabilities: Sequence[float], topic: str | None) -> None:
    assert topic_of(probabilities, ("a", "b", "c"), 0.5) == topic
    assert topic_of((0.4, 0.4, 0.2), ("a", "b", "c"), 0.0) is None, "two are as likely"
