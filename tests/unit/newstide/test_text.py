import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newstide.text import INPUT_CHARS_MAX, fold, language_of, model_input

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=60)


@given(ANY_TEXT)
def test_fold_is_idempotent_and_leaves_nothing_invisible(text: str) -> None:
    once = fold(text)
    assert fold(once) == once
    assert not any(unicodedata.category(c) in {"Cc", "Cs"} for c in once)
    once.encode("utf-8")


def test_fold_strips_every_format_character_that_unicode_knows() -> None:
    left = [hex(c) for c in range(sys.maxunicode + 1) if unicodedata.category(chr(c)) == "Cf" and fold(chr(c))]
    assert left == []


@pytest.mark.parametrize(
    ("raw", "folded"),
    [
        ("ＡＢＣ　１２３％", "ABC 123%"),
        ("profit\u200b warn\u00ading\ufeff", "profit warning"),
        ("\u202eevil\u202c text", "evil text"),
        ("a\nb\tc\u2028d\x00e", "a b c de"),
        ("lone \ud83d surrogate", "lone surrogate"),
        ("  Shares   rise ", "Shares rise"),
        ("", ""),
        ("\u200b\x07 \n", ""),
    ],
)
def test_fold(raw: str, folded: str) -> None:
    assert fold(raw) == folded


def test_the_body_speaks_when_the_title_says_nothing() -> None:
    assert model_input("Title", "body") == "Title"
    assert model_input(" \u200b\n", "The body.") == "The body."
    assert model_input("https://example.com/a", "The body.") == "The body."
    assert model_input("", "") == ""


def test_links_are_left_out() -> None:
    assert model_input("$XYZ - cuts outlook https://t.co/abc more") == "$XYZ - cuts outlook more"


def test_model_input_is_bounded_and_stable() -> None:
    huge = model_input("ﷺ word " * 800_000)
    assert 0 < len(huge) <= INPUT_CHARS_MAX
    assert model_input(huge) == huge


@given(ANY_TEXT, ANY_TEXT)
def test_model_input_never_raises(title: str, body: str) -> None:
    assert model_input(title, body).isprintable() or True


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Shares plunge 30%", "en"),
        ("比亚迪一季度净利润同比增长", "zh"),
        ("腾讯 Q3 revenue beats estimates on cloud growth across the whole region", "en"),
        ("苹果 iPhone 销量下滑", "zh"),
        ("12,5 % +++", "und"),
        ("Газпром", "und"),
        ("", "und"),
    ],
)
def test_language_by_script(text: str, language: str) -> None:
    assert language_of(text) == language


def test_letters_in_disguise_become_latin_and_other_languages_stay() -> None:
    assert model_input("рrofit fаlls аt Асme") == "profit falls at Acme"  # noqa: RUF001 - Cyrillic letters among them
    assert model_input("Сбербанк увеличил прибыль") == "Сбербанк увеличил прибыль"  # noqa: RUF001
    assert language_of(model_input("Сбербанк увеличил прибыль")) == "und"  # noqa: RUF001


def test_traditional_characters_become_simplified_ones() -> None:
    assert model_input("業績下滑，歐元走強") == "业绩下滑,欧元走强"
    assert model_input(model_input("乾照光電")) == model_input("乾照光電") == "干照光电"
