"""The evaluator, killed with signal 9 between its writes: nothing is said twice, and nothing is left unsaid."""

import signal
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from newstide.alerting.channel import Channel, ChannelKind
from newstide.alerting.subscription import Subscription
from newstide.store import alerting, health, people
from newstide.store.delivery_schema import deliveries
from newstide.store.rehearsing import rehearse
from tests.integration.evaluators import MONTH, keep_rules, month, processor
from tests.integration.killed_alerts import STEPS
from tests.integration.loops import Stage
from tests.services.common import plain_environment

ROOT = Path(__file__).resolve().parents[2]
NEVER = 1_000_000
SECRET = "whsec_" + "QUJD" * 8


def environment(stage: Stage) -> dict[str, str]:
    """Small turns, and the stage's topics."""
    ours = {
        "NEWSTIDE_ALERTS__BATCH_STORIES": "8",
        "NEWSTIDE_BUS__TOPIC_RAW": stage.raw,
        "NEWSTIDE_BUS__TOPIC_SCORED": stage.scored,
        "NEWSTIDE_STORE__URL": stage.database_url,
        "PYTHONPATH": str(ROOT),
    }
    if stage.kind == "embedded":
        bus = {"NEWSTIDE_DATA_DIR": str(Path(stage.address).parent)}
    else:
        session = {"NEWSTIDE_BUS__SESSION_TIMEOUT_S": "6"}
        bus = session | {"NEWSTIDE_BUS__KIND": "kafka", "NEWSTIDE_BUS__BOOTSTRAP": stage.address}
    return plain_environment() | ours | bus


def evaluate(stage: Stage, step: str, turn: int) -> int:
    """How the command ended."""
    command = [sys.executable, "-m", "tests.integration.killed_alerts", step, str(turn)]
    return subprocess.run(command, env=environment(stage), cwd=ROOT, check=False, timeout=120).returncode


def test_killed_between_any_two_writes_it_says_each_thing_once(stage: Stage) -> None:
    """Once in each part of the news, each time at another step, and started again."""
    rules, news, now = keep_rules(stage), month(), datetime.now(UTC)
    address = "https://hooks.example/ann"
    people.put_channel(stage.database, Channel("ann", "hook", ChannelKind.WEBHOOK, address, SECRET), now)
    people.put_subscription(stage.database, Subscription(owner="ann", name="all", channels=("hook",)), now)
    part = len(news) // len(STEPS)
    for place, step in enumerate(STEPS):
        stage.publish(*news[place * part : (place + 1) * part])
        processor(stage, drain=True).run()
        assert evaluate(stage, step, 2) == -signal.SIGKILL
        assert evaluate(stage, step, NEVER) == 0
    news = news[: part * len(STEPS)]

    until = max(item.published_at for item in news) - timedelta(minutes=5)
    expected = rehearse(stage.database, rules, MONTH, until).firings
    said = alerting.list_firings(stage.database)
    assert sorted(f.firing_id for f in said if f.at < until) == sorted(f.firing_id for f in expected)
    query = deliveries.select().with_only_columns(deliveries.c.firing_id)
    with stage.database.transaction() as connection:
        due = Counter(connection.execute(query).scalars())
    assert due == Counter(f.firing_id for f in said)
    tallies = [p for p in health.partitions(stage.database) if p.consumer == "alerts"]
    assert sum(p.stored for p in tallies) == len(news)
    assert not health.dead_letter_counts(stage.database)
