"""Text to a rule, by hand, so that an error can point at the word and say what it should have been. Pure.

    rule        = subject ":" alternative { "or" alternative } { "," option }
    subject     = "everything" | "system" | ("watchlist" | "sector" | "topic" | "source") NAME | ENTITY
    alternative = clause { "and" clause }
    clause      = MEASURE COMPARISON VALUE [ "until" VALUE ] [ "over" DURATION ]
                | "story" { "negative" | "neutral" | "positive" | "topic" NAME | "mentions" ENTITY
                          | "text" PHRASE | "score" COMPARISON NUMBER }
    option      = "at least" N ("stories" | "sources") | "for" DURATION | "cooldown" DURATION
                | "no data" ("resolve" | "keep" | "tell") | "severity" ("info" | "warning" | "critical")

An entity may be several words before the colon; elsewhere, and where it holds a sign, it stands in quotation marks.
"""

from __future__ import annotations

from typing import Any, Final, cast

from newstide.alerting.firing import Severity
from newstide.alerting.lexing import NotARule, Token, Words, tokens
from newstide.alerting.rules import (
    DURATIONS,
    LABELS,
    WITHOUT_WINDOW,
    Clause,
    Comparison,
    Measure,
    NoData,
    Rule,
    StoryClause,
    Subject,
    SubjectKind,
    WindowClause,
    checked,
)

_COMPARISONS: Final = ("<", "<=", ">", ">=")
_NAMED: Final = (SubjectKind.WATCHLIST, SubjectKind.SECTOR, SubjectKind.TOPIC, SubjectKind.SOURCE)
_ALONE: Final = (SubjectKind.EVERYTHING, SubjectKind.SYSTEM)
_STARTS: Final = ("story", *Measure)


def parse(text: str) -> Rule:
    """The rule; its entities are called as they were written (`naming` finds them).

    Raises NotARule, which points at a word, or BadRule, which names a field.
    """
    words = Words(text, tokens(text))
    subject = _subject(text, words)
    any_of = [_alternative(words)]
    while words.took("or"):
        any_of.append(_alternative(words))
    options: dict[str, Any] = {}
    while words.took(","):
        _option(words, options)
    if not words.ended:
        raise words.wrong("`and`, `or`, a comma and an option, or the end")
    return checked(Rule(subject=subject, any_of=tuple(any_of), **options))


def _subject(text: str, words: Words) -> Subject:
    first = words.peek()
    for kind in _ALONE:
        if words.took(kind.value):
            words.need(":")
            return Subject(kind)
    for kind in _NAMED:
        if words.took(kind.value):
            name = words.name(f"the name of a {kind.value}")
            words.need(":")
            return Subject(kind, name)
    return Subject(SubjectKind.ENTITY, _entity(text, words, first))


def _entity(text: str, words: Words, first: Token) -> str:
    """Everything before the colon, as it stands."""
    if first.quoted:
        words.take()
        words.need(":")
        return first.text
    while not words.ended and words.peek().word not in (":", ","):
        words.take()
    colon = words.peek()
    name = text[first.start : colon.start].strip()
    if not name:
        raise words.wrong("a company, or `everything`, `watchlist`, `sector`, `topic`, `source` or `system`")
    words.need(":")
    return name


def _alternative(words: Words) -> tuple[Clause, ...]:
    clauses = [_clause(words)]
    while words.took("and"):
        clauses.append(_clause(words))
    return tuple(clauses)


def _clause(words: Words) -> Clause:
    if words.took("story"):
        return _story(words)
    measure = Measure(words.choice(_STARTS, "one of"))
    comparison = _comparison(words)
    threshold = _value(words, measure)
    until = _value(words, measure) if words.took("until") else None
    window_s = 0
    if measure not in WITHOUT_WINDOW:
        words.need("over")
        window_s = words.seconds()
    return WindowClause(measure, comparison, threshold, window_s, until)


def _value(words: Words, measure: Measure) -> float:
    return float(words.seconds()) if measure in DURATIONS else words.number()


def _comparison(words: Words) -> Comparison:
    token = words.peek()
    if token.quoted or token.text not in _COMPARISONS:
        raise words.wrong("a comparison: <, <=, > or >=")
    return cast("Comparison", words.take().text)


def _story(words: Words) -> StoryClause:
    given: dict[str, Any] = {}
    while True:
        at = words.peek()
        label = next((label for label in LABELS if words.took(label)), None)
        if label is not None:
            said: dict[str, Any] = {"label": label}
        elif words.took("topic"):
            said = {"topic": words.name("a topic")}
        elif words.took("mentions"):
            said = {"mentions": words.name("a company")}
        elif words.took("text"):
            said = {"phrase": " ".join(words.name("words in quotation marks").split())}
        elif words.took("score"):
            said = {"comparison": _comparison(words), "score": words.number()}
        else:
            return StoryClause(**given)
        if said.keys() & given.keys():
            raise NotARule(words.text, at.start, at.text, "each condition once; something else")
        given |= said


def _option(words: Words, options: dict[str, Any]) -> None:
    at = words.peek()
    field: str
    value: object
    if words.took("at", "least"):
        count = words.count()
        field = f"{words.choice(('stories', 'sources'), 'one of')}_min"
        value = count
    elif words.took("for"):
        field, value = "for_s", words.seconds()
    elif words.took("cooldown"):
        field, value = "cooldown_s", words.seconds()
    elif words.took("no", "data"):
        field, value = "no_data", NoData(words.choice(NoData, "one of"))
    elif words.took("severity"):
        field, value = "severity", Severity(words.choice(Severity, "one of"))
    else:
        known = ("at least", "for", "cooldown", "no data", "severity")
        raise words.wrong(f"an option: {', '.join(known)}", (*known, "at", "no"))
    if field in options:
        raise NotARule(words.text, at.start, at.text, "each option once; another option")
    options[field] = value
