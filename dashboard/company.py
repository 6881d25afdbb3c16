"""One subject beside its own usual: how much there is to read, and how good or bad. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from dashboard.figures import signed
from dashboard.shape import Frame, Tile
from dashboard.words import say
from newstide.index.series import IndexPoint, Steps
from newstide.store.filters import Filters

HOUR_S = 3_600


def subject_of(frame: Frame) -> Filters:
    """What the index is of: the frame's subject, without its times, which the steps give."""
    return replace(frame.current, since=None, until=None)


def steps_of(frame: Frame) -> Steps:
    """The steps of the frame's charts in whole hours, the last with the hour that has begun; each is its own window."""
    step = max(1, -(-frame.step // timedelta(hours=1)))
    end = -int(-frame.end.timestamp() // HOUR_S)
    count = max(1, -(-(end - int(frame.start.timestamp()) // HOUR_S) // step))
    return Steps(end - count * step, end, step, step)


def whole_of(steps: Steps) -> Steps:
    """One window over all of them."""
    length = steps.end - steps.start
    return Steps(steps.start, steps.end, length, length)


def usual_rows(points: Sequence[IndexPoint], steps: Steps) -> list[dict[str, Any]]:
    """A row for each step: its stories, what is usual for it, and how far both figures are from their own usual."""
    return [
        {
            "start": datetime.fromtimestamp((point.hour - steps.step) * HOUR_S, UTC),
            "end": datetime.fromtimestamp(point.hour * HOUR_S, UTC),
            "stories": point.count,
            "usual": point.volume.expected,
            "usual_words": say("none") if point.volume.expected is None else f"{point.volume.expected:.1f}",
            "volume_words": signed(point.volume.z, 1),
            "surprise_words": signed(point.surprise.z if point.surprise else None, 1),
        }
        for point in points
    ]


def tiles_beside(whole: IndexPoint) -> list[Tile]:
    """Volume and sentiment of the window, each against the subject's own eight weeks."""
    volume, surprise = whole.volume, whole.surprise
    usual = say("tile.usual.none") if volume.expected is None else say("tile.usual", n=f"{volume.expected:,.1f}")
    beside = say("tile.surprise.none") if surprise is None else say("tile.surprise.note", z=signed(surprise.z, 1))
    return [
        Tile(say("tile.volume"), _z(volume.z), usual, help=say("tile.volume.help")),
        Tile(
            say("tile.surprise"), signed(surprise.difference if surprise else None), beside,
            help=say("tile.surprise.help"),
        ),
    ]  # fmt: skip


def _z(value: float | None) -> str:
    return say("none") if value is None else f"z {signed(value, 1)}"
