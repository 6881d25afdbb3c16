"""Explanation: which words are left out, and that the ones it names are the ones that count."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newstide.scoring.batching import score_all
from newstide.scoring.explain import WORDS_MAX, explain, without
from newstide.scoring.port import Encoded, score_of
from newstide.scoring.stub import StubScorer

SCORER = StubScorer()
HEADLINES = [
    "Shares of the bank plunge after the auditor resigns and the board says it knew of the fraud",
    "Record profit at the chip maker beats every estimate as demand from abroad rises for a third year",
    "The retailer cuts its outlook for the year and expects a loss in the autumn quarter",
    "公司预计全年净利润大幅上涨并且将会提高分红",
    "受原料价格影响该公司三季度再次出现亏损股价大跌",
]


def score(text: str) -> float:
    return score_of(score_all(SCORER, [text], 1_024).sentiment[0]) or 0.0


@pytest.mark.parametrize(
    ("text", "spans", "left"),
    [
        ("Shares plunge 30%", [], "Shares plunge 30%"),
        ("Shares plunge 30%", [(7, 13)], "Shares 30%"),
        ("Shares plunge 30%", [(14, 16), (0, 6)], "plunge %"),
        ("Shares", [(0, 6)], ""),
        ("abcdef", [(1, 4), (2, 5)], "a f"),
        ("A涨B", [(1, 2)], "A B"),
        ("", [], ""),
    ],
)
def test_without(text: str, spans: Sequence[tuple[int, int]], left: str) -> None:
    assert without(text, spans) == left


@given(st.text(max_size=40), st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=6))
def test_without_never_adds(text: str, spans: list[tuple[int, int]]) -> None:
    left = without(text, [(min(span), max(span)) for span in spans])
    assert len(left.replace(" ", "")) <= len("".join(text.split()))


def test_the_words_named_move_the_score_more_than_others_do() -> None:
    """The deletion test."""
    chance = random.Random(11)  # noqa: S311 - no secret
    named, others = 0.0, 0.0
    for text in HEADLINES:
        top = [word.span for word in explain(SCORER, text, top=2)]
        rest = [span for span in SCORER.words(text) if span not in top]
        named += abs(score(text) - score(without(text, top)))
        others += sum(abs(score(text) - score(without(text, chance.sample(rest, 2)))) for _ in range(5)) / 5
    assert named > 3 * others


def test_of_a_long_text_neighbours_are_left_out_together_and_all_of_it_is_looked_at() -> None:
    text = "calm " * 99 + "plunge"
    words = explain(SCORER, text)
    assert len(words) == 50 <= WORDS_MAX
    assert words[0].word == "calm plunge" and words[0].end == len(text)
    assert sorted(span for word in words for span in [word.span])[0][0] == 0


def test_a_group_of_words_never_spans_the_name() -> None:
    text = "calm Acme " * 60 + "plunge"
    words = explain(SCORER, text, "Acme")
    assert len(words) <= WORDS_MAX
    assert not any("Acme" in word.word for word in words)


def test_nothing_is_explained_where_there_is_no_opinion() -> None:
    assert explain(SCORER, "") == explain(SCORER, "...") == explain(SCORER, "\U0001f680") == []
    assert explain(SCORER, "", "Acme") == []


def test_signs_are_no_words() -> None:
    assert {word.word for word in explain(SCORER, "Profit (net): 30% -- ¥5!")} == {"Profit", "net", "30", "5"}


def test_the_only_word_carries_the_whole_score() -> None:
    (word,) = explain(SCORER, "plunge!")
    assert word.share == score("plunge!") < 0


def test_it_runs_in_batches() -> None:
    calls: list[int] = []

    class Counting(StubScorer):
        def encode(self, texts: Sequence[str]) -> list[Encoded]:
            calls.append(len(texts))
            return super().encode(texts)

    explain(Counting(), HEADLINES[0])
    assert calls == [1 + len(SCORER.words(HEADLINES[0]))]
