"""Names to ids, and files of rules."""

import pytest

from newstide.alerting import files
from newstide.alerting.files import BadFile
from newstide.alerting.matching import Story
from newstide.alerting.reading import parse
from newstide.alerting.rules import BadRule, StoryClause
from newstide.alerting.writing import text_of
from tests.unit.newstide.alerting.stage import NAMES, story


@pytest.mark.parametrize(
    ("called", "entity_id"),
    [
        ("apple", "apple"), ("AAPL", "apple"), ("aapl", "apple"), ("US:AAPL", "apple"), ("Apple Inc", "apple"),
        ("贵州茅台", "kweichow-moutai"), ("600519", "kweichow-moutai"), ("SSE:600519", "kweichow-moutai"),
        ("GOLDMAN SACHS", "goldman-sachs"), ("gold", "gold"),
    ],
)  # fmt: skip
def test_a_company_is_found_by_id_symbol_and_name(called: str, entity_id: str) -> None:
    assert NAMES.entity(called) == entity_id


def test_nobody_is_guessed_but_somebody_is_suggested() -> None:
    with pytest.raises(BadRule, match="did you mean microsoft") as raised:
        NAMES.entity("Microsft")
    assert raised.value.field == "subject"
    with pytest.raises(BadRule, match="nobody is called"):
        NAMES.entity("'; DROP TABLE stories; --")
    with pytest.raises(BadRule, match="mentions: nobody"):
        NAMES.resolved(parse("AAPL: story mentions nobody-at-all"))
    with pytest.raises(BadRule, match="no topic 'earning'; did you mean earnings"):
        NAMES.resolved(parse("topic earning: story"))
    with pytest.raises(BadRule, match="no watchlist"):
        NAMES.resolved(parse("watchlist none: story"))
    with pytest.raises(BadRule, match="no sector"):
        NAMES.resolved(parse("sector none: story"))


@pytest.mark.parametrize(
    ("phrase", "title", "holds"),
    [
        ("profit warning", "Acme issues PROFIT  warning again", True),
        ("profit warning", "Acme issues profit warnings", False),
        ("profit warning", "No profit. Warning lights", False),
        ("业绩预亏", "某公司发布业绩预亏公告", True),
        ("café", "A CAFE opens", True),
        ("q2", "in Q2, up", True),
        ("(a+)+$", "a" * 5_000, False),
    ],
)
def test_a_phrase_is_plain_words(phrase: str, title: str, holds: bool) -> None:
    read = Story(story(1, title=title))
    assert read.matches(StoryClause(phrase=phrase), None) is holds


def test_a_file_is_lists_and_rules() -> None:
    text = """# remark
watchlist tech = AAPL, Microsoft, "Goldman Sachs"

shock = AAPL: surprise < -2.5 over 1h,
    at least 4 stories
off any = watchlist tech: story
"""
    lists, rules = files.read(text, NAMES)
    assert [(each.name, each.members) for each in lists] == [("tech", ("apple", "microsoft", "goldman-sachs"))]
    assert [(r.rule_id, r.enabled, r.line) for r in rules] == [("shock", True, 4), ("any", False, 6)]
    written = files.write(lists, [(r.rule_id, text_of(r.rule), r.enabled) for r in rules])
    again = files.read(written, NAMES)
    assert [(r.rule_id, r.rule, r.enabled) for r in again[1]] == [(r.rule_id, r.rule, r.enabled) for r in rules]
    assert again[0][0].members == lists[0].members


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("nothing", 1, "a line is"),
        ("\n\nx = AAPL: stori", 3, "story"),
        ("x = AAPL: story\nx = AAPL: story", 2, "twice"),
        ("   x = AAPL: story", 1, "no line"),
        ("watchlist w = Nobody At All", 1, "nobody"),
        ("watchlist w = AAPL\nwatchlist w = AAPL", 2, "twice"),
        ("x = watchlist w: story", 1, "no watchlist"),
        ("x" * (files.FILE_CHARS_MAX + 1), 1, "longer"),
        ("X = AAPL: story", 1, "a line is"),
    ],
)
def test_a_wrong_file_names_its_line(text: str, line: int, why: str) -> None:
    with pytest.raises(BadFile, match=why) as raised:
        files.read(text, NAMES)
    assert raised.value.line == line


def test_the_defaults_are_rules_on_twenty_names() -> None:
    lists, rules = files.read(files.defaults(), NAMES)
    assert [len(each.members) for each in lists] == [20]
    assert all(rule.enabled for rule in rules)
