from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dashboard.shape import (
    LABELS,
    STEPS_MAX,
    WINDOWS,
    Choice,
    frame_of,
    histogram_rows,
    mix_rows,
    nearest_label,
    probability_rows,
    score_reach,
    sentiment_rows,
    step_for,
    tiles,
    volume_rows,
)
from newstide.messages import Label
from newstide.store.reads import StoryRow, TrendPoint
from newstide.store.totals import Totals

NOW = datetime(2026, 3, 2, 14, 37, 42, tzinfo=UTC)
SPAN = (NOW - timedelta(days=90), NOW)
DAY = frame_of(Choice(), NOW, SPAN)
EMPTY = Totals(0, 0, 0, 0, 0, None)
SOME = Totals(200, 80, 50, 60, 10, -0.12)


def point(start: datetime, mean: float | None = 0.2, error: float | None = 0.1, count: int = 4) -> TrendPoint:
    return TrendPoint(start, count, 1, count - 3, 1, 1, mean, error)


def row(at: datetime, label: Label = "positive") -> StoryRow:
    return StoryRow(1, "id", 1, "title", "source", "", "en", at, label, 0.5)


def test_windows_lie_on_whole_minutes_as_rollups_do() -> None:
    assert DAY.current.since == datetime(2026, 3, 1, 14, 37, tzinfo=UTC)
    assert DAY.end == datetime(2026, 3, 2, 14, 37, tzinfo=UTC)
    assert DAY.start == datetime(2026, 3, 1, 14, 30, tzinfo=UTC)
    assert DAY.hours == 24


def test_the_window_before_is_as_long_and_ends_where_this_one_starts() -> None:
    assert DAY.previous is not None
    assert DAY.previous.since == datetime(2026, 2, 28, 14, 37, tzinfo=UTC)
    assert DAY.previous.until == DAY.current.since


def test_a_record_that_does_not_reach_back_gives_no_comparison() -> None:
    assert frame_of(Choice(), NOW, (NOW - timedelta(hours=47), NOW)).previous is None
    assert frame_of(Choice(window="all"), NOW, SPAN).previous is None


def test_filters_of_the_choice_go_into_both_windows() -> None:
    frame = frame_of(Choice(languages=("zh",), sources=("a",)), NOW, SPAN)
    assert frame.previous is not None
    assert frame.current.languages == frame.previous.languages == ("zh",)
    assert frame.current.sources == frame.previous.sources == ("a",)


@pytest.mark.parametrize("window", WINDOWS)
def test_a_chart_has_a_bounded_number_of_steps(window: str) -> None:
    frame = frame_of(Choice(window=window), NOW, SPAN)  # type: ignore[arg-type]
    assert 20 <= len(sentiment_rows([], frame)) <= STEPS_MAX + 1


@pytest.mark.parametrize("days", [0.0001, 1, 40, 4_000, 40_000])
def test_any_length_finds_a_step(days: float) -> None:
    assert step_for(timedelta(days=days)) >= timedelta(minutes=1)


def test_the_whole_record_is_drawn_from_its_first_to_its_last_minute() -> None:
    first, last = NOW - timedelta(days=3000), NOW - timedelta(days=2990)
    frame = frame_of(Choice(window="all"), NOW, (first, last))
    assert frame.current.since is None
    assert frame.start <= first < last < frame.end


def test_absent_is_not_zero() -> None:
    start = DAY.start
    rows = sentiment_rows([point(start), point(start + 3 * DAY.step)], DAY)
    assert [r["mean"] for r in rows[:4]] == [0.2, None, None, 0.2]
    assert rows[1]["stories"] == 0
    assert rows[1]["mean_words"] == rows[1]["band_words"] == "–"
    assert rows[1]["above"] is rows[1]["below"] is rows[1]["low"] is None


def test_a_step_without_neighbours_is_marked_so_that_it_gets_a_dot() -> None:
    start, step = DAY.start, DAY.step
    rows = sentiment_rows([point(start), point(start + 2 * step), point(start + 3 * step)], DAY)
    assert [r["lone"] for r in rows[:5]] == [True, False, False, False, False]


def test_the_band_stays_on_the_scale_and_needs_two_stories() -> None:
    rows = sentiment_rows([point(DAY.start, 0.9, 0.2), point(DAY.start + DAY.step, 0.9, None, 3)], DAY)
    assert (round(rows[0]["low"], 3), rows[0]["high"]) == (0.508, 1.0)
    assert rows[1]["low"] is None


@pytest.mark.parametrize(("mean", "reach"), [(None, 0.25), (0.1, 0.25), (-0.3, 0.5), (0.6, 0.75), (-1.0, 1.0)])
def test_the_score_axis_has_few_sizes(mean: float | None, reach: float) -> None:
    assert score_reach([{"mean": mean, "low": None, "high": None}]) == reach


def test_a_stack_has_no_holes() -> None:
    rows = volume_rows([point(DAY.start, count=9)], DAY)
    assert [r["label"] for r in rows] == ["negative", "unsure", "neutral", "positive"]
    assert [(r["from"], r["to"]) for r in rows] == [(0, 1), (1, 2), (2, 8), (8, 9)]
    assert [r["label"] for r in volume_rows([point(DAY.start)], DAY, ("positive",))] == ["positive"]


def test_a_histogram_counts_the_rows_of_the_list() -> None:
    at = DAY.start + DAY.step
    rows = histogram_rows([row(at), row(at), row(at, "negative")], DAY)
    assert {r["start"] for r in rows} == {at}
    assert {r["label"]: r["stories"] for r in rows} == {"positive": 2, "negative": 1, "neutral": 0, "unsure": 0}


def test_shares_of_nothing_are_no_shares() -> None:
    assert mix_rows(EMPTY) == []
    assert [r["share"] for r in mix_rows(SOME)] == [0.3, 0.25, 0.4, 0.05]
    assert [r["label"] for r in mix_rows(SOME)] == list(LABELS)


def test_the_nearest_label_is_the_likeliest() -> None:
    assert nearest_label(0.2, 0.5, 0.3) == "neutral"
    assert [r["share_words"] for r in probability_rows(0.2, 0.5, 0.3)] == ["30.0%", "50.0%", "20.0%"]


def test_tiles_without_stories_show_that_there_is_nothing() -> None:
    found = tiles(EMPTY, None, DAY, "24h", 0)
    assert [tile.value for tile in found] == ["0", "–", "–", "0.0", "–"]
    assert all(tile.delta is None for tile in found)


def test_tiles_compare_with_the_window_before() -> None:
    before = replace(SOME, count=100, negative=30, unsure=5, mean_score=-0.2)
    stories, mean, negative, rate, unsure = tiles(SOME, before, DAY, "24h", 3)
    assert (stories.value, stories.note) == ("200", "from 3 sources")
    assert (mean.value, mean.delta, mean.rising, mean.tone) == ("▼ −0.12", "+0.08", True, "blue")
    assert (negative.value, negative.delta, negative.rising, negative.tone) == ("40%", "+10.0 pts", True, "orange")
    assert (rate.value, rate.delta, rate.tone) == ("8.3", "+100 %", "gray")
    assert (unsure.value, unsure.delta, unsure.rising) == ("5.0%", "0.0 pts", None)


def test_an_empty_window_before_is_no_comparison() -> None:
    assert all(tile.delta is None for tile in tiles(SOME, EMPTY, DAY, "24h", 1))
    assert tiles(SOME, None, DAY, "all", 1)[1].note == "whole record"
