"""Rules, stories and an engine for the tests of alerting."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from newstide.alerting.book import Book
from newstide.alerting.engine import Engine
from newstide.alerting.firing import Firing
from newstide.alerting.memory import Memory
from newstide.alerting.naming import Names
from newstide.alerting.past import Histories
from newstide.alerting.reading import parse
from newstide.alerting.rules import StoredRule
from newstide.alerting.writing import text_of
from newstide.entities.starter import entities
from newstide.index.moments import Moments
from newstide.messages import EntityOpinion, Label, NewsItem, Novelty, ScoredStory, content_hash_of, story_id_of

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
NAMES = Names(entities(), {"big": ["apple"]})
LATENESS_S = 60.0


def at(minutes: float) -> datetime:
    return MONDAY + timedelta(minutes=minutes)


def rule(text: str, rule_id: str = "r", version: int = 1) -> StoredRule:
    found = NAMES.resolved(parse(text))
    return StoredRule(rule_id=rule_id, version=version, owner="ann", rule=found, text=text_of(found))


def story(
    number: int,
    minutes: float = 0.0,
    score: float = -0.8,
    *,
    entity: str = "apple",
    cluster: tuple[int, int, int] | None = None,
    revision: int = 1,
    **more: Any,
) -> ScoredStory:
    """Story `number`, published so many minutes after MONDAY, received at once. `cluster`: the story that it began
    with, copies before this one, and sources. `more`: title, source, topic, unsure, withdrawn, relevance."""
    said, withdrawn = more.get("title") or f"Story {number}", more.get("withdrawn", False)
    label: Label = (
        "unsure" if more.get("unsure") else "positive" if score > 0 else "negative" if score < 0 else "neutral"
    )
    p: dict[str, Any] = {"p_negative": max(0.0, -score), "p_neutral": 1 - abs(score), "p_positive": max(0.0, score)}
    towards = EntityOpinion(
        entity_id=entity,
        relevance=more.get("relevance", 1.0),
        link_score=1.0,
        label=label,
        matched="x",
        field="title",
        start=0,
        end=1,
        **p,
    )
    item = NewsItem(
        story_id=story_id_of("test", str(number)),
        revision=revision,
        content_hash=content_hash_of(said, str(revision)),
        source=more.get("source", "wire"),
        title=said,
        language="en",
        published_at=at(minutes),
        received_at=at(minutes),
        withdrawn=withdrawn,
    )
    first, copies, sources = cluster or (number, 0, 1)
    return ScoredStory(
        item=item,
        model_version="m",
        tokenizer_hash="t",
        label=label,
        scored_at=at(minutes),
        topic=more.get("topic"),
        entities=() if withdrawn or not entity else (towards,),
        novelty=Novelty(
            cluster_id=story_id_of("test", str(first)), copies=copies, independent_sources=sources, first_seen_at=at(0)
        ),
        **p,
    )


def usual(a_day: float, weeks: int = 9, weekend: bool = False, score: float = 0.1) -> dict[int, Moments]:
    """Hours of so many stories a day on working days before MONDAY, from 8 to 18 o'clock."""
    found = {}
    end = int(MONDAY.timestamp()) // 3_600
    for hour in range(end - weeks * 168, end):
        on = datetime.fromtimestamp(hour * 3_600, UTC)
        if 8 <= on.hour < 18 and (weekend or on.weekday() < 5):
            n = max(1, round(a_day / 10))
            weight = n * 1_000_000
            found[hour] = Moments(
                count=n, scored=n, weight=weight, weight_squares=weight, score_sum=round(weight * score),
                score_squares=round(weight * 0.09), neutral=n,
            )  # fmt: skip
    return found


def engine(
    *rules: StoredRule,
    past: Mapping[str, Mapping[int, Moments]] | None = None,
    lateness_s: float = LATENESS_S,
    memory: Memory | None = None,
) -> Engine:
    hourly = past or {}
    begin = min((hour for each in hourly.values() for hour in each), default=None)

    def read(key: str, first: int, end: int) -> dict[int, Moments]:
        return {hour: m for hour, m in hourly.get(key, {}).items() if first <= hour < end}

    book = Book(rules, NAMES, {"big": ["apple", "microsoft"]})
    return Engine(book, Histories(read, lambda: begin), memory or Memory(), lateness_s)


def run(made: Engine, stories: Iterable[ScoredStory], until: float = 10_000) -> list[Firing]:
    """In that order, to the end; each firing once, in the order of its time."""
    firings: list[Firing] = []
    for each in stories:
        firings += made.arrive(each)
        firings += made.advance()
    firings += made.finish(at(until))
    once = {firing.firing_id: firing for firing in reversed(firings)}
    return sorted(once.values(), key=lambda f: (f.at, f.kind, f.firing_id))
