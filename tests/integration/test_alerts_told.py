"""From a story on the bus to a request at a receiver, and to the correction when its publisher takes it back."""

import json
from datetime import UTC, datetime, timedelta

import structlog

from alerts.channels.webhook import Webhooks
from alerts.sender import Sender
from newstide.alerting.channel import Channel, ChannelKind
from newstide.alerting.subscription import Subscription
from newstide.clock import SystemClock
from newstide.messages import NewsItem, content_hash_of, story_id_of
from newstide.outbound.guard import Guard
from newstide.service import Service
from newstide.store import inbox, people
from newstide.telemetry import Metrics
from tests.integration.delivering import SECRET
from tests.integration.evaluators import evaluator, keep_rules, processor
from tests.integration.loops import Stage
from tests.receivers import hooks

NOW = datetime.now(UTC)


def news(revision: int = 1, *, withdrawn: bool = False) -> NewsItem:
    title = "Apple plunges after loss"
    return NewsItem(
        story_id=story_id_of("test", "one"),
        revision=revision,
        content_hash=content_hash_of(title, "", withdrawn=withdrawn),
        source="wire",
        title=title,
        language="en",
        published_at=NOW - timedelta(minutes=2),
        received_at=NOW - timedelta(minutes=2) + timedelta(seconds=revision),
        withdrawn=withdrawn,
    )


def pass_through(stage: Stage, *items: NewsItem) -> None:
    """Publish, score, evaluate, send."""
    stage.publish(*items)
    processor(stage, drain=True).run()
    evaluator(stage, drain=True).run()
    service = Service("send", "s", SystemClock(), Metrics(), structlog.get_logger())
    carriers = {ChannelKind.WEBHOOK: Webhooks(Guard.of(allow_private_addresses=True), allow_http=True)}
    Sender(stage.database, carriers, service, "https://news.example", 4).run(drain=True)


def test_a_story_that_fires_is_told_and_its_withdrawal_too(stage: Stage) -> None:
    keep_rules(stage, {"at-once": "apple: story negative"})
    with hooks() as web:
        for owner in ("ann", "bo"):
            channel = Channel(owner, "hook", ChannelKind.WEBHOOK, f"{web.address}/{owner}", SECRET)
            people.put_channel(stage.database, channel, NOW)
            wanted = Subscription(owner=owner, name="all", channels=("hook",))
            people.put_subscription(stage.database, wanted, NOW)
        pass_through(stage, news())
        pass_through(stage, news(2, withdrawn=True))
        said = [json.loads(call.body) for call in web.of("/ann")]
        assert web.of("/bo") == [], "it is Ann's rule"
    kinds = [each["type"] for each in said]
    assert kinds[0] == "alert.fired" and kinds.count("alert.corrected") == 1
    fired, corrected = said[0]["data"], said[kinds.index("alert.corrected")]["data"]
    assert (corrected["answers"], corrected["note"]) == (fired["firing_id"], "withdrawn")
    assert corrected["evidence"][0]["revision"] == 2
    assert {row.state for row in inbox.delivery_rows(stage.database, "ann")} == {"sent"}
