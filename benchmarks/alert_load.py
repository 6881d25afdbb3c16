"""Ten thousand rules and a stream of stories; and the engine alone on them: no bus, no database, no model."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final

from newstide.alerting.book import Book
from newstide.alerting.engine import Engine
from newstide.alerting.memory import Memory
from newstide.alerting.naming import Names
from newstide.alerting.past import Histories
from newstide.alerting.reading import parse
from newstide.alerting.rules import StoredRule
from newstide.alerting.writing import text_of
from newstide.entities.starter import entities
from newstide.index.moments import Moments
from newstide.messages import EntityOpinion, NewsItem, Novelty, ScoredStory, story_id_of

RULES: Final = 10_000
STORIES: Final = 20_000
A_SECOND: Final = 1_000
"""Stories a second of event time: the load that is asked for."""
BEGIN: Final = datetime(2026, 3, 2, 9, tzinfo=UTC)
TEXTS: Final = (
    "story negative score < -0.9",
    "score < -0.6 until -0.3 over 1h, at least 4 stories, cooldown 6h",
    "surprise < -3 until -1 over 1h, at least 4 stories, cooldown 6h",
    "volume z > 6 until 3 over 6h, at least 8 stories, cooldown 1d",
    "negative share > 80% over 30m, at least 5 stories, for 10m, cooldown 6h",
    'story text "profit warning"',
)


def throughput() -> dict[str, Any]:
    """Stories a second through the engine, and the share of a core that A_SECOND of them take."""
    chance = Random(1)  # noqa: S311 - a load, not a secret
    ids = [entity.entity_id for entity in entities()]
    engine = _engine(ids)
    stories = [story(chance, ids, number) for number in range(STORIES)]
    fired, begun_s = 0, time.process_time()
    for each in stories:
        fired += len(engine.arrive(each))
        fired += len(engine.advance())
    spent_s = time.process_time() - begun_s
    return {
        "rules": RULES,
        "subjects": len(ids),
        "stories": STORIES,
        "fired": fired,
        "stories_a_second": round(STORIES / spent_s),
        "core_share_at_1000_a_second": round(spent_s / STORIES * A_SECOND, 3),
    }


def _engine(ids: list[str]) -> Engine:
    names = Names(entities())
    end = int(BEGIN.timestamp()) // 3_600
    usual = {
        hour: Moments(count=2, scored=2, weight=2_000_000, weight_squares=2_000_000, score_squares=180_000, neutral=2)
        for hour in range(end - 9 * 168, end)
    }
    histories = Histories(
        lambda _key, first, last: {h: m for h, m in usual.items() if first <= h < last}, lambda: min(usual)
    )
    return Engine(Book(rules(names, ids, RULES), names, {}), histories, Memory(), 1.0)


def rules(names: Names, ids: Sequence[str], count: int) -> list[StoredRule]:
    """On each subject in turn, and of each kind in turn; all of one owner."""
    made = []
    for number in range(count):
        rule = names.resolved(parse(f"{ids[number % len(ids)]}: {TEXTS[number % len(TEXTS)]}"))
        made.append(StoredRule(rule_id=f"r{number}", version=1, owner="o", rule=rule, text=text_of(rule)))
    return made


def story(chance: Random, ids: Sequence[str], number: int) -> ScoredStory:
    """About two companies, of which some are in the news far more often than others."""
    about = {ids[int(len(ids) * chance.random() ** 2)] for _ in range(2)}
    at = BEGIN + timedelta(seconds=number / A_SECOND)
    item = NewsItem(
        story_id=story_id_of("load", str(number)), revision=1, content_hash="h", source=f"s{number % 50}",
        title=f"Company {number} says something of the second quarter", published_at=at, received_at=at,
    )  # fmt: skip
    copies = int(chance.random() < 0.3)
    return ScoredStory(
        item=item, model_version="m", tokenizer_hash="t", scored_at=at,
        entities=tuple(_opinion(chance, entity_id) for entity_id in about), **_said(chance),
        novelty=Novelty(cluster_id=item.story_id, copies=copies, independent_sources=1, first_seen_at=at),
    )  # fmt: skip


def _opinion(chance: Random, entity_id: str) -> EntityOpinion:
    return EntityOpinion(
        entity_id=entity_id, relevance=0.4 + 0.6 * chance.random(), link_score=1.0, matched="x", field="title",
        start=0, end=1, **_said(chance),
    )  # fmt: skip


def _said(chance: Random) -> dict[str, Any]:
    score = max(-1.0, min(1.0, chance.gauss(0.05, 0.35)))
    label = "negative" if score < -0.3 else "positive" if score > 0.3 else "neutral"
    sides = {"p_negative": max(0.0, -score), "p_neutral": 1 - abs(score), "p_positive": max(0.0, score)}
    return {**sides, "label": label}
