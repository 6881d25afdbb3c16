"""Topics that others write to as well."""

from collections.abc import Callable
from contextlib import closing

import pytest

from newstide.bus.kafka import KafkaBus, KafkaConfig
from newstide.bus.port import Outgoing
from newstide.errors import MustStop
from tests.services.broker import Broker


@pytest.mark.parametrize("compression", ["zstd", "snappy"])
def test_records_that_cannot_be_unpacked_stop_the_reader(
    broker: Broker, topic: Callable[..., str], compression: str
) -> None:
    """Waiting would not help, and going on would lose them: a person decides."""
    name = topic(configs={"compression.type": compression})
    bus = KafkaBus(KafkaConfig(broker.bootstrap))
    with closing(bus.producer()) as producer:
        producer.publish(name, [Outgoing(0, b"k", b"v" * 5_000)])
    with closing(bus.consumer(name, "readers", "one", lambda _: {})) as consumer:
        with pytest.raises(MustStop, match="compressed") as caught:
            while not consumer.poll(1.0, 10):
                pass
        assert "compression.type" in caught.value.fix
