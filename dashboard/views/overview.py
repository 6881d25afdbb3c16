"""The first page: where sentiment stands, where it goes, and what came last."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import streamlit as st

from dashboard import charts, data
from dashboard.company import tiles_beside, usual_rows
from dashboard.figures import percent, score_words, step_words
from dashboard.parts import (
    STORIES_PAGE,
    banner,
    card,
    chart,
    choice,
    empty_record,
    empty_window,
    heading,
    legend,
    live_every,
    problem_notice,
    story_rows,
)
from dashboard.shape import (
    Choice,
    Frame,
    Tile,
    mix_rows,
    score_reach,
    sentiment_rows,
    share,
    tiles,
    volume_rows,
)
from dashboard.words import say
from newstide.store.totals import SourceTotals, Totals

SHARED_TILES: Final = 3
"""Of the five: the last two of the stream make room for a subject's own usual."""


def page() -> None:
    chosen = choice()
    answer = data.ask("overview", chosen, lambda: data.overview(chosen))
    reading = answer.value
    heading(say("page.overview"), reading.newest if reading else None, reading.read_at if reading else None)
    place = st.empty()
    if reading is None:
        if answer.problem is not None:
            problem_notice(answer.problem)
        return
    banner(place, answer.problem, reading.read_at)
    if reading.frame is None or reading.current is None:
        empty_record()
    elif not reading.current.count:
        empty_window(chosen, reading.last_published)
    else:
        full(chosen, reading, reading.frame, reading.current)


def full(chosen: Choice, reading: data.Overview, frame: Frame, current: Totals) -> None:
    top = tiles(current, reading.previous, frame, chosen.window, reading.source_count)
    if reading.beside is not None:
        with st.container(key="subject"):
            st.text(reading.beside.name)
        top = [*top[:SHARED_TILES], *tiles_beside(reading.beside.whole)]
    with st.grid(5, min_column_width=150, gap="small", key="tiles"):
        for tile in top:
            draw_tile(tile)
    sentiment = sentiment_rows(reading.trend, frame)
    with card(say("chart.sentiment"), say("chart.sentiment.note", step=step_words(frame.step))):
        chart(sentiment, charts.sentiment(frame, score_reach(sentiment)), say("chart.sentiment.alt"), "sentiment")
        st.markdown(f":small[{say('chart.volume')}:  {legend()}]")
        chart(volume_rows(reading.trend, frame), charts.volume(frame), say("chart.volume.alt"), "volume")
    if reading.beside is not None:
        against_usual(reading.beside, frame)
    left, right = st.columns([1.9, 1], gap="medium")
    with left, card(say("section.latest")):
        story_rows(reading.latest, reading.read_at)
        st.page_link(STORIES_PAGE, label=say("all_stories"), icon=":material/arrow_forward:", icon_position="right")
    with right:
        with card(say("chart.mix")):
            mix = mix_rows(current)
            chart(mix, charts.shares(mix), say("chart.mix.alt"), "mix")
        with card(say("section.sources")):
            source_table(reading.sources)


def against_usual(beside: data.Beside, frame: Frame) -> None:
    rows = usual_rows(beside.points, beside.steps)
    step = step_words(timedelta(hours=beside.steps.step))
    with card(say("chart.usual"), say("chart.usual.note", step=step)):
        chart(rows, charts.usual(frame), say("chart.usual.alt"), "usual")


def draw_tile(tile: Tile) -> None:
    st.metric(
        tile.label,
        tile.value,
        tile.delta,
        delta_color=tile.tone,
        delta_arrow="off" if tile.rising is None else "up" if tile.rising else "down",
        delta_description=tile.note,
        help=tile.help,
        border=True,
        height="stretch",
    )


def source_table(sources: list[SourceTotals]) -> None:
    st.dataframe(
        [
            {
                say("field.source"): row.source,
                say("field.stories"): row.totals.count,
                say("field.mean"): score_words(row.totals.mean_score),
                say("field.negative"): percent(share(row.totals, "negative")),
            }
            for row in sources
        ],
        hide_index=True,
        alt=say("section.sources"),
        key="source_table",
    )


st.fragment(page, run_every=live_every())()
