"""How much a story is about an entity: one number from where and how often it is named. Pure.

    relevance = (0.6 * first + 0.4 * share) * spread

    first   where it is first named: in the title 1 - 0.4 * start / length of the title; in the body alone
            0.4 * (1 - start / 2,000), from 0.4 at its beginning to 0.05 from there on
    share   its mentions over all mentions of the story, one in the title counting three times
    spread  1 for a story of up to three entities, 3 / n for one of n; the first name of the title keeps its full share
            of attention unless the title says that it is a round-up, which puts everything at 0.3 at most

The form is ours. It is made of what the commercial feeds publish beside theirs: the sentence of the first mention,
counts, and the number of companies of the item (Thomson Reuters News Analytics), and 0 to 100 from passing mention to
central actor (RavenPack).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

FEW: Final = 3
"""Entities of a story that may each be what it is about: a deal has two sides and an adviser."""
ROUND_UP_MAX: Final = 0.3
TITLE_WEIGHT: Final = 3
BODY_REACH_CHARS: Final = 2_000
"""Of the body; about the first five paragraphs, which is where news stands."""

_ROUND_UP: Final = re.compile(
    r"\b(?:press digest|morning (?:news|bid|call|brief)|stocks? to watch|stocks (?:making|moving)|movers?:|"
    r"buzzing stocks|"
    r"factbox|week ahead|day ahead|diary|what to watch|top news|news digest|wrapup|round-?up|daily briefing|"
    r"hot stocks)\b"
    r"|早报|晚报|午报|要闻|一览|盘点|汇总|公告精选|公告速递|公告集锦|日报|周报|早知道|速览|快讯精选|龙虎榜",
    re.IGNORECASE,
)


Place = tuple[str, bool, int]
"""One mention: of which entity, whether in the title, at which character."""


def is_round_up(title: str) -> bool:
    """Whether a title says that the story is a list of many things."""
    return _ROUND_UP.search(title) is not None


def relevances(places: Sequence[Place], title: str) -> dict[str, float]:
    """Of each entity that is mentioned, in (0, 1]. The order of `places` does not matter."""
    if len(places) == 1:  # four of five headlines
        entity_id, in_title, start = places[0]
        return {entity_id: round(0.6 * _nearness(in_title, start, len(title)) + 0.4, 4)}
    weights: dict[str, int] = {}
    first: dict[str, tuple[bool, int]] = {}
    for entity_id, in_title, start in places:
        weights[entity_id] = weights.get(entity_id, 0) + (TITLE_WEIGHT if in_title else 1)
        place = (not in_title, start)
        if entity_id not in first or place < first[entity_id]:
            first[entity_id] = place
    total, lead = sum(weights.values()), min(first.values(), default=None)
    spread = min(1.0, FEW / max(1, len(first)))
    most = ROUND_UP_MAX if len(first) > 1 and is_round_up(title) else 1.0
    found: dict[str, float] = {}
    for entity_id, place in first.items():
        in_body, start = place
        value = 0.6 * _nearness(not in_body, start, len(title)) + 0.4 * weights[entity_id] / total
        found[entity_id] = round(value * most * (1.0 if place == lead and not in_body else spread), 4)
    return found


def _nearness(in_title: bool, start: int, title_chars: int) -> float:
    if in_title:
        return 1 - 0.4 * start / max(1, title_chars)
    return max(0.05, 0.4 * (1 - start / BODY_REACH_CHARS))
