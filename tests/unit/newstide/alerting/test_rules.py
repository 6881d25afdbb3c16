"""The language of rules: one text for each rule, errors that point at the word, and nothing hostile kept."""

import string
import time
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newstide.alerting.firing import Severity
from newstide.alerting.lexing import NotARule
from newstide.alerting.reading import parse
from newstide.alerting.rules import (
    COUNTS,
    DURATIONS,
    OF_SYSTEM,
    SHARES,
    WITHOUT_WINDOW,
    BadRule,
    Measure,
    NoData,
    Rule,
    StoryClause,
    Subject,
    SubjectKind,
    WindowClause,
    checked,
)
from newstide.alerting.writing import text_of

EXAMPLES = {
    "AAPL: surprise < -2.5 over 1h, at least 4 stories": None,
    "watchlist big: negative share > 60% until 40% over 6h and volume > 3 over 1d or score < -0.5 over 2h": None,
    "everything: change <= -0.25 over 90m, for 10m, cooldown 1d, no data tell, severity critical": None,
    "贵州茅台：story negative topic earnings text “业绩 预亏” score ＜ -0.8": (
        '贵州茅台: story negative topic earnings text "业绩 预亏" score < -0.8'
    ),
    "Apple Inc: story": '"Apple Inc": story',
    "system: silence > 2h until 30m or lag >= 1e3": "system: silence > 2h until 30m or lag >= 1000",
    'topic mergers: STORY Negative mentions "Goldman Sachs"': 'topic mergers: story negative mentions "Goldman Sachs"',
    "source wire: copies > 20 over 45s": None,
}


@pytest.mark.parametrize("text", EXAMPLES)
def test_what_is_written_is_read_and_written_again(text: str) -> None:
    rule = parse(text)
    assert text_of(rule) == (EXAMPLES[text] or text)
    assert parse(text_of(rule)) == rule
    assert msgspec.json.decode(msgspec.json.encode(rule), type=Rule) == rule


WRONG = {
    "AAPL: surprize < -2.5 over 1h": ("surprize", "did you mean surprise?"),
    "AAPL: score < low over 1h": ("low", "a number"),
    "AAPL: score < -1": ("", "`over`"),
    "AAPL: score = 3 over 1h": ("=", "a word"),
    "AAPL: score < -1 over soon": ("soon", "a length of time"),
    "AAPL: score < -1 over 1h, at least 4 storys": ("storys", "did you mean stories?"),
    "AAPL: score < -1 over 1h, for 1h, for 2h": ("for", "each option once"),
    "AAPL: story negative positive": ("positive", "each condition once"),
    "AAPL: score < -1 over 1h please": ("please", "`and`, `or`"),
    "AAPL score": ("", "`:`"),
    'AAPL: story text "profit': ('"', "a closing quotation mark"),
    "贵州茅台: score < 低 over 1h": ("低", "a number"),
    "": ("", "a company"),
    "AAPL: story,": ("", "an option"),
}


@pytest.mark.parametrize("text", WRONG)
def test_an_error_points_at_the_word(text: str) -> None:
    with pytest.raises(NotARule) as raised:
        parse(text)
    found, expected = WRONG[text]
    error = raised.value
    assert (error.found, error.text[error.at : error.at + len(found)]) == (found, found)
    assert expected in error.expected
    shown, caret = error.pointed.split("\n")
    assert shown and caret.strip("^ ") == "" or not text
    assert caret.endswith("^" * max(1, len(found)))


def test_the_caret_stands_below_wide_characters() -> None:
    with pytest.raises(NotARule) as raised:
        parse("贵州茅台: score < x over 1h")
    assert raised.value.pointed == "贵州茅台: score < x over 1h\n" + " " * 18 + "^"


HOSTILE = {
    "x" * 1_000_000 + ": story": "text",
    "AAPL: story\x1b[31m": "text",
    "AAPL\x00: story": "text",
    "AAPL: story\u202e": "text",
    'AAPL: story text "' + "a" * 201 + '"': "phrase",
    "x" * 65 + ": story": "name",
    "AAPL: story " + "or story " * 16: "any_of",
    "AAPL: score < -1 over 999d": "window_s",
    "AAPL: score < 1e30 over 1h": "threshold",
    "AAPL: score < -0.5 until -0.6 over 1h": "until",
    "AAPL: stories < 2 over 1h": "comparison",
    "AAPL: lag > 2": "measure",
    "system: score < 0 over 1h": "measure",
    "AAPL: story or score < 0 over 1h": "any_of",
    "AAPL: story, for 1h": "for_s",
    "AAPL: story, at least 3 stories": "stories_min",
    "system: lag > 1, at least 3 sources": "subject",
}


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:24].encode("unicode_escape").decode())
def test_what_must_not_be_kept_is_refused_naming_the_field(text: str) -> None:
    begun_s = time.process_time()
    with pytest.raises(BadRule) as raised:
        parse(text)
    assert HOSTILE[text] in raised.value.field
    assert time.process_time() - begun_s < 5, "nothing that is refused may take long"


