"""newstide's own measures against the rules on itself: the same episodes, asked by the wall clock. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from newstide.alerting.book import Book, system_key
from newstide.alerting.engine import moment_token
from newstide.alerting.episodes import Found, Step, stepped
from newstide.alerting.firing import Firing, Kind
from newstide.alerting.memory import Memory
from newstide.alerting.rules import Measure, Rule, StoredRule, WindowClause
from newstide.alerting.telling import told, with_readings

Values = Mapping[tuple[Measure, int], float]
"""By measure and window, in seconds."""


class Asked(NamedTuple):
    """A measure of the system over so many seconds; 0: of a moment."""

    measure: Measure
    window_s: int


class Reading(NamedTuple):
    """What was read of one part of the system: a source, a consumer, or `newstide` as a whole."""

    part: str
    measure: Measure
    window_s: int
    value: float


def asked(book: Book) -> set[Asked]:
    """What must be read for the rules in force."""
    return {Asked(clause.measure, clause.window_s) for stored in book.system for clause in stored.rule.windows}


def observe(book: Book, memory: Memory, readings: Iterable[Reading], now_us: int) -> list[Firing]:
    """Hold the readings against every rule on the system. A part that is no longer read has no data."""
    parts: dict[str, dict[tuple[Measure, int], float]] = {}
    for reading in readings:
        parts.setdefault(system_key(reading.part), {})[reading.measure, reading.window_s] = reading.value
    firings: list[Firing] = []
    for stored in book.system:
        mine = {(clause.measure, clause.window_s) for clause in stored.rule.windows}
        keys = {key for key, values in parts.items() if mine & values.keys()}
        keys |= {
            key for rule_id, version, key in memory.episodes if (rule_id, version) == (stored.rule_id, stored.version)
        }
        for key in sorted(keys):
            firings += _look(book, memory, stored, (key, parts.get(key, {})), now_us)
    return firings


def _look(book: Book, memory: Memory, stored: StoredRule, read: tuple[str, Values], now_us: int) -> list[Firing]:
    key, values = read
    place = (stored.rule_id, stored.version, key)
    episode = memory.episode(place)
    after, step = stepped(episode, stored.rule, _found(stored.rule, values, episode.standing), now_us)
    firings: list[Firing] = []
    if step is Step.FIRE:
        firing = told(book, stored, key, Kind.FIRED, moment_token(now_us), now_us)
        after = msgspec.structs.replace(after, fired_id=firing.firing_id)
        firings.append(with_readings(firing, stored.rule, values, standing=False))
    elif step is Step.RESOLVE:
        firing = told(book, stored, key, Kind.RESOLVED, episode.fired_id, now_us)
        firing = msgspec.structs.replace(firing, answers=episode.fired_id)
        firings.append(with_readings(firing, stored.rule, values, standing=True))
    memory.keep(place, after)
    return firings


def _found(rule: Rule, values: Values, standing: bool) -> Found:
    def holds(clause: object) -> bool:
        return isinstance(clause, WindowClause) and clause.holds(
            values.get((clause.measure, clause.window_s)), standing
        )

    if any(all(map(holds, each)) for each in rule.any_of):
        return Found.HOLDS
    measured = any((clause.measure, clause.window_s) in values for clause in rule.windows)
    return Found.DOES_NOT if measured else Found.NOTHING
