"""More texts from those at hand: whatever is changed, the label must still be right."""

import random
import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from model import augment
from model.examples import Example, one_hot
from newstide.messages import Language
from newstide.text import language_of

AMOUNTS = st.lists(st.decimals(min_value=1, max_value=999, places=1), min_size=1, max_size=5)
UNITS = ("%", " million", "亿", "万", " pct")


def draw(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - variety, not a secret


def about(text: str, name: str | None, language: Language = "en") -> Example:
    return Example(text, language, "own", name, one_hot(2))


@given(AMOUNTS, st.integers(0, 10_000), st.sampled_from(UNITS))
def test_amounts_keep_their_order_and_their_form(amounts: list[float], seed: int, unit: str) -> None:
    text = ", ".join(f"from {amount}{unit}" for amount in amounts)
    changed = augment.with_numbers(text, draw(seed))
    number = re.compile(r"\d+\.\d")
    before, after = ([float(found) for found in number.findall(each)] for each in (text, changed))
    assert number.sub("", changed) == number.sub("", text) and len(after) == len(before)
    for i, one in enumerate(before):
        for k, other in enumerate(before):
            assert (one < other) == (after[i] < after[k])
            assert not (one < other) or after[i] / after[k] == pytest.approx(one / other, abs=0.2)


@given(st.integers(0, 10_000))
def test_a_fall_from_8_to_5_stays_one(seed: int) -> None:
    changed = augment.with_numbers("Margin at 5% after 8% a year ago", draw(seed))
    now, before = map(int, re.findall(r"\d+", changed))
    assert now < before


@pytest.mark.parametrize(
    "text",
    [
        "Results for 2024",
        "Q3 report",
        "code 600519 up",
        "EPS $1.05 vs $1.12",
        "3M and G7 meet",
        "at 10:30 on 5 May",
        "v1.2.3%",
    ],
)
def test_what_is_no_amount_stays(text: str) -> None:
    assert all(augment.with_numbers(text, draw(seed)) == text for seed in range(20))


def senses(text: str) -> list[int]:
    """The lines of the table that the words of a text are in, in order."""
    line = {word: i for i, group in enumerate(augment._SYNONYMS) for word in group}
    found = [*augment._LATIN.finditer(text), *augment._HAN.finditer(text)]
    return [line[each[0]] for each in sorted(found, key=lambda each: each.start())]


@given(st.integers(0, 10_000))
def test_words_are_swapped_for_words_of_the_same_sense(seed: int) -> None:
    text = "Acme shares jumped as quarterly profit beats forecasts; 公司股价大涨，净利润同比增长"
    changed = augment.with_synonyms(text, draw(seed))
    assert senses(changed) == senses(text) and len(senses(text)) == 9


def test_no_word_stands_in_two_lines_or_in_both_senses() -> None:
    words = [word for group in augment._SYNONYMS for word in group]
    assert len(words) == len(set(words))
    assert all(len(group) > 1 and len({language_of(word) for word in group}) == 1 for group in augment._SYNONYMS)
    up, down = {"rises", "rose", "上涨", "增长", "大涨"}, {"falls", "fell", "下跌", "下滑", "大跌"}
    assert not any(up & set(group) and down & set(group) for group in augment._SYNONYMS)


def test_a_part_of_a_word_is_no_word() -> None:
    for seed in range(30):
        assert augment.with_synonyms("enterprises stockings profitable", draw(seed)) == (
            "enterprises stockings profitable"
        )


def test_names_are_swapped_in_text_and_entity() -> None:
    changed = augment.swap_name(about("Acme wins, says Acme", "Acme"), "Beta")
    assert (changed.text, changed.entity, changed.sentiment) == ("Beta wins, says Beta", "Beta", one_hot(2))
    for example, name in (
        (about("Acme beats Beta", "Acme"), "Beta"),  # would be one company against itself
        (about("The firm wins", "Acme"), "Beta"),
        (about("Acme wins", None), "Beta"),
    ):
        assert augment.swap_name(example, name) == example


def test_a_name_inside_another_word_stays() -> None:
    example = about("Gap reopens a Gapless shop", "Gap")
    assert augment.swap_name(example, "Acme").text == "Acme reopens a Gapless shop"
    assert augment.swap_name(about("Singapore likes it", "gap"), "Acme").text == "Singapore likes it"


def test_names_come_from_the_same_language() -> None:
    examples = [about("Acme wins", "Acme"), about("Beta wins", "Beta"), about("甲公司上涨", "甲公司", "zh")]
    found = [new for seed in range(20) for new in augment.augmented(examples, ("names",), seed)]
    assert {(example.text, example.entity) for example in found} == {("Beta wins", "Beta"), ("Acme wins", "Acme")}


@given(st.integers(0, 1_000))
def test_copies_are_always_the_same_and_keep_their_labels(seed: int) -> None:
    examples = [
        about("Acme shares rises 5% and profit climbs 12%", "Acme"),
        about("Beta falls 3%", "Beta"),
        about("nothing to change", None),
        about("甲公司净利润同比增长5.5%，股价大涨", "甲公司", "zh"),
        about("增长基金净利润同比增长5.5%", "增长基金", "zh"),
    ]
    one, again = (list(augment.augmented(examples, ("names", "synonyms", "numbers"), seed)) for _ in range(2))
    assert one == again
    assume(one)
    sources = {example.text for example in examples}
    assert all(new.text not in sources and new.sentiment == one_hot(2) and new.source == "own" for new in one)
    assert all(new.entity is None or new.entity in new.text for new in one)


def test_nothing_is_changed_that_was_not_asked_for() -> None:
    examples = [about("Acme rises 5%", "Acme"), about("Beta rises 6%", "Beta")]
    assert list(augment.augmented(examples, (), 1)) == []
    numbers = list(augment.augmented(examples, ("numbers",), 1))
    assert all(new.text.startswith(("Acme rises ", "Beta rises ")) for new in numbers)
