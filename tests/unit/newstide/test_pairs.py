"""A story and a name as one input: what is marked as the company."""

import pytest

from newstide.scoring.pairs import NAME_CHARS_MAX, encode, mentions
from tests.tiny_artifact import make_tokenizer


@pytest.mark.parametrize(
    ("story", "name", "found"),
    [
        ("Acme surges, ACME says", "acme", [(0, 4), (13, 17)]),
        ("Singapore gap: Gap falls", "Gap", [(10, 13), (15, 18)]),
        ("AT&T-backed; AT&T", "AT&T", [(0, 4), (13, 17)]),
        ("中国平安与平安银行", "平安", [(2, 4), (5, 7)]),
        ("Acme公司大涨", "Acme", [(0, 4)]),
        ("Acme", "", []),
        ("", "Acme", []),
        ("İstanbul Acme", "Acme", []),  # its lower case is longer, and spans would point elsewhere
    ],
)
def test_mentions(story: str, name: str, found: list[tuple[int, int]]) -> None:
    assert mentions(story, name) == found


def test_types_are_one_on_every_piece_of_the_name() -> None:
    ((ids, types),) = encode(make_tokenizer(), [("Zq rises", "Zq")])
    assert types == (0, 1, 1, 0, 0, 1, 1, 1), "[CLS] z ##q rises [SEP] z ##q [SEP]"
    assert ids[1:3] == ids[5:7]


def test_a_long_name_is_cut() -> None:
    ((ids, _),) = encode(make_tokenizer(), [("Acme", "x" * 500)])
    assert len(ids) == 3 + 1 + NAME_CHARS_MAX


def test_a_name_without_room_for_its_story_is_cut_further_and_its_neighbours_are_untouched() -> None:
    tokenizer = make_tokenizer()
    tokenizer.enable_truncation(max_length=16, strategy="only_first")
    pairs = [("Acme falls", "Acme"), ("Acme falls", "a b " * 16), ("Beta rises on the day", "Beta")]
    found = encode(tokenizer, pairs)
    assert all(len(ids) == len(types) <= 16 for ids, types in found)
    assert [found[0], found[2]] == encode(tokenizer, [pairs[0], pairs[2]])
