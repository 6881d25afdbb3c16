"""Rules on days that are over: the live engine over stored stories, and what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, func, select

from newstide.alerting import explaining
from newstide.alerting.book import keys_of
from newstide.alerting.engine import LIVE_WITHIN, Engine
from newstide.alerting.explaining import Why
from newstide.alerting.firing import Firing, Kind
from newstide.alerting.memory import Memory
from newstide.alerting.past import Histories
from newstide.alerting.rules import StoredRule
from newstide.store import alert_reading, alert_rules, alerting
from newstide.store.database import Database
from newstide.store.indexing import hour_of
from newstide.store.schema import stories

LATENESS_S: Final = 30.0
"""How long a story waits for those published before it; the default of the live engine."""
STORIES_FROM: Final = timedelta(days=1)
"""Before the moment that is asked about: stories that a rule of stories might have been told of."""
SAME_OCCASION: Final = timedelta(days=1)
"""A verdict on an alert of an earlier version of a rule counts for a rehearsed one of that subject so near to it."""


@dataclass(frozen=True, slots=True)
class Precision:
    """Of the alerts that people judged. None where nobody did."""

    right: int
    wrong: int
    unsure: int

    @property
    def value(self) -> float | None:
        judged = self.right + self.wrong
        return self.right / judged if judged else None


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What would have been said within [since, until), and how often."""

    since: datetime
    until: datetime
    stories: int
    firings: tuple[Firing, ...]
    weeks: tuple[tuple[datetime, int], ...]
    """Monday of each week, and how often an alert would have fired in it; weeks without are 0."""
    precision: Precision


def rehearse(
    database: Database, rules: Sequence[StoredRule], since: datetime, until: datetime, lateness_s: float = LATENESS_S
) -> Rehearsal:
    """Run the rules over stored history. The stories before `since` that their windows reach back to are read as well.

    The same stories give the same firings, with the same ids, as the live engine gave.
    """
    with database.transaction() as connection:
        engine, firings, count = _played(connection, rules, (since, until), lateness_s)
        firings += engine.finish(until)
        once = {f.firing_id: f for f in reversed(firings) if f.at >= since}
        found = sorted(once.values(), key=lambda f: (f.at, f.rule_id, f.subject, f.firing_id))
        return Rehearsal(since, until, count, tuple(found), _weeks(found, since, until), _precision(connection, found))


def _played(
    connection: Connection, rules: Sequence[StoredRule], span: tuple[datetime, datetime], lateness_s: float
) -> tuple[Engine, list[Firing], int]:
    since, until = span
    book = alert_rules.book(connection, rules)
    histories = Histories(
        lambda key, first, end: alert_reading.hourly(connection, key, first, end),
        lambda: first_hour(connection),
        hour_of(until),
    )
    engine, firings, count = Engine(book, histories, Memory(), lateness_s), list[Firing](), 0
    keys = book.at_once.keys() | book.ordered.keys()
    entities = [key.partition(":")[2] for key in keys] if all(key.startswith("entity:") for key in keys) else None
    for story in alert_reading.announced(connection, since - warm_up(rules), until, entities):
        if story.item.received_at - story.item.published_at <= LIVE_WITHIN:
            firings += engine.tick(story.item.received_at)
        firings += engine.arrive(story)
        firings += engine.advance()
        count += story.item.published_at >= since
    return engine, firings, count


def warm_up(rules: Sequence[StoredRule]) -> timedelta:
    """How far back what happened before still matters."""
    longest_s = max((r.rule.memory_s + r.rule.for_s + r.rule.cooldown_s for r in rules), default=0)
    return timedelta(seconds=longest_s)


def first_hour(connection: Connection) -> int | None:
    """Of the first story that there is: before it there is no record to compare with."""
    first = connection.execute(select(func.min(stories.c.published_at))).scalar_one()
    return None if first is None else hour_of(first)


def _weeks(firings: Sequence[Firing], since: datetime, until: datetime) -> tuple[tuple[datetime, int], ...]:
    def monday(at: datetime) -> datetime:
        return (at - timedelta(days=at.weekday())).replace(hour=0, minute=0, second=0, microsecond=0)

    counts = Counter(monday(f.at) for f in firings if f.kind is Kind.FIRED)
    weeks, week = [], monday(since)
    while week < until:
        weeks.append((week, counts[week]))
        week += timedelta(weeks=1)
    return tuple(weeks)


def _precision(connection: Connection, firings: Sequence[Firing]) -> Precision:
    """By verdicts on these very alerts, or on earlier ones of the same rule, subject and occasion."""
    fired = [f for f in firings if f.kind is Kind.FIRED]
    judged = alerting.judged_firings(connection, sorted({f.rule_id for f in fired}))
    ids = {found.firing_id for f in fired if (found := _judged_of(f, judged)) is not None}
    said = alerting.verdicts(connection, sorted(ids))
    counts = Counter(verdict.verdict for some in said.values() for verdict in some)
    return Precision(counts["right"], counts["wrong"], counts["unsure"])


def _judged_of(firing: Firing, judged: Sequence[Firing]) -> Firing | None:
    """The nearest that people judged."""
    near = [
        each
        for each in judged
        if (each.rule_id, each.subject) == (firing.rule_id, firing.subject)
        and abs(each.at - firing.at) <= SAME_OCCASION
    ]
    return min(near, key=lambda each: (each.firing_id != firing.firing_id, abs(each.at - firing.at)), default=None)


def why(database: Database, stored: StoredRule, at: datetime, lateness_s: float = LATENESS_S) -> list[Why]:
    """How the rule stood at that moment for each of its subjects: which clause held, which failed, by what numbers."""
    end = at + timedelta(microseconds=1)  # what was published at that moment is known
    with database.transaction() as connection:
        engine, _, _ = _played(connection, [stored], (at - STORIES_FROM, end), lateness_s)
        engine.finish(end)
        keys = [*engine.book.ordered, *engine.book.at_once]
        found: list[Why] = []
        if stored.rule.windows:
            found += explaining.of_windows(engine, stored, keys, at)
        if stored.rule.of_story:
            for key in keys:
                some = [s for s in alert_reading.announced(connection, at - STORIES_FROM, end) if key in keys_of(s)]
                found += explaining.of_stories(engine, stored, some[-explaining.STORIES_MAX :], [key])
        return found
