"""The whole way of an alert: from the row of a scored story to the request at somebody's webhook, with 10,000 rules.

    python -m benchmarks.bench_alert_path                    1,000 stories/s for 30 s, real Kafka and PostgreSQL
    python -m benchmarks.bench_alert_path --embedded         the same on the two SQLite files
    python -m benchmarks.bench_alert_path --rules 10000 --rate 200 --seconds 10

A feeder does what a processor does with scored stories (announce, then one transaction with rows and rollups), ten
times a second, whether or not anybody keeps up. `newstide alerts run` and `newstide alerts send` run as processes. One
story in a hundred is one that a single-story rule of somebody with a webhook waits for; the other rules are those of
`bench_alerts --throughput`, and their alerts go to an inbox alone. Feeder and receiver share the machine with what they
measure: `cores` says what each took. Prints a summary, then one JSON line. Exit status 1 when a check fails; the aim
(p95 under a second) is reported and fails nothing, for it is a matter of the machine.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, Final

from benchmarks import alert_load, alert_path
from benchmarks.alert_path import Told
from benchmarks.bench_delivery import SECRET, fork, receive
from benchmarks.ground import Child, conclude, ground, machine, program, wait_until
from newstide.alerting.channel import Channel, ChannelKind
from newstide.alerting.subscription import Subscription
from newstide.bus.connect import connect_ready
from newstide.entities.starter import entities
from newstide.messages import ScoredStory
from newstide.settings import Settings, load
from newstide.store import alert_rules, people, writes
from newstide.store.alert_tables import firings
from newstide.store.connect import connect
from newstide.store.database import Database
from newstide.store.delivery_schema import deliveries, delivery_attempts, firing_stories
from newstide.store.schema import stories
from processor.pipeline import announcements
from tests.services.common import free_port

WATCHED_EVERY: Final = 100
"""Stories for one that somebody is told of: 10 alerts a second at the full rate, one for each watcher."""
TURN_S: Final = 0.1
"""Of the feeder; what a processor's turn takes at that rate."""
SETTLE_S: Final = 60.0
"""For what is on its way when the feeder ends. What is not there by then fails a check."""
OPEN: Final = {"NEWSTIDE_DELIVERY__ALLOW_HTTP": "true", "NEWSTIDE_DELIVERY__ALLOW_PRIVATE_ADDRESSES": "true"}


@dataclass
class Stand:
    """Settings of a bus and a database, our two programs, and a receiver."""

    environment: dict[str, str]
    scratch: Path
    children: dict[str, Child] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        return load(environment={k: v for k, v in self.environment.items() if k.startswith("NEWSTIDE_")})[0]

    def start(self, name: str, *command: str) -> Child:
        port = free_port()
        environment = self.environment | OPEN | {"NEWSTIDE_SERVICE__HEALTH_PORT": str(port)}
        child = Child(name, [*program(), *command], environment, self.scratch / f"{name}.log", port)
        self.children[name] = child
        child.start()
        return child

    def arrivals(self) -> list[tuple[str, float]]:
        calls = self.scratch / "calls"
        lines = calls.read_text("ascii").split("\n")[:-1] if calls.exists() else []
        return [(line.split()[0], float(line.split()[1])) for line in lines]


