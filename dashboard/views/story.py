"""One story, by its own address: what it said, what the model says of it, and when each thing happened."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import streamlit as st

from dashboard import charts, data
from dashboard.figures import ago, clock, delay, flag_words, score_words, web_address
from dashboard.parts import (
    STORIES_PAGE,
    banner,
    card,
    chart,
    chip,
    heading,
    live_every,
    notice,
    problem_notice,
    zone,
)
from dashboard.shape import nearest_label, probability_rows
from dashboard.words import say
from newstide.messages import Novelty
from newstide.store.reads import ScoredRevision

ID_SHOWN_MAX: Final = 80
HASH_SHOWN: Final = 12
WINDOWS: Final = ("12h", "24h", "3d", "5d", "7d")


def page() -> None:
    story_id = st.query_params.get("story", "")
    answer = data.ask("story", story_id, lambda: data.story(story_id))
    heading_of(answer.value)
    place = st.empty()
    if answer.value is None:
        if answer.problem is not None:
            problem_notice(answer.problem)
        return
    banner(place, answer.problem, answer.value.read_at)
    if answer.value.revisions:
        full(answer.value)
    elif not story_id:
        notice(say("empty.story"), say("empty.story.why"))
    else:
        notice(say("empty.unknown"), say("empty.unknown.why"), (story_id[:ID_SHOWN_MAX],))
    back()


def heading_of(reading: data.StoryPage | None) -> None:
    heading(say("page.story"), reading.newest if reading else None, reading.read_at if reading else None)


def back() -> None:
    st.page_link(STORIES_PAGE, label=say("story.all"), icon=":material/arrow_back:")


def full(reading: data.StoryPage) -> None:
    revisions, at = reading.revisions, reading.read_at
    latest = revisions[0]
    if latest.withdrawn:
        st.warning(say("story.withdrawn"), icon=":material/undo:")
    elif latest.revision > 1:
        st.caption(say("story.superseded", revision=latest.revision))
    left, right = st.columns([1.7, 1], gap="large")
    with left:
        told = next((row for row in revisions if not row.withdrawn), latest)
        text(told, at)
        if len(revisions) > 1:
            history(revisions, at)
    with right:
        if not latest.withdrawn:
            verdict(latest)
            if reading.about:
                subjects(reading)
            novelty(reading.novelty, at)
        times(latest, at)


def text(story: ScoredRevision, at: datetime) -> None:
    with st.container(key="story-title"):
        st.text(story.title)
    with st.container(key="story-meta"):
        when = f"{clock(story.published_at, at, zone())}  ·  {ago(story.published_at, at)}"
        st.text(f"{story.source}  ·  {say(f'language.{story.language}')}  ·  {when}")
    if story.body:
        with st.container(key="story-body"):
            st.text(story.body)
    else:
        st.caption(say("story.no_body"))
    address = web_address(story.url)
    if address is not None:
        st.link_button(say("story.at_source"), address, icon=":material/open_in_new:")
    else:
        st.caption(say("story.no_link"))
    if story.symbols:
        st.caption(say("story.symbols"))
        st.text("  ·  ".join(story.symbols))
    if story.flags:
        st.caption(say("story.noticed"))
        for flag in story.flags:
            st.text(f"•  {flag_words(flag)}")


def verdict(story: ScoredRevision) -> None:
    with card(say("chart.probabilities")):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            chip(story.label, story.score)
            st.markdown(f"**{say(f'label.{story.label}')}**", width="content")
        if story.score is None:
            st.caption(say("story.unread"))
        elif story.label == "unsure":
            nearest = nearest_label(story.p_negative, story.p_neutral, story.p_positive)
            st.caption(say("story.unsure", label=say(f"label.{nearest}").lower()))
        rows = probability_rows(story.p_negative, story.p_neutral, story.p_positive)
        chart(rows, charts.shares(rows), say("chart.probabilities.alt"), "probabilities")
        with st.container(gap="xxsmall", key="fine-print"):
            st.text(say("story.model", model=story.model_version))
            st.text(say("story.tokenizer", hash=story.tokenizer_hash[:HASH_SHOWN]))
            st.text(say("story.id", id=story.story_id, revision=story.revision))


def subjects(reading: data.StoryPage) -> None:
    """Names are the master's or the story's own words: plain text, never markup."""
    with card(say("section.entities"), say("section.entities.note")):
        for place, each in enumerate(reading.about):
            with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"entity-{place}"):
                chip(each.label, each.score)
                towards = "" if each.score is None else f"{say(f'towards.{each.label}')} "
                st.text(f"{towards}{reading.names.get(each.entity_id, each.matched)}")
                st.progress(each.relevance)


def novelty(said: Novelty | None, at: datetime) -> None:
    """Copies are heat, sources are evidence, and the windows count what came before it."""
    with card(say("section.novelty")):
        if said is None:
            st.caption(say("novelty.unknown"))
            return
        st.text(_counted("novelty.copies", said.copies) if said.copies else say("novelty.first"))
        with st.container(gap="xxsmall", key="novelty"):
            if said.copies:
                st.text(_counted("novelty.sources", said.independent_sources))
                when = clock(said.first_seen_at, at, zone())
                st.text(say("novelty.seen", at=when, ago=ago(said.first_seen_at, at)))
            days = said.days_since_similar
            st.text(say("novelty.never") if days is None else say("novelty.last", delay=delay(days * 86_400)))
        st.caption(say("novelty.windows"))
        st.table({say(f"novelty.{name}"): [getattr(said, f"similar_{name}")] for name in WINDOWS}, hide_index=True)


def _counted(key: str, n: int) -> str:
    return say(f"{key}.one") if n == 1 else say(key, n=f"{n:,}")


def times(story: ScoredRevision, at: datetime) -> None:
    """Our own words and figures only, so a plain table will do."""
    stamps = [(name, getattr(story, f"{name}_at")) for name in ("published", "received", "scored", "stored")]
    before = [None, *(stamp for _name, stamp in stamps[:-1])]
    with card(say("section.times")):
        st.table(
            {
                say("field.step"): [say(f"stamp.{name}") for name, _stamp in stamps],
                say("field.at", zone=at.astimezone(zone()).tzname() or ""): [
                    f"{stamp.astimezone(zone()):%d %b %Y %H:%M:%S}" for _name, stamp in stamps
                ],
                say("field.delay"): [
                    say("none") if earlier is None else f"+{delay((stamp - earlier).total_seconds())}"
                    for (_name, stamp), earlier in zip(stamps, before, strict=True)
                ],
            },
            border="horizontal",
            hide_index=True,
        )


def history(revisions: list[ScoredRevision], at: datetime) -> None:
    st.subheader(say("section.history"), anchor=False)
    st.dataframe(
        [
            {
                say("field.revision"): row.revision,
                say("field.label"): say("label.withdrawn") if row.withdrawn else say(f"label.{row.label}"),
                say("field.score"): score_words(row.score),
                say("field.scored"): clock(row.scored_at, at, zone()),
                say("field.title"): row.title,
                say("field.model"): row.model_version,
            }
            for row in revisions
        ],
        hide_index=True,
        alt=say("section.history"),
        key="history",
    )


st.fragment(page, run_every=live_every())()
