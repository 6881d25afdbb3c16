"""The composition root of alerts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Final

from alerts.handler import EvaluateStories
from newstide.alerting.rules import Measure
from newstide.alerting.watching import Asked, Reading
from newstide.bus.connect import connect_ready
from newstide.bus.port import Bus
from newstide.consume.loop import ConsumeLoop, LoopConfig
from newstide.consume.policy import RejectBudget
from newstide.errors import BusUnavailable, StandDown, StoreUnavailable, TopicMissing
from newstide.service import Service
from newstide.settings import Settings
from newstide.store import alert_state, alert_system
from newstide.store.connect import connect as connect_store
from newstide.store.database import Database
from newstide.store.streams import Stream

STANDBY_S: Final = 2.0
"""Between two looks of a standby at whether it is needed."""


def run_alerts(settings: Settings, service: Service, *, drain: bool = False) -> None:
    """Until stopped, or with `drain` until everything in the log is read. One process evaluates, others stand by.

    Raises before the first poll when the bus or the store cannot be used.
    """
    database = connect_store(settings)
    bus = connect_ready(settings)
    config = LoopConfig(
        stream=Stream(settings.alerts.group, settings.bus.topic_scored),
        stories_max=settings.alerts.batch_stories,
        budget=RejectBudget(settings.processor.reject_ratio_max, settings.processor.reject_run_max),
        rewind_on_history_change=settings.bus.on_history_change == "rewind",
        drain=drain,
    )
    probe = Probe(settings, bus, database)
    try:
        while _claimed(settings, service, database):
            handler = EvaluateStories(settings, database, service, probe.read, probe.unscored)
            try:
                ConsumeLoop(config, bus, database, handler, service).run()
                return
            except StandDown as error:
                service.log.warning("stands_down", why=error.why)
            finally:
                alert_state.let_go(database, settings.alerts.group, service.instance)
    finally:
        probe.close()
        database.close()


def _claimed(settings: Settings, service: Service, database: Database) -> bool:
    """Wait for the lease; False when asked to stop before. A standby is well, and so it is ready."""
    told = False
    while not service.stop.is_set():
        service.tick()
        try:
            if alert_state.claim(database, settings.alerts.group, service.instance, service.clock.now()):
                return True
            if not told:
                service.log.info("stands_by")
                told = True
            service.ready.set()
        except StoreUnavailable as error:
            service.ready.clear()
            service.log.warning("waiting", what=error.what, why=error.why)
        service.wait(STANDBY_S)
    return False


class Probe:
    """What rows and the ends of the log tell of the system: its own measures, and how far the processors are."""

    def __init__(self, settings: Settings, bus: Bus, database: Database) -> None:
        self._database, self._admin = database, bus.admin()
        self._scoring = Stream(settings.processor.group, settings.bus.topic_raw)
        self._scored = settings.bus.topic_scored

    def unscored(self) -> set[int]:
        """Partitions of scored stories of which some are still to be scored. Raises Retryable.

        A story has the same partition on both topics where they have as many; else any may be held up.
        """
        with self._database.reading() as connection:
            offsets = alert_system.positions(connection).get((self._scoring.consumer, self._scoring.topic), {})
        behind = {p for p, lag in self._lags(self._scoring.topic, offsets).items() if lag}
        if not behind:
            return behind
        partitions = self._admin.describe_topic(self._scored).partitions
        raw = self._admin.describe_topic(self._scoring.topic).partitions
        return behind if partitions == raw else set(range(partitions))

    def read(self, asked: Collection[Asked], now: datetime) -> list[Reading]:
        """The measures that rules ask for. One that cannot be read is left out: that is not 0."""
        if not asked:
            return []
        with self._database.transaction() as connection:
            found = alert_system.read(connection, asked, now)
            positions = alert_system.positions(connection)
        if Asked(Measure.LAG, 0) in asked:
            for (consumer, topic), offsets in sorted(positions.items()):
                with suppress(BusUnavailable, TopicMissing):
                    lag = sum(self._lags(topic, offsets).values())
                    found.append(Reading(consumer, Measure.LAG, 0, float(lag)))
        return found

    def _lags(self, topic: str, offsets: Mapping[int, int]) -> dict[int, int]:
        bounds = self._admin.describe_topic(topic).bounds
        return {p: max(0, bound.end - max(bound.start, offsets.get(p, 0))) for p, bound in bounds.items()}

    def close(self) -> None:
        self._admin.close()
