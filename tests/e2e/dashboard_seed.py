"""A database as a working installation would have it: the demo's headlines, scored, over the last three days."""

from __future__ import annotations

import json
import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from newstide.messages import EntityOpinion, Label, NewsItem, ScoredStory, content_hash_of, story_id_of
from newstide.store.database import Database
from newstide.store.migrate import upgrade
from newstide.store.writes import add_stories

DAY = Path(__file__).resolve().parents[2] / "ingest" / "scenario" / "day.jsonl"
DAYS = 3
_CENTRES = {"negative": (0.82, 0.13, 0.05), "neutral": (0.08, 0.84, 0.08), "positive": (0.05, 0.13, 0.82)}
_DOUBT = 0.14
"""Of the stories get flat probabilities, on which nobody would be sure."""


def story(
    title: str, at: datetime, *, sentiment: str = "neutral", noise: random.Random | None = None, **fields: Any
) -> ScoredStory:
    """One scored story; `fields` go into its NewsItem."""
    noise = noise or random.Random(title)  # noqa: S311 - not a secret
    doubt = noise.random() < _DOUBT
    raw = [
        max(0.01, c * (0.35 if doubt else 1) + noise.uniform(0, 0.3 if doubt else 0.12)) for c in _CENTRES[sentiment]
    ]
    negative, neutral, positive = (value / sum(raw) for value in raw)
    best = max((negative, "negative"), (neutral, "neutral"), (positive, "positive"))
    label: Label = "unsure" if best[0] < 0.5 else best[1]  # type: ignore[assignment]
    body = fields.pop("body", "")
    source = fields.pop("source", "Meridian Wire")
    item: dict[str, Any] = {
        "story_id": story_id_of(source, fields.pop("publisher_id", title)),
        "revision": 1,
        "language": "en",
        "url": "https://news.example/s/1",
        "received_at": at + timedelta(seconds=noise.uniform(0.4, 9)),
    } | fields
    received = item["received_at"]
    return ScoredStory(
        item=NewsItem(
            content_hash=content_hash_of(title, body), source=source, title=title, body=body, published_at=at, **item
        ),
        model_version="minilm-zh-en-0.1",
        tokenizer_hash="5f2d8c6e" * 8,
        p_negative=negative,
        p_neutral=neutral,
        p_positive=positive,
        label=label,
        scored_at=received + timedelta(milliseconds=noise.uniform(20, 400)),
    )


def linked(told: ScoredStory, entity_id: str, matched: str) -> ScoredStory:
    """The story with a link to an entity, for whom it is bad."""
    opinion = EntityOpinion(
        entity_id=entity_id, relevance=0.8, link_score=0.95, p_negative=0.7, p_neutral=0.2, p_positive=0.1,
        label="negative", matched=matched, field="title", start=0, end=len(matched),
    )  # fmt: skip
    return msgspec.structs.replace(told, entities=(opinion,), entities_version="v")


def day_of_news(now: datetime) -> list[ScoredStory]:
    """The demo's day, on each of three days: a window then has a window before it, and quiet hours."""
    lines = [json.loads(line) for line in DAY.read_text("utf-8").splitlines()]
    first, last = _seconds(lines[0]["t"]), _seconds(lines[-1]["t"])
    noise = random.Random(7)  # noqa: S311 - not a secret
    stories = []
    for day in range(DAYS):
        for number, line in enumerate(lines):
            if day and noise.random() < 0.25:
                continue
            share = (_seconds(line["t"]) - first) / (last - first)
            at = now - timedelta(days=day) - timedelta(minutes=2) - (1 - share) * timedelta(hours=20.5)
            sentiment = line["expect"] if line["expect"] in _CENTRES else "neutral"
            stories.append(
                story(
                    line["title"], at, sentiment=sentiment, noise=noise, body=line["body"], source=line["source"],
                    publisher_id=f"{day}-{number}-{line['id']}", language=line["language"], url=line["url"],
                    symbols=tuple(line["symbols"]),
                )
            )  # fmt: skip
    return stories


def _seconds(clock: str) -> int:
    hours, minutes, seconds = (int(part) for part in clock.split(":"))
    return hours * 3600 + minutes * 60 + seconds


def store(url: str, stories: list[ScoredStory], now: datetime) -> None:
    """Write as a processor would."""
    database = Database(url)
    try:
        with database.transaction() as connection:
            add_stories(connection, stories, now)
    finally:
        database.close()


def create(url: str) -> None:
    database = Database(url)
    try:
        upgrade(database)
    finally:
        database.close()


def seed(url: str, now: datetime) -> None:
    """The tables, and three days of stories."""
    create(url)
    store(url, sorted(day_of_news(now), key=lambda s: s.item.published_at), now)
