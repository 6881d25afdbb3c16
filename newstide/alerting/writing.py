"""A rule to text, in one way only: `reading.parse(text_of(rule)) == rule`. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from newstide.alerting.firing import Severity
from newstide.alerting.lexing import UNITS
from newstide.alerting.rules import (
    DURATIONS,
    SHARES,
    WITHOUT_WINDOW,
    Clause,
    Measure,
    NoData,
    Rule,
    Subject,
    SubjectKind,
    WindowClause,
)


def text_of(rule: Rule) -> str:
    alternatives = " or ".join(" and ".join(map(clause_text, each)) for each in rule.any_of)
    return ", ".join([f"{subject_text(rule.subject)}: {alternatives}", *_options(rule)])


def subject_text(subject: Subject) -> str:
    match subject.kind:
        case SubjectKind.EVERYTHING | SubjectKind.SYSTEM:
            return subject.kind.value
        case SubjectKind.ENTITY:
            return _name(subject.name)
        case _:
            return f"{subject.kind.value} {_name(subject.name)}"


def clause_text(clause: Clause) -> str:
    if isinstance(clause, WindowClause):
        parts = [clause.measure.value, clause.comparison, value_text(clause.measure, clause.threshold)]
        if clause.until is not None:
            parts += ["until", value_text(clause.measure, clause.until)]
        if clause.measure not in WITHOUT_WINDOW:
            parts += ["over", duration(clause.window_s)]
        return " ".join(parts)
    parts = ["story"]
    if clause.label is not None:
        parts.append(clause.label)
    if clause.topic:
        parts += ["topic", _name(clause.topic)]
    if clause.mentions:
        parts += ["mentions", _name(clause.mentions)]
    if clause.phrase:
        parts += ["text", f'"{clause.phrase}"']
    if clause.comparison is not None and clause.score is not None:
        parts += ["score", clause.comparison, number(clause.score)]
    return " ".join(parts)


def _options(rule: Rule) -> Iterator[str]:
    if rule.stories_min:
        yield f"at least {rule.stories_min} stories"
    if rule.sources_min:
        yield f"at least {rule.sources_min} sources"
    if rule.for_s:
        yield f"for {duration(rule.for_s)}"
    if rule.cooldown_s:
        yield f"cooldown {duration(rule.cooldown_s)}"
    if rule.no_data is not NoData.RESOLVE:
        yield f"no data {rule.no_data.value}"
    if rule.severity is not Severity.WARNING:
        yield f"severity {rule.severity.value}"


def _name(name: str) -> str:
    """Bare where it can only be one word that is a name."""
    bare = all(c.isalnum() or c in "-._&'" for c in name)
    return name if bare and name.lower() not in {kind.value for kind in SubjectKind} else f'"{name}"'


def value_text(measure: Measure, value: float) -> str:
    if measure in DURATIONS and value.is_integer():
        return duration(int(value))
    if measure in SHARES:
        percentage = number(value * 100)
        if float(percentage) / 100 == value:
            return f"{percentage}%"
    return number(value)


def number(value: float) -> str:
    """The shortest form that is the same number again."""
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


def duration(seconds: int) -> str:
    unit = next(unit for unit, length in UNITS.items() if seconds % length == 0 and seconds >= length or unit == "s")
    return f"{seconds // UNITS[unit]}{unit}"
