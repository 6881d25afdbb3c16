"""The alerts program on a stage: rules, its loop, and a month of invented news."""

import random
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from alerts.handler import EvaluateStories
from alerts.run import Probe
from newstide.alerting.reading import parse
from newstide.alerting.rules import StoredRule
from newstide.clock import SystemClock
from newstide.consume.loop import ConsumeLoop, LoopConfig
from newstide.consume.policy import RejectBudget
from newstide.entities import starter
from newstide.messages import NewsItem, content_hash_of, story_id_of
from newstide.scoring.stub import StubScorer
from newstide.sections import AlertSettings, BusSettings
from newstide.service import Service
from newstide.settings import Settings
from newstide.store import alert_rules, alert_state, entities
from newstide.store.streams import Stream
from newstide.telemetry import Metrics, logger
from processor.handler import ScoreStories
from processor.reading import Reader
from tests.integration.loops import Stage

MONTH = datetime(2018, 1, 8, tzinfo=UTC)
RULES = {
    "at-once": "apple: story negative",
    "mean": "apple: score < -0.05 until 0.05 over 12h, at least 2 stories",
    "loud": "watchlist big: volume > 1.5 over 1d, at least 5 stories, cooldown 2d",
    "unusual": "watchlist big: surprise < -1 over 1d or surprise > 1 over 1d, cooldown 1d",
    "rested": "everything: story positive, cooldown 8h",
    "quiet": "microsoft: stories > 3 over 6h, for 1h, no data tell",
}


def month(days: int = 24, a_day: int = 30, received_late: bool = True) -> list[NewsItem]:
    """News of two companies and of others, as an archive that is received years later. Loud in its last days."""
    chance, found = random.Random(7), list[NewsItem]()  # noqa: S311 - the same news each time
    for day in range(days):
        loud = day >= days - 3
        for _ in range(a_day * (3 if loud else 1)):
            number = len(found)
            at = MONTH + timedelta(days=day, seconds=chance.randrange(86_400))
            name = chance.choice(["Apple", "Microsoft", "Boeing", "Tesla"])
            verb = chance.choice(["plunges after loss", "beats estimates", "opens office", "slumps on weak sales"])
            title = f"{name} {verb} of {number * 37 + 1000} units in plant {number}"
            found.append(
                NewsItem(
                    story_id=story_id_of("test", str(number)),
                    revision=1,
                    content_hash=content_hash_of(title, ""),
                    source=f"source {number % 4}",
                    title=title,
                    language="en",
                    published_at=at,
                    received_at=datetime.now(UTC) if received_late else at + timedelta(seconds=5),
                )  # fmt: skip
            )
    return sorted(found, key=lambda item: item.published_at)


def keep_rules(stage: Stage, rules: dict[str, str] = RULES) -> list[StoredRule]:
    now = datetime.now(UTC)
    with stage.database.transaction() as transaction:
        alert_rules.create_list(transaction, "big", "ann", now)
        alert_rules.change_list(transaction, "big", ["apple", "microsoft"], [], now)
        names = alert_rules.names(transaction)
        for rule_id, text in rules.items():
            rule = names.resolved(parse(text))
            alert_rules.save(
                transaction, StoredRule(rule_id=rule_id, version=1, owner="ann", rule=rule, text=""), "ann", now
            )
        return [row.stored for row in alert_rules.current(transaction)]


@dataclass
class Program:
    """A loop that a test runs in its own thread or in another."""

    run: Callable[[], None]
    service: Service
    error: BaseException | None = None
    thread: threading.Thread = field(init=False)

    def start(self) -> "Program":
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        return self

    def _run(self) -> None:
        try:
            self.run()
        except BaseException as error:
            self.error = error

    def stop(self) -> None:
        self.service.stop.set()
        self.thread.join(60)
        assert not self.thread.is_alive() and self.error is None, self.error


def settings_of(stage: Stage) -> Settings:
    bus = BusSettings(topic_raw=stage.raw, topic_scored=stage.scored)
    return Settings(bus=bus, alerts=AlertSettings(group="alerts", batch_stories=64))


def evaluator(stage: Stage, instance: str = "e", *, drain: bool = False, batch: int = 64) -> Program:
    settings = settings_of(stage)
    service = Service("alerts", instance, SystemClock(), Metrics(), logger("test"))
    probe = Probe(settings, stage.bus, stage.database)
    handler = EvaluateStories(settings, stage.database, service, probe.read, probe.unscored)
    config = LoopConfig(Stream("alerts", stage.scored), batch, RejectBudget(1.0, 1_000_000), drain=drain)
    loop = ConsumeLoop(config, stage.bus, stage.database, handler, service)

    def run() -> None:
        with closing(probe):
            loop.run()
        alert_state.let_go(stage.database, settings.alerts.group, instance)

    return Program(run, service)


def processor(stage: Stage, instance: str = "p", *, drain: bool = False) -> Program:
    """With the entities that ship."""
    settings = settings_of(stage)
    service = Service("processor", instance, SystemClock(), Metrics(), logger("test"))
    producer = stage.bus.producer()
    reader = Reader(StubScorer(), settings.model.token_budget, starter.linker(entities.load(stage.database)))
    handler = ScoreStories(settings, lambda: reader, producer, stage.database, service)
    config = LoopConfig(stage.stream, 32, RejectBudget(1.0, 1_000_000), drain=drain)
    return Program(ConsumeLoop(config, stage.bus, stage.database, handler, service).run, service)
