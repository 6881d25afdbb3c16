"""Labels from people: what a line means, which of several holds, and what is asked about next."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newstide.labelling import (
    LINE_BYTES_MAX,
    Candidate,
    Given,
    Judgement,
    Key,
    NotALabel,
    Opinion,
    StoryText,
    Why,
    judge,
    questions,
    read_line,
    settle,
    text_hash_of,
    write_line,
)
from newstide.messages import Label

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
BY_ANN = Given("ann", NOON)


def judged(line: str, story: StoryText | None = None) -> Judgement:
    return judge(read_line(line.encode()), story, BY_ANN)


# --- lines ----------------------------------------------------------------------------------------------------------


def test_a_line_becomes_a_judgement_in_the_form_that_the_model_reads() -> None:
    found = judged('{"text": " Ａcme\\tfalls\\u200b ", "label": "negative", "entity": "Ａcme", "note": "why\\nnot"}')
    assert (found.text, found.entity, found.note, found.language) == ("Acme falls", "Acme", "why not", "en")
    assert (found.annotator, found.created_at, found.topic) == ("ann", NOON, None)
    assert found.text_hash == text_hash_of("Acme falls")


def test_a_story_lends_its_text_and_the_version_that_is_corrected() -> None:
    story = StoryText("Acme falls", "m-1")
    found = judged('{"story_id": "s1", "topic": "market_move"}', story)
    assert (found.story_id, found.text, found.model_version, found.sentiment) == ("s1", "Acme falls", "m-1", None)
    own = judged('{"story_id": "s1", "text": "Acme rises", "label": "positive", "model": "m-0"}', story)
    assert (own.text, own.model_version) == ("Acme rises", "m-0")


def test_what_is_written_is_read_back_as_it_was() -> None:
    found = judged('{"story_id": "s", "text": "净利润增长", "label": "positive", "topic": "earnings", "model": "m"}')
    assert judge(read_line(write_line(found)), None, Given("bo", NOON + timedelta(days=1))) == found


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("", "truncated"),
        ("no json", "malformed"),
        ("[]", "object"),
        ("[" * 100_000, "longer"),
        ("[" * 10_000, "array"),
        ('{"text": "a", "label": "good"}', "label"),
        ('{"text": "a", "label": "unsure"}', "label"),
        ('{"text": "a", "topic": "weather"}', "weather"),
        ('{"text": "a"}', "neither `label` nor `topic`"),
        ('{"label": "neutral"}', "neither `story_id` nor `text`"),
        ('{"text": "a", "label": "neutral", "entiy": "A"}', "entiy"),
        ('{"text": "a", "label": "neutral", "annotator": ""}', "annotator"),
        ('{"text": "a", "label": "neutral", "created_at": "2026-03-02T12:00:00"}', "created_at"),
        ('{"text": "a", "label": "neutral", "created_at": "2026-03-02T12:00:01Z"}', "not come yet"),
        ('{"text": "a", "label": "neutral", "created_at": "0001-01-01T00:00:00+14:00"}', "never was"),
        ('{"text": " \\u200b", "label": "neutral"}', "nothing to read in `text`"),
        ('{"text": "a", "entity": " ", "label": "neutral"}', "nothing to read in `entity`"),
        ('{"story_id": "absent", "label": "neutral"}', "no story absent"),
        ('{"story_id": "a\\u0000b", "label": "neutral"}', "NUL"),
        ('{"text": "\\ud800", "label": "neutral"}', "surrogate"),
        ('{"text": "' + "x" * LINE_BYTES_MAX + '", "label": "neutral"}', "longer"),
    ],
)
def test_a_line_that_is_no_label_says_why(line: str, why: str) -> None:
    with pytest.raises(NotALabel, match=why):
        judged(line)


# --- which one holds ------------------------------------------------------------------------------------------------


def said(text: str = "a", sentiment: str | None = None, topic: str | None = None, *, at: int = 0) -> Judgement:
    fields = f'"text": "{text}", "label": "neutral"'
    made = judged("{" + fields + "}")
    return replace(made, sentiment=sentiment, topic=topic, created_at=NOON + timedelta(seconds=at))  # type: ignore[arg-type]


def by_key(*judgements: Judgement) -> dict[Key, Judgement]:
    return {each.key: each for each in judgements}


def test_the_last_word_holds_and_what_it_leaves_open_stays() -> None:
    (first,) = settle({}, [said(sentiment="negative"), said(topic="earnings", at=1)])
    assert (first.sentiment, first.topic) == ("negative", "earnings")
    (second,) = settle(by_key(first), [said(sentiment="positive", at=2)])
    assert (second.sentiment, second.topic) == ("positive", "earnings")


def test_what_is_known_or_older_adds_nothing() -> None:
    known = said(sentiment="negative", at=5)
    assert settle(by_key(known), [said(sentiment="negative", at=9)]) == []
    assert settle(by_key(known), [said(sentiment="positive", at=4)]) == []
    assert len(settle(by_key(known), [said(sentiment="positive", at=5)])) == 1


def test_people_texts_and_companies_do_not_overrule_each_other() -> None:
    one = said(sentiment="negative")
    others = [replace(one, annotator="bo"), replace(one, entity="Acme"), said("b", "negative")]
    assert len(settle(by_key(one), [replace(each, sentiment="positive") for each in others])) == 3


SAID = st.builds(
    said,
    st.sampled_from(["a", "b"]),
    st.sampled_from([None, "negative", "positive"]),
    st.sampled_from([None, "earnings", "legal"]),
    at=st.integers(0, 3),
)


@given(st.lists(SAID, max_size=8), st.lists(SAID, max_size=8))
def test_taking_in_the_same_again_adds_nothing(before: list[Judgement], lines: list[Judgement]) -> None:
    standing = by_key(*settle({}, before))
    standing |= by_key(*settle(standing, lines))
    assert settle(standing, lines) == []


# --- what is asked next ---------------------------------------------------------------------------------------------


def candidate(text: str, *rows: tuple[float, float, float], unsure: float = 0.5) -> Candidate:
    def label(row: tuple[float, float, float]) -> Label:
        names: tuple[Label, ...] = ("negative", "neutral", "positive")
        return names[row.index(max(row))] if max(row) >= unsure else "unsure"

    opinions = tuple(Opinion(f"m-{n}", row, label(row)) for n, row in enumerate(rows))
    return Candidate(f"id of {text}", text, opinions)


SURE, LESS_SURE, UNSURE = (0.9, 0.05, 0.05), (0.6, 0.2, 0.2), (0.45, 0.3, 0.25)
OTHER_WAY = (0.05, 0.05, 0.9)
NOTHING = (1 / 3, 1 / 3, 1 / 3)


def asked(*candidates: Candidate, labelled: set[str] | None = None, count: int = 10, seed: int = 0) -> list[str]:
    return [question.candidate.text for question in questions(candidates, labelled or set(), count, seed)]


def test_disagreement_then_unsure_then_entropy_then_what_none_can_read() -> None:
    pool = [
        candidate("unread", NOTHING),
        candidate("sure", SURE),
        candidate("less sure", LESS_SURE),
        candidate("unsure", UNSURE),
        candidate("apart", SURE, OTHER_WAY),
        candidate("one reads it", SURE, NOTHING),
    ]
    found = questions(pool, set(), 10)
    assert [(q.candidate.text, q.reason) for q in found] == [
        ("apart", "disagreement"),
        ("unsure", "unsure"),
        ("less sure", "entropy"),
        *((text, "entropy") for text in sorted(("sure", "one reads it"), key=asked(*pool).index)),
        ("unread", "unread"),
    ]
    assert asked(*reversed(pool)) == asked(*pool), "the order of the store does not show"


def test_entropy_is_of_the_mean_and_between_0_and_1() -> None:
    def entropy(*rows: tuple[float, float, float]) -> float:
        return questions([candidate("a", *rows)], set(), 1)[0].entropy

    assert entropy((1.0, 0.0, 0.0)) == 0.0
    assert entropy(NOTHING) == 1.0
    assert entropy((1.0, 0.0, 0.0), (0.0, 0.0, 1.0)) == pytest.approx(math.log(2) / math.log(3))


def test_a_text_is_asked_about_once_and_never_when_it_is_labelled() -> None:
    pool = [replace(candidate("twin", UNSURE), story_id=str(n)) for n in range(5)] + [candidate("alone", SURE)]
    assert asked(*pool) == ["twin", "alone"]
    assert asked(*pool, labelled={text_hash_of("twin")}) == ["alone"]
    assert asked(*pool, count=1) == ["twin"]


def test_the_seed_decides_among_equals_and_nothing_else() -> None:
    pool = [candidate(f"text {n}", SURE) for n in range(30)] + [candidate("unsure", UNSURE)]
    first, again, other = (asked(*pool, count=31, seed=seed) for seed in (1, 1, 2))
    assert first == again != other
    assert sorted(first) == sorted(other) and first[0] == other[0] == "unsure"


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([UNSURE, SURE], "unsure"),
        ([UNSURE, OTHER_WAY], "disagreement"),
        ([NOTHING, OTHER_WAY], "entropy"),
        ([NOTHING, NOTHING], "unread"),
    ],
)
def test_to_lean_apart_is_to_disagree(rows: list[tuple[float, float, float]], why: Why) -> None:
    assert questions([candidate("a", *rows)], set(), 1)[0].reason == why
