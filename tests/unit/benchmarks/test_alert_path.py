"""The arithmetic of the benchmark of an alert's way, and that what it feeds is what its rules wait for."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from benchmarks import alert_load, alert_path
from benchmarks.alert_path import Told
from newstide.alerting.book import Book
from newstide.alerting.engine import Engine
from newstide.alerting.memory import Memory
from newstide.alerting.naming import Names
from newstide.alerting.past import Histories
from newstide.entities.starter import entities

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def told(number: int) -> Told:
    """Stored at noon; each part takes so many times 100, 200 and 300 ms."""
    step = timedelta(milliseconds=100 * number)
    return Told(f"s{number}", f"d{number}", NOON, NOON + step, NOON + 3 * step)


def came(number: int) -> tuple[str, float]:
    return f"d{number}", NOON.timestamp() + 0.6 * number


def test_the_way_and_its_parts_add_up() -> None:
    found = alert_path.figures([told(1)], [came(1)])
    assert found["story_to_request_ms"] == {"p50": 600.0, "p95": 600.0, "p99": 600.0}
    parts = [found[f"{name}_ms"]["p95"] for name in ("story_to_firing", "firing_to_attempt", "attempt_to_request")]
    assert parts == [100.0, 200.0, 300.0]
    assert found["aim_met"] and not alert_path.figures([told(2)], [came(2)])["aim_met"]


def test_what_comes_twice_counts_from_its_first_coming() -> None:
    later = (came(1)[0], came(1)[1] + 9)
    found = alert_path.figures([told(1)], [later, came(1)])
    assert (found["story_to_request_ms"]["p99"], found["came_again"]) == (600.0, 1)


def test_nothing_has_no_figures_and_meets_no_aim() -> None:
    found = alert_path.figures([], [])
    assert (found["story_to_request_ms"], found["aim_met"]) == ({}, False)


GOOD = [told(1), told(2)]


@pytest.mark.parametrize(
    ("rows", "arrivals", "failed"),
    [
        (GOOD, [came(1), came(2), came(2)], []),
        (GOOD, [came(1)], ["every due alert arrived"]),
        ([], [], ["every watched story fired, and has one delivery", "every due alert arrived"]),
        (GOOD, [came(1), came(2), came(3)], ["nothing else arrived"]),
        (
            [told(1), replace(told(2), delivery_id="d1")],
            [came(1)],
            ["every delivery has an id of its own", "every due alert arrived"],
        ),
        (
            [*GOOD, told(3)],
            [came(1), came(2), came(3)],
            ["every watched story fired, and has one delivery", "every due alert arrived"],
        ),
    ],
)
def test_a_check_fails_for_what_it_checks(
    rows: list[Told], arrivals: list[tuple[str, float]], failed: list[str]
) -> None:
    found = alert_path.checks(["s1", "s2"], rows, arrivals)
    assert [name for name, passed in found.items() if not passed] == failed


def test_of_what_is_fed_the_watched_stories_fire_once_each_for_their_watcher() -> None:
    names, chance = Names(entities()), Random(1)  # noqa: S311 - a load, not a secret
    ids = [entity.entity_id for entity in entities()][:50]
    rules = [*alert_path.watched_rules(names), *alert_load.rules(names, ids, 300)]
    engine = Engine(Book(rules, names, {}), Histories(lambda *_: {}, lambda: None), Memory(), 30.0)
    for number in range(200):
        story = alert_path.at(alert_load.story(chance, ids, number), NOON)
        is_watched = number % 10 == 0
        fed = alert_path.watched(story, number // 10) if is_watched else story
        owners = [firing.owner for firing in engine.arrive(fed) if firing.owner != "o"]
        assert owners == ([alert_path.watcher(number // 10 % alert_path.WATCHERS)] if is_watched else [])
