"""Vega-Lite specifications as plain dictionaries. Pure, without data: a chart that ticks sends only new rows.

Colours are never named here. Each mark takes the colour of a word of COLOURS, and the theme (.streamlit/config.toml)
gives those words their colours for light and dark, so that a chart follows the reader's system at once.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from dashboard.shape import LABELS, Frame
from dashboard.words import GLYPHS, say

Spec = dict[str, Any]

COLOURS: Final = ("positive", "negative", "neutral", "unsure", "ink")
SENTIMENT_HEIGHT: Final = 250
VOLUME_HEIGHT: Final = 150
_LEFT: Final = 44
"""Width of the left axis: the charts that stand over each other share their time axis to the pixel."""
_TIME_LABEL: Final = (
    "hours(datum.value) == 0 && minutes(datum.value) == 0"
    " ? timeFormat(datum.value, '%d %b') : timeFormat(datum.value, '%H:%M')"
)


def _colour(word: str) -> Spec:
    return {"datum": word, "type": "nominal", "scale": {"domain": list(COLOURS)}, "legend": None}


def _label_colour() -> Spec:
    return {"field": "label", "type": "nominal", "scale": {"domain": list(COLOURS)}, "legend": None}


def _instant(at: datetime) -> Spec:
    """A moment of a scale's domain. Without `utc`, Vega would take the figures for local time."""
    return {
        "year": at.year, "month": at.month, "date": at.day, "hours": at.hour, "minutes": at.minute, "utc": True,
    }  # fmt: skip


def _time(frame: Frame, field: str, *, labels: bool) -> Spec:
    return {
        "field": field,
        "type": "temporal",
        "scale": {"domain": [_instant(frame.start), _instant(_last(frame))]},
        "axis": {
            "title": None,
            "grid": False,
            "labels": labels,
            "ticks": labels,
            "domain": False,
            "tickCount": {"expr": "max(3, floor(width / 110))"},
            "labelExpr": _TIME_LABEL,
            "labelOverlap": "greedy",
            "labelFlush": True,
        },
    }


