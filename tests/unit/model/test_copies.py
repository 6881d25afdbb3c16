"""How often a run reads what: by source, by questions about companies, by those of texts in which companies differ."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model import copies
from model.examples import Example, one_hot
from newstide.errors import UsageError

STORY = Example("Acme rises, Borealis falls", "en", "sentfin", sentiment=one_hot(1))
RISES = Example(STORY.text, "en", "sentfin", "Acme", one_hot(2))
FALLS = Example(STORY.text, "en", "sentfin", "Borealis", one_hot(0))
ALONE = Example("Cirrus wins", "en", "sentfin", "Cirrus", one_hot(2))
TWEET = Example("$ACME up", "en", "tfns", sentiment=one_hot(2))
TOPIC = Example("央行降准", "zh", "finnl")
ALL = [STORY, RISES, FALLS, ALONE, TWEET, TOPIC]


def counts(*given: str) -> list[int]:
    found = copies.drawn(ALL, copies.read(given), seed=3)
    return [sum(each is example for each in found) for example in ALL]


def test_what_is_not_named_is_read_once_and_in_order() -> None:
    assert copies.drawn(ALL, {}, seed=3) == ALL
    assert counts("tfns:2") == [1, 1, 1, 1, 2, 1]


def test_the_most_particular_name_counts() -> None:
    assert counts("sentfin/contested:4", "sentfin/entity:3", "sentfin:2", "rest:0") == [2, 4, 4, 3, 0, 0]
    assert counts("sentfin/entity:0", "rest:2") == [2, 0, 0, 0, 2, 2]


def test_a_part_of_a_copy_is_a_seeded_draw() -> None:
    many = [Example(f"text {i}", "en", "own", sentiment=one_hot(1)) for i in range(2_000)]
    some = copies.drawn(many, {"own": 1.25}, seed=3)
    assert 2_400 < len(some) < 2_600 and set(map(id, some)) == set(map(id, many))
    assert some == copies.drawn(many, {"own": 1.25}, seed=3) != copies.drawn(many, {"own": 1.25}, seed=4)


@pytest.mark.parametrize("wrong", ["tfns", "tfns:", ":2", "tfns:often", "own/story:2", "own:-1", "own:21", "own:nan"])
def test_what_says_nothing_is_refused(wrong: str) -> None:
    with pytest.raises(UsageError, match="how often a source is read"):
        copies.read([wrong])


def test_a_source_that_is_none_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(UsageError, match="'tnfs' is no source") as caught:
        copies.drawn(ALL, {"tnfs": 2.0}, seed=3)
    assert "sentfin, tfns" in str(caught.value.fix)


@given(st.lists(st.text(max_size=12), max_size=4))
def test_any_text_is_read_or_refused(given_: list[str]) -> None:
    try:
        found = copies.read(given_)
    except UsageError:
        return
    assert all(0 <= times <= copies.COPIES_MAX for times in found.values())
