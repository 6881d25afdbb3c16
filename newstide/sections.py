"""The sections of the settings, one for each part. `newstide.settings` reads and joins them."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator

Seconds = Annotated[float, Field(gt=0, le=86_400)]
Port = Annotated[int, Field(ge=0, le=65_535)]
Host = Annotated[str, Field(pattern=r"^[A-Za-z0-9.:%_-]{1,253}$")]
Threads = Literal["auto"] | Annotated[int, Field(ge=1, le=256)]
Topic = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]{0,248}$")]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class BusSettings(Section):
    kind: Literal["embedded", "kafka"] = Field("embedded", description="embedded: a log in SQLite; kafka: a broker")
    bootstrap: str = Field("", description="Kafka: host:port, several joined by commas")
    topic_raw: Topic = Field("news.raw", description="topic of received stories")
    topic_scored: Topic = Field("news.scored", description="topic of scored stories")
    partitions: int = Field(6, ge=1, le=1_000, description="partitions of a topic that we make")
    session_timeout_s: Seconds = Field(10.0, ge=6, description="a member silent this long loses its partitions")
    on_history_change: Literal["stop", "rewind"] = Field(
        "stop", description="when the log is not the one we read: stop, or read again from its start"
    )
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["", "SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN"] = ""
    sasl_username: str = ""
    sasl_password: SecretStr = SecretStr("")
    tls_ca_file: str = ""


class StoreSettings(Section):
    url: SecretStr = Field(
        SecretStr(""), description="postgresql+psycopg://user:password@host/name; empty: SQLite in data_dir"
    )


class ModelSettings(Section):
    artifact: str = Field("", description="an artifact folder; empty: the active one that ships with newstide")
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: Threads = Field("auto", description="of one scorer; auto: a core is left to broker and database")
    token_budget: int = Field(1_024, ge=128, le=1 << 20, description="longest x count of one run of the model")


class FeedSettings(Section):
    name: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    url: str
    every_s: Annotated[float, Field(ge=15, le=86_400)] = 300.0

    @field_validator("url")
    @classmethod
    def _is_public_http(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must be an http or https address")
        if parts.username or parts.password:
            raise ValueError("must not carry a user name or a password")
        return url


class IngestSettings(Section):
    feeds: tuple[FeedSettings, ...] = ()
    user_agent: str = Field("newstide/0.1 (+set ingest.user_agent)", description="who we say we are to publishers")
    allow_private_addresses: bool = Field(
        False, description="let feeds live on loopback and private networks (tests, intranets)"
    )

    @field_validator("feeds")
    @classmethod
    def _names_differ(cls, feeds: tuple[FeedSettings, ...]) -> tuple[FeedSettings, ...]:
        names = [feed.name for feed in feeds]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two feeds are called {', '.join(twice)}")
        return feeds


class ProcessorSettings(Section):
    group: str = Field("processor", min_length=1, max_length=64, description="consumer group, and key of the offsets")
    batch_stories: int = Field(256, ge=1, le=100_000, description="stories of one transaction")
    reject_ratio_max: float = Field(
        0.5, gt=0, le=1, description="of the last 1,000 stories; past it the consumer stops"
    )
    reject_run_max: int = Field(500, ge=1, description="rejects in a row; past it the consumer stops")


class AlertSettings(Section):
    group: str = Field("alerts", min_length=1, max_length=64, description="consumer group, and key of the state")
    batch_stories: int = Field(256, ge=1, le=100_000, description="stories of one transaction")
    lateness_s: float = Field(30.0, ge=0, le=3_600, description="a story waits so long for those published before it")


class RollupSettings(Section):
    minute_days: int = Field(14, ge=1, le=36_500, description="days of rollups by the minute: charts up to a week")
    hour_days: int = Field(400, ge=70, le=36_500, description="days of rollups by the hour: a year and its baseline")
    tier_1: tuple[str, ...] = Field((), description="sources that are trusted more; the others are of tier 2")
    tier_3: tuple[str, ...] = Field((), description="sources that are trusted less")

    @field_validator("tier_3")
    @classmethod
    def _in_one_tier(cls, tier_3: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        both = sorted(set(tier_3) & set(info.data.get("tier_1", ())))
        if both:
            raise ValueError(f"{', '.join(both)} cannot be of tier 1 as well")
        return tier_3

    @property
    def tiers(self) -> dict[str, int]:
        return dict.fromkeys(self.tier_1, 1) | dict.fromkeys(self.tier_3, 3)

    @property
    def keep(self) -> dict[int, timedelta]:
        """By the rollups' length in minutes. Those of a day are kept for ever: they are few."""
        return {1: timedelta(days=self.minute_days), 60: timedelta(days=self.hour_days)}


class DeliverySettings(Section):
    workers: int = Field(8, ge=1, le=64, description="messages under way at once, each to another receiver")
    dashboard_url: str = Field("http://127.0.0.1:8501", description="address of the pages, for links; empty: no links")
    smtp_url: SecretStr = Field(
        SecretStr(""), description="the mail relay: smtps://user:password@host, or smtp:// for STARTTLS; empty: no mail"
    )
    mail_from: Annotated[str, Field(pattern=r"^[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9.-]{1,190}$")] = "newstide@localhost"
    allow_http: bool = Field(False, description="let webhooks be sent without TLS (tests, intranets)")
    allow_private_addresses: bool = Field(
        False, description="let receivers live on loopback and private networks (tests, intranets)"
    )

    @field_validator("dashboard_url")
    @classmethod
    def _is_web_address(cls, url: str) -> str:
        if url and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname):
            raise ValueError("must be an http or https address")
        return url.rstrip("/")


class DashboardSettings(Section):
    host: Host = "127.0.0.1"
    port: Port = Field(8501, description="0: any free port")


class ServiceSettings(Section):
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["auto", "console", "json"] = Field("auto", description="auto: console on a terminal, else JSON")
    health_host: Host = "127.0.0.1"
    health_port: Port = Field(0, description="/livez, /readyz and /metrics; 0: off")
    health_file: str = Field("", description="touched while the loop turns; empty: off")
    instance: str = Field("", max_length=64, description="this process in its group; empty: host name and a number")
