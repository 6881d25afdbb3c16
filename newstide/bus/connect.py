"""Settings to a bus. The Kafka client is only imported where Kafka is asked for."""

from __future__ import annotations

from newstide.bus.port import Bus
from newstide.settings import Settings


def connect(settings: Settings) -> Bus:
    """The bus that the settings name. Nothing is contacted yet."""
    if settings.bus.kind == "embedded":
        from newstide.bus.embedded import EmbeddedBus

        return EmbeddedBus(settings.bus_path)
    from newstide.bus.kafka import KafkaBus, KafkaConfig

    bus = settings.bus
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
