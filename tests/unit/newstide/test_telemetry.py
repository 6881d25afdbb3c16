"""Logs and metrics: nothing outside may forge a line, nothing misspelt may be counted."""

import json

import pytest

from newstide.sections import ServiceSettings
from newstide.telemetry import CATALOGUE, Metrics, configure_logs, logger


def test_every_metric_of_the_catalogue_is_exposed() -> None:
    text = Metrics().exposition().decode()
    for metric in CATALOGUE:
        assert f"# HELP {metric.name.removesuffix('_total') if metric.kind == 'counter' else metric.name}" in text


def test_a_name_that_is_not_in_the_catalogue_cannot_be_counted() -> None:
    with pytest.raises(KeyError):
        Metrics().count("consumer_storys", outcome="stored")


def test_names_follow_the_convention() -> None:
    for metric in CATALOGUE:
        assert metric.name.startswith("newstide_") and metric.help.endswith(".")
        assert metric.name.endswith("_total") == (metric.kind == "counter")


def test_outside_text_cannot_forge_a_line_or_colour_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(ServiceSettings(log_format="json"))
    logger("test").info("met", title='a"\n{"event": "forged"}\x1b[31m\u202e' + "x" * 1_000)
    (line,) = capsys.readouterr().err.splitlines()
    said = json.loads(line)
    assert said["event"] == "met" and said["level"] == "info" and said["program"] == "test"
    assert "\x1b" not in line and "\u202e" not in line and len(said["title"]) < 400


def test_the_level_is_obeyed(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(ServiceSettings(log_format="json", log_level="warning"))
    logger("test").info("quiet")
    logger("test").warning("loud")
    assert [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()] == ["loud"]


def test_a_gauge_forgets_what_is_no_longer_ours() -> None:
    metrics = Metrics()
    metrics.set("consumer_lag_records", 7, partition="3")
    metrics.forget("consumer_lag_records")
    metrics.set("consumer_lag_records", 2, partition="4")
    text = metrics.exposition().decode()
    assert 'partition="4"' in text and 'partition="3"' not in text
