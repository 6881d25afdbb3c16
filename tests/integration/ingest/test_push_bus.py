"""What a push promises of the bus: 2xx only for what is there, through a bus that is away, kills and stops."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path

from newstide.messages import NewsItem, story_id_of
from newstide.settings import Settings
from tests.integration.ingest.conftest import read_records
from tests.integration.ingest.pushing import Receiver, receiver_of, signed, story
from tests.services.broker import Broker
from tests.services.common import wait_for


def ids_on_the_bus(settings: Settings) -> set[str]:
    return {item.story_id for item in read_records(settings)[0]}


def story_ids(numbers: set[int]) -> set[str]:
    return {story_id_of("wire", f"s{number}") for number in numbers}


BACK_OFF_S = 0.1
"""Of a sender that was refused; without it eight of them leave the receiver no processor to start on."""


class Senders:
    """Threads that push stories of their own, each again under the same id until it is accepted."""

    def __init__(self, receiver: Receiver, count: int = 8) -> None:
        self.receiver, self.accepted, self.statuses = receiver, set[int](), defaultdict[int, int](int)
        self.enough = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._send, args=(n, count)) for n in range(count)]

    def _send(self, number: int, step: int) -> None:
        while not self.enough.is_set():
            if self._push(number):
                number += step
            else:
                self.enough.wait(BACK_OFF_S)

    def _push(self, number: int) -> bool:
        body = json.dumps(story(number)).encode()
        try:
            status = self.receiver.post(body, signed(body, f"m{number}")).status
        except (OSError, HTTPException):  # cut off: nobody knows
            status = 0
        with self._lock:
            self.statuses[status] += 1
            if status == 200:
                self.accepted.add(number)
        return status == 200

    @contextmanager
    def at_work(self) -> Iterator[None]:
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self.enough.set()
            for thread in self._threads:
                thread.join(60)

    def wait_for(self, count: int) -> None:
        wait_for(lambda: len(self.accepted) >= count, f"{count} are accepted")


def test_w16_the_broker_is_stopped_and_started(broker: Broker, topic: Callable[..., str], tmp_path: Path) -> None:
    bus = {"kind": "kafka", "bootstrap": broker.bootstrap, "topic_raw": topic(partitions=3)}
    settings = Settings(data_dir=tmp_path / "var", bus=bus)
    environment = {f"NEWSTIDE_BUS__{name.upper()}": value for name, value in bus.items()}
    with receiver_of(settings, tmp_path, **environment) as receiver:
        senders = Senders(receiver)
        with senders.at_work():
            senders.wait_for(50)
            broker.kill()
            wait_for(lambda: receiver.get("/readyz") == 503, "it is not ready")
            accepted = len(senders.accepted)
            away = receiver.push(story(-1))
            assert away.status == 503 and int(away.headers["retry-after"]) >= 1
            assert receiver.get("/livez") == 200
            assert len(senders.accepted) == accepted, "nothing is accepted while the broker is away"
            broker.start()
            senders.wait_for(accepted + 50)
        assert receiver.terminate() == 0, receiver.said()
    assert senders.statuses.keys() <= {200, 503}
    assert senders.statuses[503] >= 1
    found = ids_on_the_bus(settings) - story_ids({-1})
    assert found >= story_ids(senders.accepted)


def test_killed_between_the_bus_and_the_answer(settings: Settings, tmp_path: Path) -> None:
    """What was in hand is sent again: each story is on the bus as revision 1, once or more, and no other."""
    with receiver_of(settings, tmp_path) as receiver:
        senders = Senders(receiver)
        with senders.at_work():
            for round_ in range(1, 4):
                senders.wait_for(40 * round_)
                receiver.kill()
                receiver.start()
            senders.wait_for(160)
        assert receiver.terminate() == 0
        items = read_records(settings)[0]
        assert {item.story_id for item in items} >= story_ids(senders.accepted)
        assert {item.revision for item in items} == {1}
        state = receiver.state()
        assert len(senders.accepted) <= state.received == state.published + state.unchanged + state.rejected


def test_sigterm_under_load_answers_what_is_in_hand(settings: Settings, tmp_path: Path) -> None:
    with receiver_of(settings, tmp_path) as receiver:
        senders = Senders(receiver)
        with senders.at_work():
            senders.wait_for(100)
            assert receiver.terminate() == 0, receiver.said()
            senders.enough.set()
        assert ids_on_the_bus(settings) == story_ids(senders.accepted), "answered is published, and published answered"
        assert "Traceback" not in receiver.said()


def test_two_receivers_share_ids_and_revisions(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    with receiver_of(settings, tmp_path) as one, receiver_of(settings, tmp_path / "b") as two:
        both = (one, two)
        assert [receiver.push(story(1), message_id="a").json["repeated"] for receiver in both] == [False, True]
        assert two.push(story(2), message_id="a").status == 409

        def edit(receiver: Receiver, name: str) -> None:
            for number in range(30):
                assert receiver.push(story(7, title=f"{name} {number}")).status == 200

        threads = [threading.Thread(target=edit, args=(r, f"{n} {k}")) for n, r in enumerate(both) for k in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        edits = [item for item in read_records(settings)[0] if item.story_id == story_id_of("wire", "s7")]
        assert_numbered(edits, 120)
        assert one.state().received == 121


def assert_numbered(edits: list[NewsItem], count: int) -> None:
    """Each text a revision of its own, in the order in which they lie in the log."""
    assert [item.revision for item in edits] == list(range(1, count + 1))
    assert len({item.content_hash for item in edits}) == count
