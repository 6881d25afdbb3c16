"""What `bench_alert_path` feeds, expects and finds: a watched story now and then, who is told of it, and when. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from newstide.alerting.naming import Names
from newstide.alerting.reading import parse
from newstide.alerting.rules import StoredRule
from newstide.alerting.writing import text_of
from newstide.messages import ScoredStory

PHRASE: Final = "halts every shipment"
"""What the watched stories say, and no other."""
WATCHERS: Final = 10
"""People with a webhook, each on a source of their own. A receiver is told one thing at a time."""
AIM_P95_S: Final = 1.0
"""From a stored story to the request, as the issue asks for it."""


@dataclass(frozen=True, slots=True)
class Told:
    """One attempt as the rows have it."""

    story_id: str
    delivery_id: str
    stored_at: datetime
    """Of the story. This and the next are taken when their transactions begin: a part includes the commit of the one
    before."""
    fired_at: datetime
    """When the firing and its delivery were stored."""
    begun_at: datetime
    """Of the first attempt."""


def watcher(number: int) -> str:
    return f"watcher-{number}"


def desk(number: int) -> str:
    return f"desk-{number}"


def watched_rules(names: Names) -> list[StoredRule]:
    """One for each watcher: a rule of one story, that needs no window and no order."""
    made = []
    for number in range(WATCHERS):
        rule = names.resolved(parse(f'source {desk(number)}: story text "{PHRASE}"'))
        made.append(
            StoredRule(rule_id=f"watched-{number}", version=1, owner=watcher(number), rule=rule, text=text_of(rule))
        )
    return made


def watched(story: ScoredStory, number: int) -> ScoredStory:
    """The same as a first telling by the source of a watcher, saying what all of them wait for."""
    item = msgspec.structs.replace(story.item, source=desk(number % WATCHERS), title=f"Maker {number} {PHRASE}")
    novelty = None if story.novelty is None else msgspec.structs.replace(story.novelty, copies=0)
    return msgspec.structs.replace(story, item=item, novelty=novelty, label="negative")


def at(story: ScoredStory, now: datetime) -> ScoredStory:
    """The same, published, received and scored now."""
    item = msgspec.structs.replace(story.item, published_at=now, received_at=now)
    return msgspec.structs.replace(story, item=item, scored_at=now)


def checks(due: Sequence[str], told: Sequence[Told], arrivals: Sequence[tuple[str, float]]) -> dict[str, bool]:
    """Of the story ids that are due, what the rows say and what came: (delivery id, seconds since 1970)."""
    ids = {each.delivery_id for each in told}
    came = {delivery_id for delivery_id, _at_s in arrivals}
    return {
        "every watched story fired, and has one delivery": Counter(each.story_id for each in told) == Counter(due),
        "every delivery has an id of its own": len(ids) == len(told),
        "every due alert arrived": len(ids & came) == len(due) > 0,
        "nothing else arrived": came <= ids,
    }


def figures(told: Sequence[Told], arrivals: Sequence[tuple[str, float]]) -> dict[str, Any]:
    """Milliseconds of the whole way and of its parts, of what arrived; each by its first arrival."""
    first: dict[str, float] = {}
    for delivery_id, at_s in arrivals:
        first[delivery_id] = min(at_s, first.get(delivery_id, at_s))
    there = [(each, first[each.delivery_id]) for each in told if each.delivery_id in first]
    whole = [at_s - each.stored_at.timestamp() for each, at_s in there]
    return {
        "story_to_request_ms": percentiles(whole),
        "story_to_firing_ms": percentiles([(each.fired_at - each.stored_at).total_seconds() for each, _ in there]),
        "firing_to_attempt_ms": percentiles([(each.begun_at - each.fired_at).total_seconds() for each, _ in there]),
        "attempt_to_request_ms": percentiles([at_s - each.begun_at.timestamp() for each, at_s in there]),
        "came_again": len(arrivals) - len(first),
        "aim_met": bool(whole) and _rank(sorted(whole), 95) < AIM_P95_S,
    }


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """In milliseconds; of nothing there are none."""
    ordered = sorted(seconds)
    return {f"p{p}": round(1_000 * _rank(ordered, p), 1) for p in (50, 95, 99)} if ordered else {}


def _rank(ordered: Sequence[float], percent: int) -> float:
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]