@dataclass
class Fed:
    due: list[str] = field(default_factory=list)
    """Ids of the watched stories."""
    stories: int = 0
    seconds: float = 0.0
    late_s: float = 0.0
    """How far the feeder itself fell behind at most."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rules", type=int, default=10_000)
    parser.add_argument("--rate", type=float, default=1_000.0, help="stories a second")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--embedded", action="store_true", help="SQLite instead of Kafka and PostgreSQL")
    parser.add_argument("--json", action="store_true", help="print one JSON line alone")
    options = parser.parse_args()
    with _embedded() if options.embedded else _cluster() as stand:
        report = _measured(stand, options)
    return conclude(report, options.json)


@contextlib.contextmanager
def _embedded() -> Iterator[Stand]:
    scratch = Path(tempfile.mkdtemp(prefix="newstide-bench-"))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NEWSTIDE_")}
    ours = {"NEWSTIDE_DATA_DIR": str(scratch / "var"), "NEWSTIDE_SERVICE__LOG_LEVEL": "warning"}
    try:
        with _running(Stand(kept | ours, scratch)) as stand:
            yield stand
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextlib.contextmanager
def _cluster() -> Iterator[Stand]:
    with ground(6) as made, _running(Stand(made.environment(), made.scratch)) as stand:
        yield stand


@contextlib.contextmanager
def _running(stand: Stand) -> Iterator[Stand]:
    try:
        yield stand
    finally:
        for child in stand.children.values():
            print(child.log.read_text("utf-8")[-2_000:], file=sys.stderr, end="")
            if child.running():
                child.kill()


def _measured(stand: Stand, options: argparse.Namespace) -> dict[str, Any]:
    port = fork.Value("i", 0)
    receiver = fork.Process(target=receive, args=(stand.scratch, port, False), daemon=True)
    receiver.start()  # before there is any thread or connection of ours
    wait_until(lambda: port.value != 0, "the receiver listens", 10)
    database = connect(stand.settings)
    try:
        _keep_rules(database, options.rules, f"http://127.0.0.1:{port.value}/hook")
        evaluator = stand.start("alerts", "alerts", "run", "--instance", "bench")
        sender = stand.start("sender", "alerts", "send")
        wait_until(
            lambda: sender.ready() and evaluator.ready() and evaluator.metric("newstide_alerts_rules") >= options.rules,
            "both are ready, the rules known",
            120,
        )
        used_s = {name: child.cpu_s() for name, child in stand.children.items()}
        ours_s = time.process_time()
        fed = _feed(stand.settings, database, options)
        cores = {name: round((child.cpu_s() - used_s[name]) / fed.seconds, 2) for name, child in stand.children.items()}
        cores["feeder"] = round((time.process_time() - ours_s) / fed.seconds, 2)
        with contextlib.suppress(SystemExit):  # what is missing then fails a check
            wait_until(lambda: len({each for each, _ in stand.arrivals()}) >= len(fed.due), "all arrived", SETTLE_S)
        told, arrivals = _told(database), stand.arrivals()
    finally:
        database.close()
        receiver.terminate()
    return _report(options, fed, told, arrivals) | {"cores": cores}


def _keep_rules(database: Database, count: int, address: str) -> None:
    now = datetime.now(UTC)
    with database.transaction() as transaction:
        names = alert_rules.names(transaction)
        watched = alert_path.watched_rules(names)
        others = alert_load.rules(names, _ids(), count - len(watched))
        for rule in (*watched, *others):
            alert_rules.save(transaction, rule, rule.owner, now)
    for number in range(alert_path.WATCHERS):
        owner = alert_path.watcher(number)
        people.put_channel(database, Channel(owner, "hook", ChannelKind.WEBHOOK, address, SECRET), now)
        people.put_subscription(database, Subscription(owner=owner, name="all", channels=("hook",)), now)


def _ids() -> list[str]:
    return [entity.entity_id for entity in entities()]


def _feed(settings: Settings, database: Database, options: argparse.Namespace) -> Fed:
    """Open-loop: a story is due at its time, however late the ones before were stored."""
    load_of = _load(int(options.rate * options.seconds))
    producer = connect_ready(settings).producer()
    fed, partitions = Fed(), producer.partitions(settings.bus.topic_scored)
    began_s = time.monotonic()
    with contextlib.closing(producer):
        while fed.stories < len(load_of):
            wait_s = began_s + fed.stories / options.rate + TURN_S - time.monotonic()
            time.sleep(max(0.0, wait_s))
            fed.late_s = max(fed.late_s, -wait_s)
            reached = int((time.monotonic() - began_s) * options.rate) + 1
            turn = load_of[fed.stories : min(reached, fed.stories + settings.processor.batch_stories)]
            now = datetime.now(UTC)
            scored = [alert_path.at(story, now) for story in turn]
            producer.publish(settings.bus.topic_scored, announcements(scored, partitions))
            with database.transaction() as transaction:
                writes.add_stories(transaction, scored, datetime.now(UTC))
            fed.due += [story.item.story_id for story in scored if alert_path.PHRASE in story.item.title]
            fed.stories += len(turn)
    fed.seconds = time.monotonic() - began_s
    return fed


def _load(count: int) -> list[ScoredStory]:
    chance, ids = Random(1), _ids()  # noqa: S311 - a load, not a secret
    made = [alert_load.story(chance, ids, number) for number in range(count)]
    for place in range(WATCHED_EVERY // 2, count, WATCHED_EVERY):
        made[place] = alert_path.watched(made[place], place // WATCHED_EVERY)
    return made


def _told(database: Database) -> list[Told]:
    with_story = firing_stories.join(firings, firings.c.firing_id == firing_stories.c.firing_id)
    with_row = with_story.join(stories, stories.c.story_id == firing_stories.c.story_id)
    due = with_row.join(deliveries, deliveries.c.firing_id == firings.c.firing_id)
    tried = due.join(delivery_attempts, delivery_attempts.c.delivery_id == deliveries.c.delivery_id)
    first = tried.select().where(delivery_attempts.c.number == 1)
    query = first.with_only_columns(
        firing_stories.c.story_id,
        deliveries.c.delivery_id,
        stories.c.stored_at,
        firings.c.stored_at.label("fired_at"),
        delivery_attempts.c.started_at,
    )
    with database.transaction() as connection:
        return [Told(*row) for row in connection.execute(query)]


def _report(
    options: argparse.Namespace, fed: Fed, told: list[Told], arrivals: list[tuple[str, float]]
) -> dict[str, Any]:
    return {
        "benchmark": "alert_path",
        "bus": "embedded" if options.embedded else "kafka",
        "machine": machine(),
        "rules": options.rules,
        "rate": options.rate,
        "stories": fed.stories,
        "stories_per_second": round(fed.stories / fed.seconds, 1),
        "feeder_late_ms_max": round(1_000 * fed.late_s, 1),
        "alerts_due": len(fed.due),
        **alert_path.figures(told, arrivals),
        "checks": alert_path.checks(fed.due, told, arrivals),
    }


if __name__ == "__main__":
    sys.exit(main())
