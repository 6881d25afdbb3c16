"""How we reach a broker, and what its errors mean to us.

Each setting that is not the client's default has its reason beside it; docs/decisions has the measurements.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from kafka import errors as kafka_errors

from newstide.errors import BusUnavailable, Fenced, MustStop, TopicMissing


@dataclass(frozen=True, slots=True)
class KafkaConfig:
    bootstrap: str
    session_timeout_s: float = 10.0
    security: Mapping[str, str] | None = None
    """Client settings for TLS and SASL, as kafka-python names them."""
    connect_within_s: float = 10.0
    static_members: bool = True
    """Whether members keep their name over a restart. Such a member takes its own place again without a rebalance, but
    never leaves: a name that will not come back would hold its partitions until the session ends."""

    def client(self) -> dict[str, Any]:
        return {
            "bootstrap_servers": self.bootstrap.split(","),
            "bootstrap_timeout_ms": int(self.connect_within_s * 1000),
            "reconnect_backoff_max_ms": 1_000,  # the default, 30 s, is what a restart of the broker would cost
            "request_timeout_ms": 10_000,
            **(self.security or {}),
        }


@contextmanager
def translated(bootstrap: str) -> Iterator[None]:
    try:
        yield
    except kafka_errors.UnknownTopicOrPartitionError as error:
        raise TopicMissing("the topic does not exist", why=str(error), fix="newstide topics create") from error
    except kafka_errors.FencedInstanceIdError as error:
        raise Fenced("another process took this member's place", why=str(error)) from error
    except (kafka_errors.AuthorizationError, kafka_errors.SaslAuthenticationFailedError) as error:
        raise MustStop(
            f"Kafka at {bootstrap} refuses us", why=str(error), fix="check bus.security and the broker's ACLs"
        ) from error
    except kafka_errors.UnsupportedCodecError as error:
        raise MustStop(
            f"Kafka at {bootstrap} holds records that are compressed in a way that newstide does not read",
            why=str(error),
            fix="set compression.type=lz4 on the topic, and in whatever else writes to it",
        ) from error
    except (kafka_errors.MessageSizeTooLargeError, kafka_errors.RecordListTooLargeError) as error:
        raise MustStop(
            f"Kafka at {bootstrap} takes no record of this size",
            why=str(error),
            fix="set the topic's max.message.bytes to 1 MiB or more",
        ) from error
    except (kafka_errors.KafkaError, OSError) as error:
        raise BusUnavailable(
            f"cannot work with Kafka at {bootstrap}",
            why=f"{type(error).__name__}: {error}",
            fix="newstide doctor --only bus, or newstide demo (needs no Kafka)",
        ) from error
