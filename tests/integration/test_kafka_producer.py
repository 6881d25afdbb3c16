"""The producer through an outage of the broker."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing

import pytest

from newstide.bus.kafka import KafkaBus, KafkaConfig
from newstide.bus.kafka import producer as producer_module
from newstide.bus.port import Outgoing
from newstide.errors import BusUnavailable
from tests.services.broker import Broker
from tests.services.common import wait_for

EXPIRE_S = 10.5
"""The least that the client allows: its time for a request, and its linger."""


def test_an_outage_longer_than_the_client_remembers(
    broker: Broker, topic: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed with a batch on the way, away until all that waited is dropped, it writes again with the broker back."""
    monkeypatch.setattr(producer_module, "EXPIRE_AFTER_S", EXPIRE_S)
    monkeypatch.setattr(producer_module, "ACKNOWLEDGE_WITHIN_S", 3.0)
    name, written, killed = topic(partitions=3), list[int](), threading.Event()

    with closing(KafkaBus(KafkaConfig(broker.bootstrap, connect_within_s=2.0)).producer()) as producer:

        def publish(number: int) -> bool:
            try:
                producer.publish(name, [Outgoing(p, b"k", b"%d" % number) for p in range(3)])
            except BusUnavailable:
                return False
            written.append(number)
            return True

        def kill_under_load() -> None:
            wait_for(lambda: len(written) >= 20, "it is at work")
            broker.kill()
            killed.set()

        killer = threading.Thread(target=kill_under_load)
        killer.start()
        while publish(len(written)):
            pass
        assert killed.wait(60)
        killer.join()
        deadline_s = time.monotonic() + EXPIRE_S
        while time.monotonic() < deadline_s:
            assert not publish(-1)
        broker.start()
        wait_for(lambda: publish(len(written)), "it writes again")
