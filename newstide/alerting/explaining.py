"""Why something was said, or was not: every clause with its numbers at one moment. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from newstide.alerting.book import name_of
from newstide.alerting.engine import Engine
from newstide.alerting.episodes import due_us
from newstide.alerting.firing import Evidence, Trace
from newstide.alerting.matching import RELEVANCE_MIN, Story
from newstide.alerting.rules import StoredRule, StoryClause
from newstide.alerting.telling import story_trace, window_traces
from newstide.alerting.windows import micros, moment, seen_of
from newstide.messages import EntityOpinion, ScoredStory

STORIES_MAX: Final = 10
"""Of a rule of stories, that are gone through: the last ones before the moment."""


@dataclass(frozen=True, slots=True)
class Why:
    """A rule and one subject at a moment."""

    subject: str
    name: str
    standing_since: datetime | None
    waits_until: datetime | None
    """It holds, and its `for` or cooldown ends then."""
    rests_until: datetime | None
    traces: tuple[Trace, ...]
    story: Evidence | None = None
    """Of a rule of stories: the one that was held against it."""


def of_windows(engine: Engine, stored: StoredRule, keys: Sequence[str], at: datetime) -> list[Why]:
    """For each subject with a story to measure; where none has one, for all, which says that there was nothing."""
    with_stories = [key for key in keys if len(engine.memory.window(key))]
    found = []
    for key in with_stories or keys:
        episode = engine.memory.episode((stored.rule_id, stored.version, key))
        rested_us = episode.told_us + stored.rule.cooldown_s * 1_000_000
        holding = episode.holding_us
        found.append(
            Why(
                subject=name_of(key),
                name=engine.book.shown(key),
                standing_since=moment(episode.fired_us) if episode.standing else None,
                waits_until=moment(due_us(episode, stored.rule, holding)) if holding else None,
                rests_until=moment(rested_us) if episode.told_us and rested_us > micros(at) else None,
                traces=window_traces(stored.rule, engine.measured(key, micros(at)), episode.standing),
            )
        )
    return found


def of_stories(engine: Engine, stored: StoredRule, some: Sequence[ScoredStory], keys: Sequence[str]) -> list[Why]:
    """For each of the last stories on a subject of the rule, each thing that it asks for by itself."""
    found = []
    for story in reversed(some):
        for key in keys:
            towards = next((e for e in story.entities if key == f"entity:{e.entity_id}"), None)
            traces = (*_about(story, towards), *_conditions(stored, story, towards))
            evidence = seen_of(story, towards).evidence
            found.append(Why(name_of(key), engine.book.shown(key), None, None, None, traces, evidence))
            if len(found) >= STORIES_MAX:
                return found
    return found


def _about(story: ScoredStory, towards: EntityOpinion | None) -> list[Trace]:
    """What is asked of a story before any clause: that it is new, sure, and about the company."""
    said = story if towards is None else towards
    sources = story.novelty.independent_sources if story.novelty else 1
    copies = float(story.novelty.copies) if story.novelty else 0.0
    traces = [
        Trace(
            clause="it repeats no earlier story", value=copies, threshold=0.0, holds=not story.is_copy, stories=sources
        ),
        Trace(
            clause="the model is sure of it", value=said.score, threshold=None, holds=said.label != "unsure", stories=1
        ),
    ]
    if towards is not None:
        holds = towards.relevance > RELEVANCE_MIN
        clause = "it is about the company: relevance"
        traces.append(Trace(clause=clause, value=towards.relevance, threshold=RELEVANCE_MIN, holds=holds, stories=1))
    return traces


def _conditions(stored: StoredRule, story: ScoredStory, towards: EntityOpinion | None) -> list[Trace]:
    alone = [one for clause in stored.rule.clauses if isinstance(clause, StoryClause) for one in _one_by_one(clause)]
    # That it is sure and relevant has traces of its own: here it must not hide what else failed.
    held = Story(msgspec.structs.replace(story, label="neutral" if story.label == "unsure" else story.label))
    said = towards
    if towards is not None:
        label = "neutral" if towards.label == "unsure" else towards.label
        said = msgspec.structs.replace(towards, relevance=1.0, label=label)
    return [story_trace(clause, held, said) for clause in alone]


def _one_by_one(clause: StoryClause) -> list[StoryClause]:
    """A clause for each thing that it asks for."""
    some = [
        StoryClause(label=clause.label) if clause.label else None,
        StoryClause(topic=clause.topic) if clause.topic else None,
        StoryClause(mentions=clause.mentions) if clause.mentions else None,
        StoryClause(phrase=clause.phrase) if clause.phrase else None,
        StoryClause(comparison=clause.comparison, score=clause.score) if clause.comparison else None,
    ]
    return [one for one in some if one is not None]
