from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newstide.artifact import Thresholds
from newstide.scoring.batching import cut, score_all
from newstide.scoring.port import Encoded, label_of, score_of
from newstide.scoring.stub import StubScorer


@given(st.lists(st.integers(0, 140), max_size=80), st.integers(1, 600))
def test_every_text_once_one_length_a_batch_within_the_budget(lengths: list[int], budget: int) -> None:
    encoded = [Encoded(tuple(range(n))) for n in lengths]
    batches = cut(encoded, budget)
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    for batch in batches:
        widths = {lengths[i] for i in batch}
        assert len(widths) == 1
        assert len(batch) == 1 or widths.pop() * len(batch) <= budget


def test_shortest_first_and_equal_lengths_in_order() -> None:
    encoded = [Encoded((1,) * n) for n in (3, 2, 3, 2, 3)]
    assert cut(encoded, 6) == [[1, 3], [0, 2], [4]]


def test_a_budget_must_be_positive() -> None:
    with pytest.raises(ValueError, match="not positive"):
        cut([], 0)


def test_score_all_keeps_the_input_order() -> None:
    texts = ["shares surge", "", "profit warning, shares plunge after fraud", "calm day"]
    scorer = StubScorer()
    alone = np.concatenate([score_all(scorer, [text], 64) for text in texts])
    assert np.array_equal(score_all(scorer, texts, 64), alone)


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
    assert label_of(probabilities, Thresholds(confidence=0.5)) == label


def test_equal_probabilities_are_unsure_even_without_a_threshold() -> None:
    assert label_of((1 / 3, 1 / 3, 1 / 3), Thresholds(confidence=0.0)) == "unsure"


def test_score_of() -> None:
    assert score_of((0.25, 0.25, 0.5)) == 0.25
