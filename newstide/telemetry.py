"""Logs and metrics. The catalogue below is the whole list of metric names; docs/operations.md repeats it, and a test
compares the two. A metric that is not here cannot be counted."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from typing import Any, Final, Literal

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from newstide.sections import ServiceSettings

TEXT_MAX: Final = 300
"""Characters of outside text in a log line."""


SECONDS: Final = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 600.0)
"""Buckets of every histogram: from one commit to a backlog of ten minutes."""


@dataclass(frozen=True, slots=True)
class Metric:
    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()


CATALOGUE: Final = (
    Metric("newstide_ingest_items_total", "counter", "Items of a source by outcome.", ("source", "outcome")),
    Metric("newstide_ingest_fetches_total", "counter", "Fetches of a feed by outcome.", ("source", "outcome")),
    Metric(
        "newstide_ingest_publish_seconds",
        "histogram",
        "Seconds until the bus acknowledged a batch.",
    ),
    Metric("newstide_consumer_stories_total", "counter", "Stories by outcome: stored, duplicates, dead.", ("outcome",)),
    Metric(
        "newstide_processor_score_seconds",
        "histogram",
        "Seconds of scoring a batch.",
    ),
    Metric(
        "newstide_processor_novelty_seconds",
        "histogram",
        "Seconds of looking for the like of a batch.",
    ),
    Metric(
        "newstide_processor_latency_seconds",
        "histogram",
        "Seconds from receipt to storage of a story.",
    ),
    Metric(
        "newstide_processor_shadow_stories_total",
        "counter",
        "Stories of a shadow model by outcome: stored, failed.",
        ("outcome",),
    ),
    Metric("newstide_consumer_turns_total", "counter", "Turns of the consume loop by outcome.", ("outcome",)),
    Metric(
        "newstide_consumer_commit_seconds",
        "histogram",
        "Seconds of the transaction of a turn.",
    ),
    Metric("newstide_consumer_cas_rejections_total", "counter", "Turns rolled back because another owner was ahead."),
    Metric("newstide_consumer_gap_records_total", "counter", "Records that the bus dropped before they were read."),
    Metric("newstide_consumer_lag_records", "gauge", "Records not yet read, by partition.", ("partition",)),
    Metric("newstide_consumer_assigned_partitions", "gauge", "Partitions that this process owns."),
    Metric("newstide_alerts_firings_total", "counter", "Things said by alerts, by kind.", ("kind",)),
    Metric("newstide_alerts_rules", "gauge", "Rules in force."),
    Metric(
        "newstide_delivery_attempts_total",
        "counter",
        "Attempts to tell somebody by outcome: sent, retry, exhausted, disabled, cancelled, fenced.",
        ("outcome",),
    ),
    Metric("newstide_delivery_attempt_seconds", "histogram", "Seconds of an attempt to tell somebody."),
    Metric("newstide_delivery_wait_seconds", "histogram", "Seconds from when a message was due to its first attempt."),
    Metric("newstide_delivery_outbox_messages", "gauge", "Messages that are due and not sent."),
    Metric("newstide_delivery_outbox_age_seconds", "gauge", "Seconds for which the oldest of them is due."),
    Metric(
        "newstide_dependency_errors_total",
        "counter",
        "Failed calls: bus, store, source.",
        ("dependency",),
    ),
)


class Metrics:
    """The catalogue, alive. One object a process, handed down; nothing is global."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        kinds: dict[str, Any] = {"counter": Counter, "gauge": Gauge, "histogram": Histogram}
        self._by_name: dict[str, Any] = {}
        for metric in CATALOGUE:
            options = {"buckets": SECONDS} if metric.kind == "histogram" else {}
            made = kinds[metric.kind](metric.name, metric.help, metric.labels, registry=self._registry, **options)
            self._by_name[metric.name] = made

    def _child(self, name: str, labels: dict[str, str]) -> Any:
        metric = self._by_name[f"newstide_{name}"]
        return metric.labels(**labels) if labels else metric

    def count(self, name: str, by: float = 1, **labels: str) -> None:
        self._child(f"{name}_total", labels).inc(by)

    def observe(self, name: str, value: float, **labels: str) -> None:
        self._child(name, labels).observe(value)

    def set(self, name: str, value: float, **labels: str) -> None:
        self._child(name, labels).set(value)

    def forget(self, name: str) -> None:
        """Drop every child of a gauge with labels: what it told of is no longer ours to tell."""
        self._by_name[f"newstide_{name}"].clear()

    def exposition(self) -> bytes:
        """The text that Prometheus scrapes."""
        return bytes(generate_latest(self._registry))


def _printable(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Outside text must not forge a line, colour a terminal or fill a disk."""
    for key, value in event.items():
        if isinstance(value, str):
            text = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in value[: TEXT_MAX + 1])
            event[key] = text if len(value) <= TEXT_MAX else text[:TEXT_MAX] + "…"
    return event


def configure_logs(settings: ServiceSettings) -> None:
    """Lines to standard error: for people on a terminal, JSON elsewhere. Foreign libraries only speak of trouble."""
    console = settings.log_format == "console" or (settings.log_format == "auto" and sys.stderr.isatty())
    renderer: Any = (
        structlog.dev.ConsoleRenderer() if console else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _printable,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[settings.log_level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.CRITICAL if settings.log_level != "debug" else logging.INFO, stream=sys.stderr)


def logger(program: str) -> Any:
    """A structured logger: `log.info("event_name", key=value)`."""
    return structlog.get_logger().bind(program=program)
