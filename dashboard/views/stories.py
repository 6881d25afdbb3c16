"""The list of stories: searched, filtered, and standing still until its reader asks for a newer one."""

from __future__ import annotations

from typing import Any, Final

import streamlit as st

from dashboard import charts, data
from dashboard.parts import (
    banner,
    card,
    chart,
    choice,
    default_of,
    empty_record,
    empty_window,
    heading,
    live_every,
    problem_notice,
    story_rows,
    zone,
)
from dashboard.shape import LABELS, Choice, Frame, histogram_rows, volume_rows
from dashboard.words import say

ROWS_A_PAGE: Final = 25
HISTOGRAM_HEIGHT: Final = 110


def kept(chosen: Choice) -> data.Listing | None:
    """The list of this session, if it was made for these filters."""
    state: Any = st.session_state
    made_for, listing = state.get("_listing", (None, None))
    return listing if made_for == chosen else None


def renew(chosen: Choice) -> data.Problem | None:
    """Make the list anew; its pages start over, and so does whatever was chosen on them."""
    answer = data.ask("stories", chosen, lambda: data.listing(chosen))
    if answer.problem is None:
        st.session_state["_listing"] = (chosen, answer.value)
        st.session_state["_generation"] = st.session_state.get("_generation", 0) + 1
    return answer.problem


def watch() -> None:
    """The only part that ticks: it counts what is new and leaves the list alone."""
    chosen = choice(of_stories=True)
    listing = kept(chosen)
    answer = data.ask("arrivals", chosen, lambda: data.arrivals(chosen, listing.seq if listing else 0))
    arrived, newest = answer.value or (0, None)
    heading(say("page.stories"), newest, listing.read_at if listing else None)
    place = st.empty()
    if listing is None:
        problem = answer.problem or renew(chosen)
        if problem is None:
            st.rerun()
        problem_notice(problem)
        return
    banner(place, answer.problem, listing.read_at)
    if arrived and not listing.rows:
        load_new()
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key="listing"):
        st.text(count_words(listing), width="content")
        words = say("stories.new", n=f"{arrived:,}") if arrived else say("stories.no_new")
        if st.button(words, key="load_new", on_click=load_new, disabled=not arrived, icon=":material/refresh:"):
            st.rerun()


def load_new() -> None:
    st.session_state.pop("_listing", None)


def count_words(listing: data.Listing) -> str:
    if listing.total > len(listing.rows):
        words = say("stories.bounded", n=f"{listing.total:,}", shown=f"{len(listing.rows):,}")
    else:
        words = say("stories.count.one") if listing.total == 1 else say("stories.count", n=f"{listing.total:,}")
    return f"{words}  ·  {say('stories.as_of', at=f'{listing.read_at.astimezone(zone()):%H:%M:%S}')}"


def filters() -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="story_filters"):
        with st.container(key="search", width=320):
            st.text_input(
                say("filter.text"), key="q", bind="query-params", placeholder=say("filter.text.hint"), max_chars=200,
                type="search", label_visibility="collapsed",
            )  # fmt: skip
        st.pills(
            say("filter.label"), LABELS, selection_mode="multi", key="label", bind="query-params",
            default=default_of("label"), label_visibility="collapsed",
        )  # fmt: skip


def stand(chosen: Choice, listing: data.Listing) -> None:
    """The list itself. Nothing in it changes by itself."""
    if listing.frame is None:
        empty_record()
    elif not listing.rows:
        empty_window(chosen, listing.last_published)
    else:
        with card(say("chart.volume")):
            histogram(chosen, listing, listing.frame)
        rows(listing)


def histogram(chosen: Choice, listing: data.Listing, frame: Frame) -> None:
    """From rollups where they know enough; they know no words, so a search is counted from the list itself."""
    points = histogram_rows(listing.rows, frame) if chosen.text else volume_rows(listing.trend, frame, chosen.labels)
    chart(points, charts.volume(frame, height=HISTOGRAM_HEIGHT), say("chart.volume.alt"), "histogram")


def rows(listing: data.Listing) -> None:
    pages = -(-len(listing.rows) // ROWS_A_PAGE)
    generation = st.session_state["_generation"]
    with st.container(border=True):
        body = st.container(gap="xsmall")
        turned = 1
        if pages > 1:
            with st.container(horizontal_alignment="center"):
                turned = st.pagination(pages, key=f"turned-{generation}")
        first = (turned - 1) * ROWS_A_PAGE
        with body:
            story_rows(listing.rows[first : first + ROWS_A_PAGE], listing.read_at)


def page() -> None:
    filters()
    chosen = choice(of_stories=True)
    if kept(chosen) is None:
        renew(chosen)
    st.fragment(watch, run_every=live_every())()
    listing = kept(chosen)
    if listing is not None:
        stand(chosen, listing)


page()
