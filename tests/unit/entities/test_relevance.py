"""The relevance formula: by hand, and that it falls where it should."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newstide.entities.relevance import is_round_up, relevances

TITLE = "x" * 100


def test_by_hand() -> None:
    assert relevances([("a", True, 0)], TITLE) == {"a": 1.0}
    assert relevances([("a", True, 50)], TITLE) == {"a": pytest.approx(0.6 * 0.8 + 0.4)}
    assert relevances([("a", False, 0)], TITLE) == {"a": pytest.approx(0.6 * 0.4 + 0.4)}
    assert relevances([("a", False, 5_000)], TITLE) == {"a": pytest.approx(0.6 * 0.05 + 0.4)}
    both = relevances([("a", True, 0), ("b", False, 0)], TITLE)
    assert both == {"a": pytest.approx(0.6 + 0.4 * 3 / 4), "b": pytest.approx(0.6 * 0.4 + 0.4 / 4)}
    assert relevances([], TITLE) == {}


def test_of_many_each_is_less_and_the_first_keeps_its_lead() -> None:
    places = [(name, True, 10 * n) for n, name in enumerate("abcdef")]
    found = relevances(places, TITLE)
    assert list(found.values()) == sorted(found.values(), reverse=True)
    assert found["a"] > 2 * found["b"] - 0.4
    alone = relevances(places[1:2], TITLE)
    assert found["b"] < alone["b"] / 2


def test_a_round_up_is_about_nobody() -> None:
    title = "Stocks to watch: Acme, Borealis"
    assert is_round_up(title) and is_round_up("晚间公告一览") and not is_round_up("Acme profit rises")
    assert max(relevances([("a", True, 17), ("b", True, 23)], title).values()) <= 0.3


@given(
    st.lists(st.tuples(st.sampled_from("abcdefgh"), st.booleans(), st.integers(0, 5_000)), min_size=1, max_size=20),
)
def test_bounds_and_order(places: list[tuple[str, bool, int]]) -> None:
    places = [(name, in_title, start % 100 if in_title else start) for name, in_title, start in places]
    found = relevances(places, TITLE)
    assert all(0 < value <= 1 for value in found.values())
    assert relevances(places[::-1], TITLE) == found


@given(st.integers(0, 99), st.integers(0, 99))
def test_earlier_in_the_title_is_never_less(one: int, other: int) -> None:
    early, late = sorted((one, other))
    assert relevances([("a", True, early)], TITLE)["a"] >= relevances([("a", True, late)], TITLE)["a"]
