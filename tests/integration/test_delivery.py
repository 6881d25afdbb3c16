"""The sender against real receivers. The clock is ours: three days of retries pass in a moment."""

import socket
import threading
from collections.abc import Iterator
from datetime import time, timedelta
from pathlib import Path
from typing import Any

import pytest

from alerts.channels.webhook import Webhooks
from alerts.send import carriers
from newstide.alerting.channel import Channel, ChannelKind
from newstide.alerting.firing import Kind
from newstide.alerting.retrying import SCHEDULE_S
from newstide.alerting.subscription import Subscription
from newstide.errors import UsageError
from newstide.outbound.guard import Guard
from newstide.sections import DeliverySettings
from newstide.signing import secret_of, verify
from newstide.store import people, sending
from tests.firings import NOON, firing
from tests.integration.delivering import SECRET, Scene
from tests.receivers import Hooks, hooks

DAY = timedelta(days=1)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    yield made
    made.database.close()


@pytest.fixture
def web() -> Iterator[Hooks]:
    with hooks() as made:
        yield made


def test_a_webhook_is_signed_told_once_and_done(scene: Scene, web: Hooks) -> None:
    scene.person("ann", f"{web.address}/a")
    scene.fire(firing())
    scene.send()
    scene.send(3_600)
    (call,) = web.calls
    signed = (call.id, call.headers["webhook-timestamp"], call.headers["webhook-signature"])
    assert verify([secret_of(SECRET)], signed, call.body, scene.clock.now() - timedelta(hours=1))
    assert b'"type":"alert.fired"' in call.body
    assert scene.states() == ["sent"]
    assert scene.column("SELECT verdict FROM delivery_attempts") == ["sent"]


@pytest.mark.parametrize("step", [500, 502, 404, 400, (301, {"location": "/b"}), (307, {"location": "/b"}), "drop"])
def test_a_receiver_that_fails_is_asked_again_by_the_published_schedule(scene: Scene, web: Hooks, step: Any) -> None:
    web.script["/a"] = [step, step, step, 200]
    scene.person("ann", f"{web.address}/a")
    scene.fire(firing())
    scene.send()
    for number, wait_s in enumerate(SCHEDULE_S[1:4], start=1):
        scene.send(wait_s - 1)
        assert len(web.calls) == number, "not before its time"
        scene.send(wait_s * 0.2 + 2)
    assert len(web.calls) == 4 and len({call.id for call in web.calls}) == 1
    assert web.of("/b") == [], "a redirect is not followed"
    assert scene.states() == ["sent"]
    assert scene.column("SELECT verdict FROM delivery_attempts ORDER BY number") == ["retry"] * 3 + ["sent"]


def test_a_receiver_that_is_down_for_a_while_is_told_when_it_is_back(scene: Scene) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    scene.person("ann", f"http://127.0.0.1:{port}/a")
    scene.fire(firing(number=1), firing(number=2))
    scene.send()
    scene.send(7)
    assert scene.states() == ["pending", "pending"]
    with hooks(port) as web:
        scene.send(400)
        assert len({call.id for call in web.calls}) == len(web.calls) == 2
    assert scene.states() == ["sent", "sent"]
    assert scene.column("SELECT DISTINCT detail FROM delivery_attempts WHERE verdict = 'retry'") == ["cannot connect"]


def test_what_a_receiver_asks_to_wait_is_waited(scene: Scene, web: Hooks) -> None:
    web.script["/a"] = [(429, {"retry-after": "120"}), 200]
    scene.person("ann", f"{web.address}/a")
    scene.fire(firing())
    scene.send()
    scene.send(100)
    assert len(web.calls) == 1
    scene.send(21)
    assert scene.states() == ["sent"]


def test_a_receiver_that_is_gone_is_not_asked_again_until_a_person_says_so(scene: Scene, web: Hooks) -> None:
    web.script["/a"] = [410, 200]
    scene.person("ann", f"{web.address}/a")
    scene.fire(firing(number=1))
    scene.send()
    scene.fire(firing(number=2))
    scene.send(90_000)
    assert len(web.calls) == 1
    assert scene.states() == ["disabled", "pending"]
    (channel,) = people.channels_of(scene.database, "ann")
    assert channel.disabled_at is not None and channel.disabled_why == "status 410"
    assert people.enable_channel(scene.database, "ann", "hook", scene.clock.now())
    assert sending.replay(scene.database, "ann", None, scene.clock.now()) == 1
    scene.send()
    assert scene.states() == ["sent", "sent"]
    assert len({call.id for call in web.calls}) == 2 and len(web.calls) == 3


