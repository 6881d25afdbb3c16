"""Settings to a bus. The Kafka client is only imported where Kafka is asked for."""

from __future__ import annotations

import os
import re
from typing import Final

from newstide.bus.port import Bus
from newstide.errors import SettingsInvalid
from newstide.sections import BusSettings
from newstide.settings import Settings

_ADDRESS: Final = re.compile(r"(?:[A-Z_]+://)?(?:\[[0-9a-f:.]+\]|[\w.-]+)(?::\d{1,5})?", re.IGNORECASE)


def connect(settings: Settings) -> Bus:
    """The bus that the settings name. Nothing is contacted yet."""
    if settings.bus.kind == "embedded":
        from newstide.bus.embedded import EmbeddedBus

        return EmbeddedBus(settings.bus_path)
    from newstide.bus.kafka import KafkaBus, KafkaConfig

    bus = settings.bus
    _check(bus)
    security = {
        "security_protocol": bus.security_protocol,
        "sasl_mechanism": bus.sasl_mechanism,
        "sasl_plain_username": bus.sasl_username,
        "sasl_plain_password": bus.sasl_password.get_secret_value(),
        "ssl_cafile": bus.tls_ca_file,
    }
    return KafkaBus(
        KafkaConfig(
            bootstrap=bus.bootstrap,
            session_timeout_s=bus.session_timeout_s,
            static_members=bool(settings.service.instance),  # a name made up at each start never comes back
            security={name: value for name, value in security.items() if value},
        )
    )


def _check(bus: BusSettings) -> None:
    """What the client would fail on in words of its own, or after ten seconds of silence. Raises SettingsInvalid."""
    for address in bus.bootstrap.split(","):
        if not _ADDRESS.fullmatch(address.strip()):
            raise SettingsInvalid(
                f"setting bus.bootstrap: {address!r} is no address", fix="host:port, joined by commas"
            )
    if bus.security_protocol.startswith("SASL") and not bus.sasl_mechanism:
        raise SettingsInvalid("setting bus.sasl_mechanism is empty", why=f"the protocol is {bus.security_protocol}")
    if bus.tls_ca_file and not os.path.isfile(bus.tls_ca_file):
        raise SettingsInvalid(f"setting bus.tls_ca_file: there is no file {bus.tls_ca_file}")


def connect_ready(settings: Settings) -> Bus:
    """As `connect`, for programs that work: the embedded topics are made, for there is nobody else to do it."""
    bus = connect(settings)
    if settings.bus.kind == "embedded":
        ensure_topics(bus, settings)
    return bus


def ensure_topics(bus: Bus, settings: Settings) -> dict[str, bool]:
    """Make the topics of ours that are missing; says of each whether it was made now."""
    admin = bus.admin()
    try:
        wanted = (settings.bus.topic_raw, settings.bus.topic_scored)
        return {topic: admin.create_topic(topic, settings.bus.partitions) for topic in wanted}
    finally:
        admin.close()
