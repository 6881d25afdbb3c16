"""A subject beside its own usual: steps in whole hours, rows and tiles, and no figure where there is none."""

from datetime import UTC, datetime, timedelta

import pytest

from dashboard.company import HOUR_S, steps_of, subject_of, tiles_beside, usual_rows, whole_of
from dashboard.shape import WINDOWS, Choice, Window, frame_of
from newstide.index.baseline import Volume
from newstide.index.series import IndexPoint, Steps
from newstide.index.surprise import Surprise

NOW = datetime(2026, 3, 2, 14, 37, tzinfo=UTC)
NO_VOLUME = Volume(0, None, None, None, None)


def point(hour: int, count: int, volume: Volume = NO_VOLUME, surprise: Surprise | None = None) -> IndexPoint:
    return IndexPoint(hour, count, 0, None, None, volume, surprise)


@pytest.mark.parametrize("window", WINDOWS)
def test_steps_cover_the_frame_in_whole_hours(window: Window) -> None:
    frame = frame_of(Choice(window=window, entity="tesla"), NOW, (NOW - timedelta(days=90), NOW))
    steps = steps_of(frame)
    assert steps.start * HOUR_S <= frame.start.timestamp()
    assert frame.end.timestamp() <= steps.end * HOUR_S < frame.end.timestamp() + HOUR_S
    assert (steps.end - steps.start) % steps.step == 0
    assert 1 <= (steps.end - steps.start) // steps.step <= 61
    assert list(whole_of(steps).ends()) == [steps.end]
    asked = subject_of(frame)
    assert (asked.entity, asked.since, asked.until) == ("tesla", None, None)


def test_rows_say_what_is_usual_or_that_nobody_knows() -> None:
    hour = int(NOW.timestamp()) // HOUR_S
    known = Volume(9, 2.25, 3.06, 1.0, 4.0)
    rows = usual_rows([point(hour, 9, known), point(hour + 3, 0)], Steps(hour - 3, hour + 3, 3, 3))
    assert [row["stories"] for row in rows] == [9, 0]
    assert [row["usual"] for row in rows] == [2.25, None]
    assert [row["volume_words"] for row in rows] == ["+3.1", "\N{EN DASH}"]
    assert rows[0]["end"] - rows[0]["start"] == timedelta(hours=3)
    assert rows[0]["end"] == rows[1]["start"]


def test_tiles_have_their_figures_or_say_what_they_lack() -> None:
    volume, surprise = tiles_beside(point(0, 9, Volume(9, 2.25, 3.06, 1.0, 4.0), Surprise(-0.31, -0.5, -0.1, -2.4)))
    assert (volume.value, volume.note) == ("z +3.1", "usual: 2.2 stories")
    assert (surprise.value, surprise.note) == ("\N{MINUS SIGN}0.31", "z \N{MINUS SIGN}2.4")
    volume, surprise = tiles_beside(point(0, 9))
    assert (volume.value, surprise.value) == ("\N{EN DASH}", "\N{EN DASH}")
    assert (volume.note, surprise.note) == ("needs two weeks of record", "needs more stories")
