"""Settings of a broker that cannot work are refused before anything is contacted."""

from typing import Any

import pytest

from newstide.bus.connect import connect
from newstide.bus.kafka import KafkaBus
from newstide.errors import SettingsInvalid
from newstide.settings import Settings


def settings(**bus: Any) -> Settings:
    return Settings(bus={"kind": "kafka", "bootstrap": "localhost:9092"} | bus)


@pytest.mark.parametrize("address", ["a:1", "a.b-c:9092, d:9093", "127.0.0.1:1", "[::1]:9092", "host", "SSL://a:1"])
def test_addresses_of_brokers(address: str) -> None:
    assert isinstance(connect(settings(bootstrap=address)), KafkaBus)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"bootstrap": "host:port:x"}, "bus.bootstrap"),
        ({"bootstrap": ","}, "bus.bootstrap"),
        ({"bootstrap": "a:1,,b:2"}, "bus.bootstrap"),
        ({"bootstrap": "a b"}, "bus.bootstrap"),
        ({"security_protocol": "SASL_SSL"}, "bus.sasl_mechanism"),
        ({"security_protocol": "SSL", "tls_ca_file": "none.pem"}, "bus.tls_ca_file"),
    ],
)
def test_settings_that_cannot_work(wrong: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsInvalid, match=named):
        connect(settings(**wrong))
