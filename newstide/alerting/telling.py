"""What is said when a rule fires: numbers, stories, versions. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from newstide.alerting.book import Book, name_of
from newstide.alerting.firing import Firing, Kind, Trace, firing_id_of
from newstide.alerting.matching import Story
from newstide.alerting.measuring import Measured, most_telling
from newstide.alerting.rules import Measure, Rule, StoredRule, StoryClause, WindowClause
from newstide.alerting.windows import Seen, moment, seen_of
from newstide.alerting.writing import clause_text, duration
from newstide.messages import EntityOpinion


def told(book: Book, stored: StoredRule, key: str, kind: Kind, token: str, at_us: int) -> Firing:
    """The bare firing: whose, of what, when."""
    return Firing(
        firing_id=firing_id_of(kind, stored.rule_id, stored.version, key, token),
        kind=kind,
        rule_id=stored.rule_id,
        rule_version=stored.version,
        rule_text=stored.text,
        owner=stored.owner,
        severity=stored.rule.severity,
        subject=name_of(key),
        subject_name=book.shown(key),
        at=moment(at_us),
        window_s=float(stored.rule.window_s),
    )


def window_traces(rule: Rule, measured: Measured, standing: bool) -> tuple[Trace, ...]:
    """Of every clause, and of what else the rule demands."""
    found = [_window_trace(clause, measured, standing) for clause in rule.windows]
    return (*found, *evidence_traces(rule, measured))


def _window_trace(clause: WindowClause, measured: Measured, standing: bool) -> Trace:
    value = measured.value(clause)
    return Trace(
        clause=clause_text(clause),
        value=value,
        threshold=clause.bound(standing),
        holds=clause.holds(value, standing),
        stories=measured.moments(clause.window_s).count,
    )


def evidence_traces(rule: Rule, measured: Measured) -> Iterator[Trace]:
    """That there is enough to go by: stories, sources, and at least one that the model is sure of."""
    within = measured.moments(rule.window_s)
    over = duration(rule.window_s)
    if rule.stories_min:
        holds = within.count >= rule.stories_min
        clause = f"at least {rule.stories_min} stories over {over}"
        yield _of_count(clause, within.count, rule.stories_min, holds, within.count)
    if rule.sources_min:
        sources = sources_of(measured.stories(rule.window_s))
        clause = f"at least {rule.sources_min} sources over {over}"
        yield _of_count(clause, sources, rule.sources_min, sources >= rule.sources_min, within.count)
    sure = within.count - within.unsure
    yield _of_count("at least 1 story that the model is sure of", sure, 1, sure >= 1, within.count)


def _of_count(clause: str, value: int, least: int, holds: bool, stories: int) -> Trace:
    return Trace(clause=clause, value=float(value), threshold=float(least), holds=holds, stories=stories)


def sources_of(some: Sequence[Seen]) -> int:
    """Sources that told it in a story of their own: a copy is none."""
    return len({seen.evidence.source for seen in some if not seen.copy})


def story_trace(clause: StoryClause, story: Story, towards: EntityOpinion | None) -> Trace:
    said = story.story if towards is None else towards
    return Trace(
        clause=clause_text(clause),
        value=said.score,
        threshold=clause.score,
        holds=story.matches(clause, towards),
        stories=1,
    )


def with_window(firing: Firing, rule: Rule, measured: Measured, standing: bool) -> Firing:
    """The firing with what its windows came to, and the stories that tell most."""
    some = measured.stories(rule.window_s)
    falling = any(clause.falling for clause in rule.windows if clause.measure is not Measure.NEGATIVE_SHARE)
    downwards = falling or any(clause.measure is Measure.NEGATIVE_SHARE for clause in rule.windows)
    within = measured.moments(rule.window_s)
    return msgspec.structs.replace(
        firing,
        traces=window_traces(rule, measured, standing),
        evidence=tuple(seen.evidence for seen in most_telling(some, downwards)),
        stories=within.count,
        copies=within.copies,
        sources=len({seen.evidence.source for seen in some}),
    )


def with_story(firing: Firing, rule: Rule, story: Story, towards: EntityOpinion | None) -> Firing:
    """The firing of one story, which is its evidence."""
    novelty = story.story.novelty
    return msgspec.structs.replace(
        firing,
        traces=tuple(story_trace(c, story, towards) for c in rule.clauses if isinstance(c, StoryClause)),
        evidence=(seen_of(story.story, towards).evidence,),
        stories=1,
        copies=novelty.copies if novelty else 0,
        sources=novelty.independent_sources if novelty else 1,
    )


def with_readings(firing: Firing, rule: Rule, values: Mapping[tuple[Measure, int], float], standing: bool) -> Firing:
    """The firing of the system's own measures."""
    traces = []
    for clause in rule.windows:
        value = values.get((clause.measure, clause.window_s))
        holds = clause.holds(value, standing)
        traces.append(Trace(clause=clause_text(clause), value=value, threshold=clause.bound(standing), holds=holds))
    return msgspec.structs.replace(firing, traces=tuple(traces))