NAMES = st.text(string.ascii_letters + string.digits + " -._&'贵州茅台é:", min_size=1, max_size=40).map(
    lambda text: " ".join(text.split())
).filter(bool)  # fmt: skip
NUMBERS = st.floats(-1e6, 1e6, allow_nan=False).map(lambda value: value + 0.0)
PHRASES = st.text("abc 业绩é.,:<>'", max_size=30).map(lambda text: " ".join(text.split()))


@st.composite
def windows(draw: st.DrawFn, system: bool) -> WindowClause:
    measure = draw(st.sampled_from(sorted(OF_SYSTEM if system else set(Measure) - OF_SYSTEM)))
    comparison = draw(st.sampled_from([">", ">="] if measure in COUNTS else ["<", "<=", ">", ">="]))
    if measure in SHARES:
        threshold = draw(st.floats(0, 1))
    elif measure in DURATIONS:
        threshold = float(draw(st.integers(0, 2_000_000)))
    else:
        threshold = draw(NUMBERS)
    step = abs(draw(st.sampled_from([0.0, 1.0, 0.25])))
    until = draw(st.sampled_from([None, threshold + step if comparison[0] == "<" else threshold - step]))
    if measure in DURATIONS and until is not None:
        until = max(0.0, float(int(until)))
    window_s = 0 if measure in WITHOUT_WINDOW else draw(st.integers(1, 14 * 86_400))
    return WindowClause(measure, comparison, threshold, window_s, until)  # type: ignore[arg-type]


@st.composite
def of_stories(draw: st.DrawFn) -> StoryClause:
    comparison = draw(st.sampled_from([None, "<", ">="]))
    return StoryClause(
        label=draw(st.sampled_from([None, "negative", "neutral", "positive"])),
        topic=draw(st.sampled_from(["", "earnings", "fraud_default"])),
        mentions=draw(st.one_of(st.just(""), NAMES)),
        phrase=draw(PHRASES),
        comparison=comparison,  # type: ignore[arg-type]
        score=None if comparison is None else draw(NUMBERS),
    )


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    kind = draw(st.sampled_from(list(SubjectKind)))
    named = kind not in (SubjectKind.EVERYTHING, SubjectKind.SYSTEM)
    system, story = kind is SubjectKind.SYSTEM, kind is not SubjectKind.SYSTEM and draw(st.booleans())
    clause: st.SearchStrategy[Any] = of_stories() if story else windows(system)
    return Rule(
        subject=Subject(kind, draw(NAMES) if named else ""),
        any_of=tuple(
            tuple(each) for each in draw(st.lists(st.lists(clause, min_size=1, max_size=3), min_size=1, max_size=3))
        ),
        stories_min=0 if system or story else draw(st.integers(0, 100)),
        sources_min=0 if system else draw(st.integers(0, 10)),
        for_s=0 if story else draw(st.integers(0, 86_400)),
        cooldown_s=draw(st.integers(0, 30 * 86_400)),
        no_data=NoData.RESOLVE if story else draw(st.sampled_from(list(NoData))),
        severity=draw(st.sampled_from(list(Severity))),
    )


@given(rules())
@settings(max_examples=300, deadline=None)
def test_every_rule_is_read_as_it_is_written(rule: Rule) -> None:
    assert checked(rule) == rule
    assert parse(text_of(rule)) == rule
    assert msgspec.json.decode(msgspec.json.encode(rule), type=Rule) == rule


@given(st.text(max_size=200) | st.text("AP: score<over1h,andorstory\"'：", max_size=80))
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_rule_or_refused(text: str) -> None:
    try:
        rule = parse(text)
    except (NotARule, BadRule) as error:
        assert str(error)
        return
    assert parse(text_of(rule)) == rule
