"""What the store promises of rules, watchlists and the engine's state, on SQLite and on a real PostgreSQL."""

from dataclasses import replace
from datetime import timedelta

import pytest

from newstide.alerting.memory import Memory
from newstide.alerting.reading import parse
from newstide.alerting.rules import Measure, StoredRule
from newstide.alerting.watching import Asked
from newstide.errors import UsageError
from newstide.sources import Source
from newstide.store import alert_reading, alert_rules, alert_state, alert_system, registry, sources
from newstide.store.alert_rules import change_list, create_list, current, save
from newstide.store.database import Database
from newstide.store.indexing import hour_of
from tests.contract.stories import NOON, like, scored, store, towards


def rule(text: str, rule_id: str = "r", **more: object) -> StoredRule:
    return StoredRule(rule_id=rule_id, version=1, owner="ann", rule=parse(text), text="", **more)  # type: ignore[arg-type]


def test_every_change_of_a_rule_is_a_version(database: Database) -> None:
    with database.transaction() as transaction:
        first, new = save(transaction, rule("apple: story"), "ann", NOON)
        assert (first.version, first.text, new) == (1, "apple: story", True)
        assert save(transaction, rule("apple: story"), "bob", NOON) == (first, False)
        stamp = alert_rules.stamp(transaction)
        second, _ = save(transaction, rule("apple: story negative"), "bob", NOON)
        off, _ = save(transaction, rule("apple: story negative", enabled=False), "bob", NOON)
        assert (second.version, off.version) == (2, 3)
        assert alert_rules.stamp(transaction) != stamp
        assert [row.stored for row in current(transaction)] == [off]
        assert current(transaction, enabled_only=True) == []
        assert [row.stored.version for row in alert_rules.versions(transaction, "r")] == [3, 2, 1]
        assert [row.created_by for row in alert_rules.versions(transaction, "r")] == ["bob", "bob", "ann"]
        alert_rules.remove(transaction, "r", "ann", NOON)
        assert current(transaction) == []
        with pytest.raises(UsageError, match="no rule"):
            alert_rules.remove(transaction, "r", "ann", NOON)
        assert save(transaction, rule("apple: story"), "ann", NOON)[0].version == 5


def test_watchlists_are_subjects_of_rules(database: Database) -> None:
    with database.transaction() as transaction:
        assert create_list(transaction, "big", "ann", NOON)
        assert not create_list(transaction, "big", "bob", NOON)
        stamp = alert_rules.stamp(transaction)
        assert change_list(transaction, "big", ["apple", "microsoft"], [], NOON) == (["apple", "microsoft"], [])
        assert change_list(transaction, "big", ["apple"], ["microsoft", "ibm"], NOON) == ([], ["microsoft"])
        assert alert_rules.stamp(transaction) != stamp
        save(transaction, rule("watchlist big: story"), "ann", NOON)
        assert set(alert_rules.book(transaction).at_once) == {"entity:apple"}
        with pytest.raises(UsageError, match="rules r are on"):
            alert_rules.drop_list(transaction, "big")
        alert_rules.remove(transaction, "r", "ann", NOON)
        alert_rules.drop_list(transaction, "big")
        assert alert_rules.lists(transaction) == []
        with pytest.raises(UsageError, match="no watchlist"):
            change_list(transaction, "big", ["apple"], [], NOON)


def test_one_evaluates_and_the_next_takes_over(database: Database) -> None:
    assert alert_state.claim(database, "alerts", "one", NOON)
    assert alert_state.claim(database, "alerts", "one", NOON + timedelta(seconds=5))
    assert not alert_state.claim(database, "alerts", "two", NOON + timedelta(seconds=24))
    assert alert_state.claim(database, "other", "two", NOON)
    assert alert_state.claim(database, "alerts", "two", NOON + timedelta(seconds=26))
    assert not alert_state.claim(database, "alerts", "one", NOON + timedelta(seconds=27))
    alert_state.let_go(database, "alerts", "one")
    assert not alert_state.claim(database, "alerts", "one", NOON + timedelta(seconds=27))
    alert_state.let_go(database, "alerts", "two")
    assert alert_state.claim(database, "alerts", "one", NOON + timedelta(seconds=27))


