"""What the consume loop calls: hold stories against the rules, keep what was said with what is remembered."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from alerts.evaluating import Work, decode, refuse, tally
from newstide.alerting import adopting
from newstide.alerting.engine import Engine
from newstide.alerting.firing import Firing, Kind
from newstide.alerting.memory import EpisodeKey, Memory
from newstide.alerting.past import Histories
from newstide.alerting.telling import told
from newstide.alerting.watching import Asked, Reading, asked, observe
from newstide.alerting.windows import MICROS, micros, moment
from newstide.bus.port import Record
from newstide.codec import BadLine
from newstide.consume.port import Behind
from newstide.errors import StandDown
from newstide.index.series import Hourly
from newstide.messages import Reason, Tally
from newstide.service import Service
from newstide.settings import Settings
from newstide.store import alert_reading, alert_rules, alert_state, alerting, outbox, writes
from newstide.store.database import Database, Transaction
from newstide.store.rehearsing import first_hour

Watch = Callable[[Collection[Asked], datetime], list[Reading]]
"""Reads the system's own measures. Raises Retryable."""

Unscored = Callable[[], Collection[int]]
"""Partitions of scored stories of which the processors have some still before them. Raises Retryable."""

STORED_WITHIN_S: Final = 2.0
"""From the announcement of a story to its row. What is not there then was refused, or is announced again."""
LOOK_AGAIN_S: Final = 0.01
RENEW_EVERY_S: Final = 5.0
"""Of the lease: a quarter of it."""
ASKING_SHARE: Final = 0.1
"""Of our time, at most, goes into asking what holds time back: a busy broker takes as long over it as a turn takes. In
between time stands, which rules of single stories do not notice."""
ASK_WITHIN_S: Final = 2.0
"""However long the last answer took."""
WATCH_EVERY_S: Final = 15.0
"""Between two readings of the system: a rule on it is of minutes."""