def _last(frame: Frame) -> datetime:
    """The end of the last step: the axis moves once a step, not with every reading."""
    steps = max(1, -(-(frame.end - frame.start) // frame.step))
    return frame.start + steps * frame.step


def _hover(frame: Frame) -> Spec:
    """An unseen column over each step: the whole height answers the pointer."""
    return {
        "mark": {"type": "rect", "opacity": 0, "tooltip": True},
        "encoding": {
            "x": _time(frame, "start", labels=True),
            "x2": {"field": "end"},
            "tooltip": [
                {"field": "start", "type": "temporal", "format": "%a %d %b %H:%M", "title": say("field.time")},
                {"field": "end", "type": "temporal", "format": "%a %d %b %H:%M", "title": say("field.until")},
                {"field": "mean_words", "type": "nominal", "title": say("field.mean")},
                {"field": "band_words", "type": "nominal", "title": say("field.band")},
                {"field": "stories", "type": "quantitative", "format": ",", "title": say("field.stories")},
            ],
        },
    }


def sentiment(frame: Frame, reach: float) -> Spec:
    """Mean score over time: fill by sign, line, confidence band. Rows of `shape.sentiment_rows`."""
    x = _time(frame, "middle", labels=True)
    scale = {"domain": [-reach, reach], "nice": False}
    axis = {
        "title": None,
        "values": [-reach, -reach / 2, 0, reach / 2, reach],
        "format": "+.2~f",
        "minExtent": _LEFT,
        "maxExtent": _LEFT,
        "domain": False,
        "ticks": False,
        "gridOpacity": 0.55,
    }

    def y(field: str) -> Spec:
        return {"field": field, "type": "quantitative", "scale": scale, "axis": axis}

    def area(field: str, word: str) -> Spec:
        return {
            "mark": {"type": "area", "interpolate": "monotone", "opacity": 0.28, "line": False},
            "encoding": {"x": x, "y": y(field), "y2": {"datum": 0}, "color": _colour(word)},
        }

    return {
        "height": SENTIMENT_HEIGHT,
        "layer": [
            area("above", "positive"),
            area("below", "negative"),
            {
                "mark": {"type": "area", "interpolate": "monotone", "opacity": 0.12},
                "encoding": {"x": x, "y": y("low"), "y2": {"field": "high"}, "color": _colour("ink")},
            },
            {
                "mark": {"type": "rule", "opacity": 0.55, "strokeWidth": 1},
                "encoding": {"y": {"datum": 0, "type": "quantitative", "scale": scale}, "color": _colour("ink")},
            },
            {
                "mark": {"type": "line", "interpolate": "monotone", "strokeWidth": 2},
                "encoding": {"x": x, "y": y("mean"), "color": _colour("ink")},
            },
            {
                "transform": [{"filter": "datum.lone"}],
                "mark": {"type": "point", "filled": True, "size": 36, "opacity": 1},
                "encoding": {"x": x, "y": y("mean"), "color": _colour("ink")},
            },
            _hover(frame),
        ],
    }


def volume(frame: Frame, *, height: int = VOLUME_HEIGHT) -> Spec:
    """Stories over time, stacked by label. Rows of `shape.volume_rows`."""
    return {
        "height": height,
        "mark": {"type": "rect", "tooltip": True, "xOffset": 0.5, "x2Offset": -0.5},
        "encoding": {
            "x": _time(frame, "start", labels=True),
            "x2": {"field": "end"},
            "y": {
                "field": "from",
                "type": "quantitative",
                "axis": {
                    "title": None,
                    "tickCount": 3,
                    "tickMinStep": 1,
                    "format": "~s",
                    "minExtent": _LEFT,
                    "maxExtent": _LEFT,
                    "domain": False,
                    "ticks": False,
                    "gridOpacity": 0.55,
                },
            },
            "y2": {"field": "to"},
            "color": _label_colour(),
            "tooltip": [
                {"field": "start", "type": "temporal", "format": "%a %d %b %H:%M", "title": say("field.time")},
                {"field": "end", "type": "temporal", "format": "%a %d %b %H:%M", "title": say("field.until")},
                {"field": "words", "type": "nominal", "title": say("field.label")},
                {"field": "stories", "type": "quantitative", "format": ",", "title": say("field.stories")},
            ],
        },
    }


def shares(words: list[str], *, bar_height: int = 34) -> Spec:
    """A bar a label with its share written beside it. Rows of `shape.mix_rows` or `shape.probability_rows`."""
    y = {
        "field": "words",
        "type": "nominal",
        "sort": words,
        "axis": {"title": None, "domain": False, "ticks": False, "minExtent": 92, "maxExtent": 92, "labelLimit": 92},
    }
    return {
        "height": bar_height * len(words),
        "encoding": {"y": y},
        "layer": [
            {
                "mark": {"type": "bar", "cornerRadiusEnd": 3, "height": {"band": 0.62}, "tooltip": True},
                "encoding": {
                    "x": {
                        "field": "share",
                        "type": "quantitative",
                        # Half as much again, so that the words beside the longest bar have room.
                        "scale": {"domain": [0, 1.5]},
                        "axis": None,
                    },
                    "color": _label_colour(),
                    "tooltip": [
                        {"field": "words", "type": "nominal", "title": say("field.label")},
                        {"field": "share_words", "type": "nominal", "title": say("field.share")},
                    ],
                },
            },
            {
                "mark": {"type": "text", "align": "left", "dx": 6, "fontSize": 13},
                "encoding": {
                    "x": {"field": "share", "type": "quantitative"},
                    "text": {"field": "share_words", "type": "nominal"},
                    "color": _colour("ink"),
                },
            },
        ],
    }


def label_words() -> list[str]:
    """The names on the axis of the label mix, top to bottom."""
    return [f"{GLYPHS[label]} {say(f'label.{label}')}" for label in LABELS]