def test_a_state_that_another_wrote_is_noticed(database: Database) -> None:
    with database.transaction() as transaction:
        version = alert_state.take(transaction, "alerts")
    with database.transaction() as transaction:
        assert alert_state.advance(transaction, "alerts", version)
    with database.transaction() as transaction:
        assert not alert_state.advance(transaction, "alerts", version)
        assert alert_state.take(transaction, "alerts") == version + 2


def test_the_memory_comes_back_row_by_row(database: Database) -> None:
    memory = Memory()
    memory.hold(scored(1, title="held 'one' \\ 央行"))
    memory.hold(scored(2))
    memory.clock.watermark_us = 5
    memory.clock_moved()
    memory.cover({"": 7})
    with database.transaction() as transaction:
        alert_state.write(transaction, "alerts", memory.changes())
    memory.release()
    with database.transaction() as transaction:
        changes = list(memory.changes())
        assert [(kind, payload) for kind, _, payload in changes] == [("held", None)]
        alert_state.write(transaction, "alerts", changes)
        again = Memory(alert_state.rows(transaction, "alerts"))
        assert alert_state.rows(transaction, "other") == []
    assert (again.clock, again.covered) == (memory.clock, {"": 7})
    assert again.release() == memory.release()
    assert list(again.changes())[0][0] == "held"


def test_stories_come_back_as_they_were_announced(database: Database) -> None:
    first = scored(1, score=-0.5, minute=0, entities=(towards("apple", -0.7),), novelty=like(1, 0), topic="earnings")
    second = scored(1, score=0.5, minute=3, revision=2, title="edited", novelty=like(1, 0))
    other = scored(2, minute=1, entities=(towards("ibm", 0.2),), novelty=like(1, 1))
    store(database, [first, other])
    store(database, [second, scored(1, model="m-2", score=0.9, title="Story 1")], NOON + timedelta(minutes=5))
    span = (NOON - timedelta(hours=1), NOON + timedelta(hours=1))
    with database.transaction() as connection:
        assert list(alert_reading.announced(connection, *span)) == [first, other, second]
        assert list(alert_reading.announced(connection, *span, ["apple"])) == [first, second]
        assert alert_reading.missing(connection, {first.key, other.key, scored(9).key}) == 1
        hour = hour_of(NOON)
        apple = alert_reading.hourly(connection, "entity:ibm", hour, hour + 1)
        assert apple[hour].copies == 1
        assert alert_reading.hourly(connection, "source:wire", hour, hour + 1)[hour].count == 1
        assert alert_reading.hourly(connection, "", hour - 5, hour) == {}


def test_the_system_measures_itself(database: Database) -> None:
    asked = {Asked(Measure.DEAD_LETTERS, 3_600), Asked(Measure.DRIFT, 86_400)}
    asked |= {Asked(Measure.SILENCE, 0), Asked(Measure.TROUBLE, 0)}
    names = ("dead", "well", "paused")
    registry.put(database, [(Source(name=name, url=f"https://{name}.example/"), name) for name in names], NOON)
    registry.enable(database, ["paused"], NOON, enabled=False)
    polled = {"dead": NOON - timedelta(days=9), "well": NOON - timedelta(minutes=1)}
    with database.transaction() as connection:
        for name, at in polled.items():
            known = sources.load_by(connection, [name])[name]
            failures = 50 if name == "dead" else 0
            state = replace(known, failures=failures, polled_at=NOON, last_success_at=at, last_new_at=at)
            sources.save(connection, state, NOON)
    with database.transaction() as connection:
        found = {(r.part, r.measure): r.value for r in alert_system.read(connection, asked, NOON)}
    assert found == {
        ("newstide", Measure.DEAD_LETTERS): 0.0,
        ("dead", Measure.SILENCE): 9 * 86_400.0,
        ("well", Measure.SILENCE): 60.0,
        ("dead", Measure.TROUBLE): 1.0,
        ("well", Measure.TROUBLE): 0.0,
        ("paused", Measure.TROUBLE): 0.0,
    }
    store(database, [scored(n, score=0.5, minute=-3 * 1440 + n) for n in range(200)])
    store(database, [scored(300 + n, score=-0.5, minute=-n) for n in range(150)])
    with database.transaction() as connection:
        drift = alert_system.read(connection, {Asked(Measure.DRIFT, 86_400)}, NOON + timedelta(minutes=1))
    assert [(r.part, r.value) for r in drift] == [("newstide", 1.0)]
