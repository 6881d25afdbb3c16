"""Vega-Lite specifications as plain dictionaries. Pure, without data: a chart that ticks sends only new rows.

Colours are never named here. Each mark takes the colour of a word of COLOURS, and the theme (.streamlit/config.toml)
gives those words their colours for light and dark, so that a chart follows the reader's system at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from math import ceil
from typing import Any, Final

from dashboard.shape import Frame
from dashboard.words import say

Spec = dict[str, Any]

COLOURS: Final = ("positive", "negative", "neutral", "unsure", "ink")
SENTIMENT_HEIGHT: Final = 270
VOLUME_HEIGHT: Final = 150
_LEFT: Final = 44
"""Width of the left axis: the charts that stand over each other share their time axis to the pixel."""
_SCORE_TICKS: Final[dict[float, list[float]]] = {
    0.25: [-0.2, -0.1, 0, 0.1, 0.2],
    0.5: [-0.5, -0.25, 0, 0.25, 0.5],
    0.75: [-0.5, 0, 0.5],
    1.0: [-1, -0.5, 0, 0.5, 1],
}
"""By the reach of the axis, which is one of `shape.score_reach`."""
_TIME_LABEL: Final = (
    "hours(datum.value) == 0 && minutes(datum.value) == 0"
    " ? timeFormat(datum.value, '%d %b') : timeFormat(datum.value, '%H:%M')"
)


def _colour(field: str = "label") -> Spec:
    return {"field": field, "type": "nominal", "scale": {"domain": list(COLOURS)}, "legend": None}


def _always(word: str) -> list[Spec]:
    """Transforms that give every row the colour of one word, under the field `colour`."""
    return [{"calculate": f"'{word}'", "as": "colour"}]


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
        "values": _SCORE_TICKS[reach],
        "labelExpr": "datum.value == 0 ? '0' : format(datum.value, '+.2~f')",
        "labelOverlap": False,
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
            "transform": _always(word),
            "mark": {"type": "area", "interpolate": "monotone", "opacity": 0.28, "line": False},
            "encoding": {"x": x, "y": y(field), "y2": {"datum": 0}, "color": _colour("colour")},
        }

    return {
        "height": SENTIMENT_HEIGHT,
        "padding": {"top": 6, "bottom": 0, "left": 0, "right": 8},
        "layer": [
            area("above", "positive"),
            area("below", "negative"),
            {
                "transform": _always("ink"),
                "mark": {"type": "area", "interpolate": "monotone", "opacity": 0.12},
                "encoding": {"x": x, "y": y("low"), "y2": {"field": "high"}, "color": _colour("colour")},
            },
            {
                "data": {"values": [{"colour": "ink"}]},
                "mark": {"type": "rule", "opacity": 0.55, "strokeWidth": 1},
                "encoding": {"y": {"datum": 0, "type": "quantitative", "scale": scale}, "color": _colour("colour")},
            },
            {
                "transform": _always("ink"),
                "mark": {"type": "line", "interpolate": "monotone", "strokeWidth": 2},
                "encoding": {"x": x, "y": y("mean"), "color": _colour("colour")},
            },
            {
                "transform": [*_always("ink"), {"filter": "datum.lone"}],
                "mark": {"type": "point", "filled": True, "size": 36, "opacity": 1},
                "encoding": {"x": x, "y": y("mean"), "color": _colour("colour")},
            },
            _hover(frame),
        ],
    }


def volume(frame: Frame, *, height: int = VOLUME_HEIGHT) -> Spec:
    """Stories over time, stacked by label. Rows of `shape.volume_rows`."""
    return {
        "height": height,
        "padding": {"top": 6, "bottom": 0, "left": 0, "right": 8},
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
            "color": _colour(),
            "tooltip": [
                {"field": "start", "type": "temporal", "format": "%a %d %b %H:%M", "title": say("field.time")},
                {"field": "end", "type": "temporal", "format": "%a %d %b %H:%M", "title": say("field.until")},
                {"field": "words", "type": "nominal", "title": say("field.label")},
                {"field": "stories", "type": "quantitative", "format": ",", "title": say("field.stories")},
            ],
        },
    }


def usual(frame: Frame) -> Spec:
    """Stories of each step, and a line for what is usual. Rows of `company.usual_rows`."""
    axis = {
        "title": None,
        "tickCount": 3,
        "tickMinStep": 1,
        "format": "~s",
        "minExtent": _LEFT,
        "maxExtent": _LEFT,
        "domain": False,
        "ticks": False,
        "gridOpacity": 0.55,
    }
    x = _time(frame, "start", labels=True)
    return {
        "height": VOLUME_HEIGHT,
        "padding": {"top": 6, "bottom": 0, "left": 0, "right": 8},
        "layer": [
            {
                "transform": _always("neutral"),
                "mark": {"type": "rect", "clip": True, "tooltip": True, "xOffset": 0.5, "x2Offset": -0.5},
                "encoding": {
                    "x": x,
                    "x2": {"field": "end"},
                    "y": {"field": "stories", "type": "quantitative", "axis": axis},
                    "y2": {"datum": 0},
                    "color": _colour("colour"),
                    "tooltip": [
                        {"field": "start", "type": "temporal", "format": "%a %d %b %H:%M", "title": say("field.time")},
                        {"field": "end", "type": "temporal", "format": "%a %d %b %H:%M", "title": say("field.until")},
                        {"field": "stories", "type": "quantitative", "format": ",", "title": say("field.stories")},
                        {"field": "usual_words", "type": "nominal", "title": say("field.usual")},
                        {"field": "volume_words", "type": "nominal", "title": say("field.volume_z")},
                        {"field": "surprise_words", "type": "nominal", "title": say("field.surprise_z")},
                    ],
                },
            },
            {
                "transform": _always("ink"),
                "mark": {"type": "rule", "clip": True, "strokeWidth": 2},
                "encoding": {
                    "x": x,
                    "x2": {"field": "end"},
                    "y": {"field": "usual", "type": "quantitative", "axis": axis},
                    "color": _colour("colour"),
                },
            },
        ],
    }


def shares(rows: Sequence[Mapping[str, Any]], *, bar_height: int = 34) -> Spec:
    """A bar a label with its share written beside it. Rows of `shape.mix_rows` or `shape.probability_rows`."""
    words = [str(row["words"]) for row in rows]
    # The axis grows by tenths, so that it rarely moves; half as much again leaves room for the words beside the bar.
    reach = max(0.1, ceil(max((row["share"] for row in rows), default=1.0) * 10) / 10) * 1.6
    y = {
        "field": "words",
        "type": "nominal",
        "sort": words,
        "axis": {
            "title": None,
            "domain": False,
            "ticks": False,
            "minExtent": 84,
            "maxExtent": 84,
            "labelLimit": 84,
            "labelFontSize": 13,
            "labelAlign": "left",
            "labelPadding": 84,
        },
    }
    return {
        "height": bar_height * len(words),
        "padding": {"top": 2, "bottom": 2, "left": 0, "right": 0},
        "encoding": {"y": y},
        "layer": [
            {
                "mark": {"type": "bar", "cornerRadiusEnd": 3, "height": {"band": 0.62}, "tooltip": True},
                "encoding": {
                    "x": {
                        "field": "share",
                        "type": "quantitative",
                        "scale": {"domain": [0, reach]},
                        "axis": None,
                    },
                    "color": _colour(),
                    "tooltip": [
                        {"field": "words", "type": "nominal", "title": say("field.label")},
                        {"field": "share_words", "type": "nominal", "title": say("field.share")},
                    ],
                },
            },
            {
                "transform": _always("ink"),
                "mark": {"type": "text", "align": "left", "dx": 6, "fontSize": 13},
                "encoding": {
                    "x": {"field": "share", "type": "quantitative"},
                    "text": {"field": "share_words", "type": "nominal"},
                    "color": _colour("colour"),
                },
            },
        ],
    }