def test_what_is_exhausted_is_seen_and_can_be_sent_again(scene: Scene, web: Hooks) -> None:
    web.script["/a"] = [500]
    scene.person("ann", f"{web.address}/a")
    scene.fire(firing())
    for wait_s in SCHEDULE_S:
        scene.send(wait_s * 1.21)
    scene.send(10 * 86_400)
    assert len(web.calls) == len(SCHEDULE_S) and scene.states() == ["exhausted"]
    web.script["/a"] = [200]
    delivery = web.calls[0].id
    assert sending.replay(scene.database, "bo", delivery, scene.clock.now()) == 0, "that is another's"
    assert sending.replay(scene.database, "ann", delivery, scene.clock.now()) == 1
    scene.send()
    assert scene.states() == ["sent"] and web.calls[-1].id == delivery
    assert scene.column("SELECT max(number) FROM delivery_attempts") == [len(SCHEDULE_S) + 1]


def test_order_is_kept_and_a_digest_is_one_message(scene: Scene, web: Hooks) -> None:
    scene.person("ann", f"{web.address}/a")
    scene.person("bo", f"{web.address}/b")
    people.put_subscription(
        scene.database, Subscription(owner="bo", name="hook", channels=("hook",), digest=(time(18),)), NOON
    )
    for owner in ("ann", "bo"):
        scene.fire(*(firing(number=number, owner=owner, rule_id=owner) for number in range(5)))
    scene.clock.advance(1)
    scene.fire(firing(Kind.RESOLVED, number=4, owner="ann", rule_id="ann"))
    scene.send()
    assert [b"alert.resolved" in call.body for call in web.of("/a")] == [False] * 5 + [True]
    assert web.of("/b") == []
    scene.send(6 * 3_600 + 1)
    (digest,) = web.of("/b")
    assert b'"type":"alert.digest"' in digest.body and digest.body.count(b'"firing_id"') == 5
    assert set(scene.states()) == {"sent"}


@pytest.mark.parametrize("step", ["hang", "drip"])
def test_a_slow_receiver_holds_up_nobody_else(scene: Scene, web: Hooks, step: str) -> None:
    web.script["/slow"] = [step]
    scene.person("ann", f"{web.address}/slow")
    scene.person("bo", f"{web.address}/fast")
    scene.fire(*(firing(number=n, owner="ann", rule_id="ann") for n in range(3)))
    sender = scene.sender()
    thread = threading.Thread(target=sender.run)
    thread.start()
    try:
        assert web.hanging.wait(20)
        scene.fire(*(firing(number=n, owner="bo", rule_id="bo") for n in range(10)))
        assert web.wait("/fast", 10)
        assert len(web.of("/slow")) == 1, "one message at a time to one receiver"
    finally:
        scene.service.stop.set()
        for _ in range(60):
            scene.clock.advance(1)
            thread.join(0.2)
    assert not thread.is_alive(), "what is under way is broken off"
    assert scene.column("SELECT verdict FROM delivery_attempts WHERE verdict NOT IN ('sent')") == ["cancelled"]
    scene.service.stop.clear()
    web.release.set()
    web.script["/slow"] = [200]
    scene.send()
    assert set(scene.states()) == {"sent"}
    assert web.of("/slow")[0].id == web.of("/slow")[1].id


# --- addresses within ---------------------------------------------------------------------------------------------


def test_an_address_within_is_refused_when_saved_and_when_sent(scene: Scene, web: Hooks) -> None:
    inner = Channel("ann", "hook", ChannelKind.WEBHOOK, f"{web.address}/a", SECRET)
    strict = Webhooks(Guard(any_port=True), allow_http=True)
    with pytest.raises(UsageError, match="address: it must not be visited"):
        strict.check(inner)
    scene.person("ann", inner.address)
    scene.carriers = {ChannelKind.WEBHOOK: strict}
    scene.fire(firing())
    scene.send()
    assert web.calls == [] and scene.states() == ["disabled"]


def test_a_name_that_moves_within_after_it_was_saved_is_refused(
    scene: Scene, web: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first answer is a public address, every later one is ours: what a rebinding attack does."""
    answers = ["93.184.216.34", "127.0.0.1", "127.0.0.1"]
    real = socket.getaddrinfo

    def lying(host: Any, *given: Any, **more: Any) -> Any:
        return real(answers.pop(0) if host == "rebind.example" else host, *given, **more)

    monkeypatch.setattr(socket, "getaddrinfo", lying)
    strict = Webhooks(Guard(any_port=True), allow_http=True)
    port = web.address.rpartition(":")[2]
    moving = Channel("ann", "hook", ChannelKind.WEBHOOK, f"http://rebind.example:{port}/a", SECRET)
    strict.check(moving)
    scene.person("ann", moving.address)
    scene.carriers = {ChannelKind.WEBHOOK: strict}
    scene.fire(firing())
    scene.send()
    assert web.calls == [] and scene.states() == ["disabled"]


def test_only_https_is_taken_unless_the_settings_say_otherwise() -> None:
    usual = carriers(DeliverySettings())[ChannelKind.WEBHOOK]
    with pytest.raises(UsageError, match="address: it is not https"):
        usual.check(Channel("ann", "hook", ChannelKind.WEBHOOK, "http://example.com/", SECRET))
