"""What `newstide classify` answers, with a stub model."""

import io
import json
from typing import Any

import pytest

from cli.classify import Asked, Unreadable, _for_people, _lines, answers
from newstide.scoring.stub import StubScorer

SPLIT = "Acme plunges, Beta surges"


def ask(*asked: Asked | Unreadable, explained: bool = False) -> list[dict[str, Any]]:
    return answers(StubScorer(), asked, 64, explained)


def test_a_text_gets_sentiment_and_topic() -> None:
    (answer,) = ask(Asked("Profit beats, shares surge"))
    assert (answer["label"], answer["topic"], answer["topic_group"]) == ("positive", "earnings", "company")
    assert answer["score"] == pytest.approx(answer["p_positive"] - answer["p_negative"], abs=1e-5)
    assert 0.3 <= answer["p_topic"] <= 1
    assert answer["entity"] is None and answer["model"] == StubScorer.version and "words" not in answer


def test_the_sentiment_is_that_towards_the_company_and_the_topic_that_of_the_text() -> None:
    whole, acme, beta = ask(Asked(SPLIT), Asked(SPLIT, "ＡＣＭＥ"), Asked(SPLIT, "Beta"))
    assert [each["label"] for each in (whole, acme, beta)] == ["unsure", "negative", "positive"]
    assert acme["entity"] == "ＡＣＭＥ", "as it was given"
    assert {(each["topic"], each["p_topic"]) for each in (whole, acme, beta)} == {(whole["topic"], whole["p_topic"])}


@pytest.mark.parametrize("asked", [Asked(""), Asked("\u200b \U0001f680"), Asked("", "Acme")])
def test_no_opinion_is_null_and_not_zero(asked: Asked) -> None:
    (answer,) = ask(asked)
    assert answer["label"] == "unsure"
    assert [answer[name] for name in ("score", "topic", "topic_group", "p_topic")] == [None] * 4
    assert "null" in json.dumps(answer)
    assert " - " in _for_people(asked, answer)


@pytest.mark.parametrize("entity", ["", " ", "\u200b"])
def test_a_company_without_a_name_is_none(entity: str) -> None:
    assert ask(Asked(SPLIT, entity)) == ask(Asked(SPLIT))


def test_every_line_has_its_answer_in_its_place() -> None:
    asked: list[Asked | Unreadable] = [
        Unreadable("one"),
        Asked(SPLIT, "Acme"),
        Asked("calm"),
        Unreadable("two"),
        Asked(SPLIT, "Beta"),
        Asked("fall"),
    ]
    found = ask(*asked)
    assert [each.get("error") or each["label"] for each in found] == [
        "one", "negative", "neutral", "two", "positive", "negative",
    ]  # fmt: skip
    assert found == [answer for each in asked for answer in ask(each)], "alone as in company"
    assert ask() == []


def test_an_explanation_names_the_words_and_where_they_stand() -> None:
    (answer,) = ask(Asked("Ｓhares  plunge  on Tuesday"), explained=True)
    assert answer["read"] == "Shares plunge on Tuesday"
    first = answer["words"][0]
    assert set(first) == {"word", "start", "end", "share"}
    assert first["word"] == "plunge" == answer["read"][first["start"] : first["end"]] and first["share"] < 0
    (towards,) = ask(Asked(SPLIT, "Beta"), explained=True)
    assert towards["words"][0]["word"] == "surges"
    assert ask(Asked(""), explained=True)[0]["words"] == []


def test_a_person_reads_the_words_below_the_line() -> None:
    asked = Asked("Shares plunge\x1b[2J")
    (answer,) = ask(asked, explained=True)
    line, words = _for_people(asked, answer).split("\n")
    assert line.startswith("negative") and "market_move" in line and "\x1b" not in line
    assert words.strip().startswith("plunge -")


def test_a_line_is_a_text_or_an_object_with_text_and_entity() -> None:
    lines = [
        "plain",
        '{"text": "a", "entity": "Acme"}',
        '{"text": "b"}',
        '{"text": "c", "entity": null}',
        '{"text": "d", "entity": 7}',
        '{"entity": "Acme"}',
        "{brace",
        "",
    ]
    raw = "\n".join(lines).encode() + b"\n"
    found = list(_lines(io.BytesIO(raw), "Beta"))
    assert [each if isinstance(each, Asked) else "line 5" in each.why or "line 6" in each.why for each in found] == [
        Asked("plain", "Beta"),
        Asked("a", "Acme"),
        Asked("b", "Beta"),
        Asked("c", "Beta"),
        True,
        True,
        Asked("{brace", "Beta"),
        Asked("", "Beta"),
    ]


@pytest.mark.parametrize(
    "cut", ['{"text": "Acme wins', '{"text": "Acme", "entity": }', ' { "text"', "{}", '{"a"' * 99_999]
)
def test_an_object_that_is_none_is_not_taken_for_a_headline(cut: str) -> None:
    found = list(_lines(io.BytesIO(f"{cut}\n{{not}} an object\n".encode()), ""))
    assert isinstance(found[0], Unreadable) and "line 1 cannot be answered" in found[0].why
    assert found[1] == Asked("{not} an object")


def test_the_mark_that_an_editor_left_is_no_part_of_the_first_line() -> None:
    raw = b'\xef\xbb\xbf{"text": "Acme wins", "entity": "Acme"}\n'
    assert list(_lines(io.BytesIO(raw), "")) == [Asked("Acme wins", "Acme")]
    assert list(_lines(io.BytesIO(b"\xef\xbb\xbfplain\n"), "")) == [Asked("plain")]
