"""What an alert waits for in the evaluator, and what it does not: on a clock that stands until a test moves it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog

from alerts.handler import ASK_WITHIN_S, ASKING_SHARE, EvaluateStories
from newstide.alerting.reading import parse
from newstide.alerting.rules import StoredRule
from newstide.bus.port import Record
from newstide.clock import FakeClock
from newstide.codec import encode
from newstide.messages import ScoredStory
from newstide.sections import AlertSettings
from newstide.service import Service
from newstide.settings import Settings
from newstide.store import alert_reading, alert_rules, alerting, migrate, sending, writes
from newstide.store.database import Database
from newstide.telemetry import Metrics
from tests.unit.newstide.alerting.stage import at, story

RULES = {"single": "apple: story negative", "window": "apple: score < -0.5 over 1h"}


class Scene:
    """An evaluator whose question takes `answer_s`, on a partition of which more is always to be read."""

    def __init__(self, database: Database) -> None:
        self.database, self.clock = database, FakeClock(at(0))
        self.asked, self.answer_s, self.behind = 0, 0.0, {0}
        service = Service("alerts", "e", self.clock, Metrics(), structlog.get_logger())
        settings = Settings(alerts=AlertSettings(lateness_s=30))
        self.handler = EvaluateStories(settings, database, service, lambda *_: [], self._unscored)

    def _unscored(self) -> set[int]:
        self.asked += 1
        self.clock.advance(self.answer_s)
        return set()

    def turn(self, *stories: ScoredStory) -> None:
        self.handler.reading(lambda: sorted(self.behind))
        work = self.handler.prepare([Record(0, n, b"k", encode(each), 0) for n, each in enumerate(stories)])
        with self.database.transaction() as transaction:
            writes.add_stories(transaction, stories, self.clock.now())
        self.handler.announce(work)
        with self.database.transaction() as transaction:
            self.handler.write(transaction, work, self.clock.now())

    def said(self) -> list[str]:
        return sorted(firing.rule_id for firing in alerting.list_firings(self.database))


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    database = Database(f"sqlite:///{tmp_path / 'newstide.db'}")
    migrate.upgrade(database)
    with database.transaction() as transaction:
        names = alert_rules.names(transaction)
        for rule_id, text in RULES.items():
            rule = StoredRule(rule_id=rule_id, version=1, owner="ann", rule=names.resolved(parse(text)), text="")
            alert_rules.save(transaction, rule, "ann", datetime.now(UTC))
    yield Scene(database)
    database.close()


def test_a_rule_of_one_story_waits_for_nothing(scene: Scene) -> None:
    """Neither for the lateness, nor for partitions that are behind; a window waits for both."""
    scene.turn(story(1, 0))
    assert (scene.said(), scene.clock.monotonic()) == (["single"], 0.0)
    scene.behind.clear()
    scene.turn(story(2, 1, 0.9))
    assert scene.said() == ["single", "window"]


def test_a_rule_of_one_story_fires_in_a_turn_that_asks_nothing(scene: Scene) -> None:
    scene.answer_s = 1.0
    scene.turn(story(1, 0, 0.9))
    asked = scene.asked
    scene.turn(story(2, 1))
    assert (scene.said(), scene.asked) == (["single"], asked)


@pytest.mark.parametrize("answer_s", [0.05, 0.2])
def test_asking_takes_a_share_of_the_time_however_slow_the_bus_is(scene: Scene, answer_s: float) -> None:
    scene.answer_s = answer_s
    for _ in range(500):
        scene.handler.reading(list)
        scene.clock.advance(0.02)
    share = scene.asked * answer_s / scene.clock.monotonic()
    assert ASKING_SHARE / 2 < share <= ASKING_SHARE


def test_a_quick_bus_is_asked_in_every_turn(scene: Scene) -> None:
    scene.answer_s = 0.001
    for turns in range(1, 6):
        scene.handler.reading(list)
        scene.clock.advance(0.02)
        assert scene.asked == turns


def test_an_answer_that_took_long_is_asked_for_again_soon(scene: Scene) -> None:
    scene.answer_s = 30.0
    scene.handler.reading(list)
    scene.clock.advance(ASK_WITHIN_S)
    scene.handler.reading(list)
    assert scene.asked == 2


def test_a_look_waits_for_no_writer(scene: Scene) -> None:
    """Neither the sender's at an empty outbox, nor the evaluator's at what is stored: SQLite has one write lock."""
    with scene.database.transaction():
        assert sending.claim(scene.database, "s", scene.clock.now(), 8) == []
        with scene.database.reading() as connection:
            assert alert_reading.missing(connection, {("nothing", 1, "m")}) == 1
