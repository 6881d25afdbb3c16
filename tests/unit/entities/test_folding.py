"""Folding for names: the same place for every character, whatever the text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newstide.entities.folding import fold, fold_name


@pytest.mark.parametrize(
    ("raw", "folded"),
    [
        ("Apple's “New” iPhone", "apple's  new  iphone"),
        ("Coca-Cola (NYSE: KO)", "coca cola  nyse  ko "),
        ("Nestlé ＡＢＣ 騰訊", "nestle abc 腾讯"),
        ("McDonald’s", "mcdonald's"),
        ("Ap\u200bple", "apple"),
        ("Теsla", "tesla"),
        ("", ""),
    ],
)
def test_one_spelling(raw: str, folded: str) -> None:
    assert fold(raw).text == folded


@given(st.text(max_size=80))
def test_every_place_leads_back(raw: str) -> None:
    found = fold(raw)
    places = [found.at(i) for i in range(len(found.text) + 1)]
    assert places == sorted(places)
    assert places[-1] == len(raw)
    assert all(0 <= place <= len(raw) for place in places)


@given(st.text(max_size=40))
def test_a_folded_name_is_found_in_a_folded_text(name: str) -> None:
    assert fold_name(name) in fold(f"x {' '.join(name.split())} y").text


def test_a_span_covers_what_was_invisible_inside_it() -> None:
    text = "Buy Te\u200bsla now"
    found = fold(text)
    start = found.text.index("tesla")
    assert text[found.at(start) : found.at(start + 5)] == "Te\u200bsla"
