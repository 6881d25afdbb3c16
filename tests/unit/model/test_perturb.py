"""What a perturbation changes, and what it leaves."""

import re
from random import Random

import pytest

from model import perturb
from model.robustness_cases import Marked, cases
from newstide.text import language_of, model_input

TEXTS = [marked for case in cases() for marked in case.texts]
BEATS = "Acme beats estimates", [(5, 10)]
DEFAULT = "合信违约，清盘聆讯3月8日举行", [(2, 4)]


def draw(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - a choice, not a secret


@pytest.mark.parametrize("kind", perturb.FOLDED)
def test_a_change_of_spelling_leaves_the_model_the_same_tokens(kind: str) -> None:
    changed = 0
    for marked in TEXTS:
        other = perturb.FOLDED[kind](marked.text, draw(1))
        before, after = model_input(marked.text), model_input(other)
        assert before == after if kind != "case" else before.lower() == after.lower()
        changed += other != marked.text
    assert changed > 70


def test_spellings_by_example() -> None:
    assert perturb.width("A 5%，好", draw(0)) == "Ａ\u3000５％,好"
    assert perturb.script("业绩", draw(0)) == "業績"
    assert set(perturb.look_alikes("p" * 9, draw(0))) == {"p", "\u03c1"}
    assert "⼈" in perturb.look_alikes("人" * 9, draw(0))
    assert perturb.invisible("Acme" * 9, draw(0)) != "Acme" * 9
    assert perturb.case("straße ACME", draw(0)).casefold() == "strasse acme"


@pytest.mark.parametrize("marked", TEXTS, ids=lambda marked: marked.text[:30])
def test_a_typo_spares_figures_and_the_words_that_carry_the_sense(marked: Marked) -> None:
    for seed in range(20):
        slipped = perturb.typos(marked.text, marked.sense, draw(seed))
        assert slipped != marked.text
        assert abs(len(slipped) - len(marked.text)) <= 2
        assert re.findall(r"\d", slipped) == re.findall(r"\d", marked.text)
        assert all(marked.text[start:end] in slipped for start, end in marked.sense)
        assert language_of(slipped) == language_of(marked.text)


def test_a_typo_is_the_same_for_the_same_seed_and_needs_room() -> None:
    text, sense = DEFAULT
    assert perturb.typos(text, sense, draw(5)) == perturb.typos(text, sense, draw(5))
    assert len({perturb.typos(text, sense, draw(seed)) for seed in range(20)}) > 5
    assert perturb.typos("up 5%", [], draw(5)) == "up 5%"


@pytest.mark.parametrize(
    ("text", "word", "turned"),
    [
        ("Acme beats estimates", "beats", "Acme misses estimates"),
        ("Acme misses estimates", "misses", "Acme beats estimates"),
        ("Sales up 3%", "up", "Sales down 3%"),
        ("Sales rose", "rose", "Sales fell"),
        ("里昂上调评级", "上调", "里昂下调评级"),
        ("业绩超预期", "超预期", "业绩不及预期"),
        ("业绩不及预期", "不及预期", "业绩超预期"),
        ("某某预亏", "预亏", "某某预盈"),
        ("某某扭亏为盈", "扭亏为盈", "某某由盈转亏"),
        ("亏损收窄", "收窄", "亏损扩大"),
        ("Acme wins", "wins", None),
    ],
)
def test_a_direction_is_turned(text: str, word: str, turned: str | None) -> None:
    start = text.index(word)
    assert perturb.reverse(text, [(start, start + len(word))]) == turned


def test_what_carries_the_sense_in_two_places_is_not_turned() -> None:
    text, sense = BEATS
    assert perturb.reverse(text, [*sense, (11, 20)]) is None
    assert perturb.reverse(text, []) is None


def test_good_news_that_did_not_happen() -> None:
    assert perturb.negate("Acme wins a contract", [(5, 9)]) == "Acme fails to win a contract"
    assert perturb.negate("某某中标", [(2, 4)]) == "某某未中标"
    assert perturb.negate(*BEATS) is None


def test_names() -> None:
    assert perturb.swap_name("Acme sues; Acme wins", "Acme", "Oracle") == "Oracle sues; Oracle wins"
    assert perturb.exchange("A.B. beats A.C.", "A.B.", "A.C.") == "A.C. beats A.B."
    for language in ("en", "zh"):
        first = perturb.NAMES[language][0]
        others = perturb.other_names(first, language, 3, draw(2))
        assert len(set(others)) == 3
        assert first not in others
        assert all(model_input(name) == name for name in perturb.NAMES[language])
