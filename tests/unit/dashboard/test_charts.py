import json
from datetime import UTC, datetime, timedelta
from typing import Any

import altair
import pytest

from dashboard import charts
from dashboard.shape import STEPS, WINDOWS, Choice, Window, frame_of, mix_rows, probability_rows
from newstide.store.totals import Totals

NOW = datetime(2026, 3, 2, 14, 37, tzinfo=UTC)
MIX = mix_rows(Totals(200, 80, 50, 60, 10, -0.12))


def specs(window: Window = "24h", now: datetime = NOW) -> dict[str, dict[str, Any]]:
    frame = frame_of(Choice(window=window), now, (now - timedelta(days=90), now))
    return {
        "sentiment": charts.sentiment(frame, 0.5),
        "volume": charts.volume(frame),
        "usual": charts.usual(frame),
        "mix": charts.shares(MIX),
        "probabilities": charts.shares(probability_rows(0.1, 0.2, 0.7)),
    }


@pytest.mark.parametrize("name", ["sentiment", "volume", "usual", "mix", "probabilities"])
@pytest.mark.parametrize("window", WINDOWS)
def test_every_chart_is_valid_vega_lite(name: str, window: Window) -> None:
    altair.Chart.from_dict({"data": {"name": "rows"}, **specs(window)[name]})


def test_a_specification_stays_the_same_within_a_step_so_that_the_chart_is_not_made_anew() -> None:
    assert specs(now=NOW) == specs(now=NOW + timedelta(minutes=5))
    assert specs(now=NOW)["volume"] != specs(now=NOW + STEPS["24h"])["volume"]


def test_charts_over_each_other_share_their_time_axis() -> None:
    found = specs()
    line = found["sentiment"]["layer"][0]["encoding"]["x"]["scale"]
    assert line == found["volume"]["encoding"]["x"]["scale"]
    assert line == found["usual"]["layer"][0]["encoding"]["x"]["scale"]
    assert line["domain"][0] == {"year": 2026, "month": 3, "date": 1, "hours": 14, "minutes": 30, "utc": True}


def test_no_chart_names_a_colour() -> None:
    """The theme does, once for light and once for dark."""
    assert "#" not in json.dumps(specs())


def test_a_chart_without_rows_is_still_a_chart() -> None:
    assert charts.shares([])["height"] == 0