class EvaluateStories:
    """The handler of `news.scored`; see `newstide.consume.port`. Not for two threads."""

    def __init__(
        self, settings: Settings, database: Database, service: Service, watch: Watch, unscored: Unscored
    ) -> None:
        self._topic, self._group = settings.bus.topic_scored, settings.alerts.group
        self._lateness_s = settings.alerts.lateness_s
        self._database, self._service, self._watch, self._unscored = database, service, watch, unscored
        self._engine: Engine | None = None
        self._version = -1
        self._stamp: tuple[int, ...] = ()
        self._transaction: Transaction | None = None
        self._waiting: Collection[int] | None = None
        """What holds time back in the turn in hand; None: it was not asked, and time stands."""
        self._asked_s, self._answer_s = float("-inf"), 0.0
        self._parting: list[Firing] = []
        """Alerts that ended because their rule was changed, to be said with the next."""
        self._renewed_s = self._watched_s = float("-inf")

    # --- between turns ---

    def reading(self, behind: Behind) -> None:
        self._now_and_then()
        rested_s = self._service.clock.monotonic() - self._asked_s
        due = rested_s >= min(self._answer_s / ASKING_SHARE, ASK_WITHIN_S)
        self._waiting = self._left(behind) if due else None

    def idle(self, behind: Behind) -> None:
        self._now_and_then()
        waiting = self._left(behind)
        with self._database.transaction() as transaction:
            now = self._service.clock.now()
            engine = self._entered(transaction)
            firings = engine.advance(waiting)
            self._say(transaction, firings if waiting else firings + engine.tick(now), now)

    def _left(self, behind: Behind) -> set[int]:
        """Partitions that hold time back: more of them is to be read, or still to be scored. In this order: what is
        scored between the two questions is on the bus when the second is asked."""
        begun_s = self._service.clock.monotonic()
        unscored = self._unscored()
        left = {*unscored, *behind()}
        self._asked_s = self._service.clock.monotonic()
        self._answer_s = self._asked_s - begun_s
        return left

    def _now_and_then(self) -> None:
        now_s, now = self._service.clock.monotonic(), self._service.clock.now()
        if now_s - self._renewed_s >= RENEW_EVERY_S:
            if not alert_state.claim(self._database, self._group, self._service.instance, now):
                raise StandDown("another process evaluates", why="this one was not heard of for too long")
            self._renewed_s = now_s
        if now_s - self._watched_s >= WATCH_EVERY_S and self._engine is not None:
            self._watched_s = now_s
            readings = self._watch(asked(self._engine.book), now)
            with self._database.transaction() as transaction:
                engine = self._entered(transaction)
                self._say(transaction, observe(engine.book, engine.memory, readings, micros(now)), now)

    # --- a turn ---

    def prepare(self, records: Sequence[Record]) -> Work:
        return decode(records, self._topic, self._service.clock.now())

    def give_up(self, record: Record, reason: Reason, detail: str) -> Work:
        line = BadLine(-1, record.value or b"", reason, detail)
        return Work(rejected=[(record.partition, refuse(record, self._topic, line, self._service.clock.now()))])

    def announce(self, work: Work) -> None:
        """Wait until what was announced is stored: baselines are then whole, and evidence can be opened."""
        keys = {story.key for _, story in work.stories}
        since_s = self._service.clock.monotonic()
        while keys:
            with self._database.reading() as connection:
                left = alert_reading.missing(connection, keys)
            if not left or self._service.clock.monotonic() - since_s > STORED_WITHIN_S:
                return
            self._service.wait(LOOK_AGAIN_S)
            if self._service.stop.is_set():
                return

    def write(self, transaction: Transaction, work: Work, now: datetime) -> Mapping[int, Tally]:
        engine = self._entered(transaction)
        firings = [firing for partition, story in work.stories for firing in engine.arrive(story, partition)]
        if self._waiting is not None:
            firings += engine.advance(self._waiting)
        self._say(transaction, firings, now)
        self._say(transaction, outbox.corrected(transaction, [story for _, story in work.stories]), now)
        writes.add_rejects(transaction, [reject for _, reject in work.rejected])
        return tally(work)

    def _say(self, transaction: Transaction, firings: Sequence[Firing], now: datetime) -> None:
        """Keep what is new with what is due to whom, and where the engine stands now."""
        parting, self._parting = self._parting, []
        new = alerting.add_firings(transaction, [*parting, *firings], now)
        outbox.add(transaction, new, now)
        for firing in new:
            self._service.metrics.count("alerts_firings", kind=firing.kind.value)
            self._service.log.info("alert", kind=firing.kind.value, rule=firing.rule_id, subject=firing.subject)
        if self._engine is not None:
            alert_state.write(transaction, self._group, self._engine.memory.changes())

    # --- the state ---

    def _entered(self, transaction: Transaction) -> Engine:
        """The engine as the database has it: read again where a turn of ours was rolled back, or another process wrote;
        brought in step with the rules."""
        self._transaction, self._parting = transaction, []
        if self._engine is None or not alert_state.advance(transaction, self._group, self._version):
            self._version = alert_state.take(transaction, self._group)
            self._engine = None
            memory = Memory(alert_state.rows(transaction, self._group))
        else:
            self._version += 1
            memory = self._engine.memory
        stamp = alert_rules.stamp(transaction)
        if self._engine is None or stamp != self._stamp:
            self._engine = self._adopted(transaction, memory)
            self._stamp = stamp
        return self._engine

    def _adopted(self, transaction: Transaction, memory: Memory) -> Engine:
        book = alert_rules.book(transaction)
        self._service.metrics.set("alerts_rules", len(book.rules))
        engine = Engine(book, Histories(self._hourly, self._begin), memory, self._lateness_s)
        for place, fired_id in adopting.left_behind(memory, book).items():
            self._parting += self._ended(transaction, engine, place, fired_id)
        wanted = adopting.to_fill(memory, book)
        if wanted and memory.clock.times_us:
            end = moment(memory.clock.watermark_us)
            since = end - timedelta(seconds=max(wanted.values()) / MICROS)
            adopting.fill(memory, wanted, alert_reading.announced(transaction, since, end))
        return engine

    def _ended(self, transaction: Transaction, engine: Engine, place: EpisodeKey, fired_id: str) -> list[Firing]:
        """An alert that stood when its rule was changed: whoever was told hears that nothing follows."""
        rule_id, version, key = place
        for row in alert_rules.versions(transaction, rule_id):
            if row.stored.version == version:
                fired = alerting.firing(transaction, fired_id)
                at_us = max(engine.memory.clock.watermark_us, micros(fired.at) if fired else 0)
                firing = told(engine.book, row.stored, key, Kind.RESOLVED, fired_id, at_us)
                return [msgspec.structs.replace(firing, answers=fired_id, note="the rule was changed")]
        return []

    def _hourly(self, key: str, first: int, end: int) -> Hourly:
        return alert_reading.hourly(self._open, key, first, end)

    def _begin(self) -> int | None:
        return first_hour(self._open)

    @property
    def _open(self) -> Transaction:
        """The transaction of the turn in hand: SQLite has room for no second one."""
        if self._transaction is None:
            raise RuntimeError("a baseline is read inside a turn")
        return self._transaction
