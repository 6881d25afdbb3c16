"""The inbox: what fired, why, on what evidence, who was told. With `?alert=ID` in the address, one alert whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import streamlit as st

from dashboard import alerting, data
from dashboard.figures import ago, clock, web_address
from dashboard.parts import (
    ALERTS_PAGE,
    STORY_PAGE,
    banner,
    card,
    chip,
    heading,
    live_every,
    notice,
    problem_notice,
    zone,
)
from dashboard.words import say
from newstide.alerting.firing import Evidence, Firing, Kind, Severity
from newstide.alerting.rendering import clean
from newstide.alerting.routing import covers
from newstide.alerting.subscription import Mute
from newstide.alerting.wording import note_words
from newstide.store.inbox import Entry

_TONES: Final[Mapping[Severity, Any]] = {Severity.INFO: "gray", Severity.WARNING: "orange", Severity.CRITICAL: "red"}
_KINDS: Final = tuple(kind.value for kind in Kind)
ID_SHOWN_MAX: Final = 80


def page() -> None:
    firing_id = st.query_params.get("alert", "")
    if firing_id:
        one(firing_id)
    else:
        every()


# --- the list -------------------------------------------------------------------------------------------------------


def every() -> None:
    chosen = tuple(Kind(word) for word in st.session_state.get("kind") or () if word in _KINDS)
    turned = int(st.session_state.get(f"alerts-{chosen}", 1))
    answer = data.ask("alerts", (chosen, turned), lambda: alerting.alerts(chosen, turned))
    reading = answer.value
    heading(say("page.alerts"), reading.newest if reading else None, reading.read_at if reading else None)
    place = st.empty()
    if reading is None:
        if answer.problem is not None:
            problem_notice(answer.problem)
        return
    banner(place, answer.problem, reading.read_at)
    if not reading.total:
        if chosen:
            notice(say("empty.alerts.kinds"), say("empty.alerts.kinds.why"))
        else:
            commands = ("newstide alerts apply --defaults", "newstide alerts run", "newstide alerts subscribe --help")
            notice(say("empty.alerts"), say("empty.alerts.why"), commands)
        return
    words = say("alerts.count.one") if reading.total == 1 else say("alerts.count", n=f"{reading.total:,}")
    st.text(words)
    with st.container(border=True):
        with st.container(gap="xsmall"):
            for number, row in enumerate(reading.rows):
                listed(row, reading, number)
        if (pages := -(-reading.total // alerting.ALERTS_A_PAGE)) > 1:
            with st.container(horizontal_alignment="center"):
                st.pagination(pages, key=f"alerts-{chosen}")


def listed(row: Entry, reading: alerting.AlertsPage, number: int) -> None:
    firing = row.firing
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="xsmall", key=f"row-{number}"):
        with st.container(key=f"chip-{number}", width=80):
            st.badge(say(f"severity.{firing.severity.value}"), color=_TONES[firing.severity], width="content")
        with st.container(key=f"what-{number}", gap=None):
            st.text(f"{about(firing)}  ·  {clean(firing.rule_id)}")
            told = ", ".join(f"{each.channel}: {each.state}" for each in row.deliveries) or say("alerts.inbox_only")
            when = clock(firing.at, reading.read_at, zone())
            parts = (say(f"kind.{firing.kind.value}"), when, standing(row), told, *spared(row, reading))
            st.text("  ·  ".join(part for part in parts if part))
        st.page_link(
            ALERTS_PAGE, label=say("open"), query_params={"alert": firing.firing_id}, icon=":material/chevron_right:",
            icon_position="right",
        )  # fmt: skip


def about(firing: Firing) -> str:
    return clean(firing.subject_name or firing.subject) or say("alerts.everything")


def standing(row: Entry) -> str:
    """Whether it still holds; nothing for what answers another."""
    if row.ended_by is not None:
        return say(f"alerts.{row.ended_by.value}")
    return "" if row.firing.answers else say("alerts.stands")


def spared(row: Entry, reading: alerting.AlertsPage) -> list[str]:
    """Who has muted, snoozed or acknowledged it."""
    holds: list[Mute] = [
        mute for mute in reading.mutes if mute.owner == row.owner and covers(mute, row.firing, reading.read_at)
    ]
    return [f"{say(f'alerts.{mute.spare.value}')} {clean(mute.owner)}" for mute in holds]


# --- one alert ------------------------------------------------------------------------------------------------------


def one(firing_id: str) -> None:
    answer = data.ask("alert", firing_id, lambda: alerting.alert(firing_id))
    reading = answer.value
    heading(say("page.alerts"), reading.newest if reading else None, reading.read_at if reading else None)
    place = st.empty()
    if reading is None:
        if answer.problem is not None:
            problem_notice(answer.problem)
        return
    banner(place, answer.problem, reading.read_at)
    if reading.rows:
        whole(reading)
    else:
        notice(say("empty.alert"), say("empty.alert.why"), (firing_id[:ID_SHOWN_MAX],))
    st.page_link(ALERTS_PAGE, label=say("alerts.all"), query_params={"alert": ""}, icon=":material/arrow_back:")


def whole(reading: alerting.AlertsPage) -> None:
    row = reading.rows[0]
    firing, at = row.firing, reading.read_at
    left, right = st.columns([1.7, 1], gap="large")
    with left:
        with st.container(key="story-title"):
            st.text(f"{about(firing)}  ·  {clean(firing.rule_text)}")
        with st.container(horizontal=True, gap="small", key="alert-state"):
            st.badge(say(f"severity.{firing.severity.value}"), color=_TONES[firing.severity], width="content")
            st.badge(say(f"kind.{firing.kind.value}"), color="gray", width="content")
            if words := standing(row):
                st.badge(words, color="gray", width="content")
        with st.container(key="story-meta"):
            when = f"{clock(firing.at, at, zone())}  ·  {ago(firing.at, at)}"
            st.text("  ·  ".join((when, *(each for entry in reading.rows for each in spared(entry, reading)))))
        if firing.note:
            st.caption(say("alerts.changed"))
            st.text(note_words("en", clean(firing.note)))
        if firing.answers:
            st.page_link(ALERTS_PAGE, label=say("alerts.answers"), query_params={"alert": firing.answers})
        why(firing)
        proof(firing, reading)
    with right:
        told(reading)
        fine_print(firing)


def why(firing: Firing) -> None:
    if not firing.traces:
        return
    with card(say("alerts.why"), say("alerts.why.note")):
        st.dataframe(
            [
                {
                    say("field.clause"): clean(each.clause),
                    say("field.measured"): say("none") if each.value is None else f"{each.value:.3g}",
                    say("field.threshold"): say("none") if each.threshold is None else f"{each.threshold:g}",
                    say("field.holds"): say("yes") if each.holds else say("no"),
                    say("field.stories"): each.stories,
                }
                for each in firing.traces
            ],
            hide_index=True,
            alt=say("alerts.why"),
            key="why",
        )


def proof(firing: Firing, reading: alerting.AlertsPage) -> None:
    counts = {name: f"{getattr(firing, name):,}" for name in ("stories", "sources", "copies")}
    with card(say("alerts.stories"), say("alerts.evidence", **counts)):
        for number, each in enumerate(firing.evidence):
            story(each, reading, number)


def story(each: Evidence, reading: alerting.AlertsPage, number: int) -> None:
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="xsmall", key=f"row-{number}"):
        with st.container(key=f"chip-{number}", width=72):
            chip(each.label, each.score)
        with st.container(key=f"what-{number}", gap=None):
            st.text(each.title)
            st.text(f"{each.source}  ·  {clock(each.published_at, reading.read_at, zone())}")
        if (address := web_address(each.url)) is not None:
            st.link_button(say("field.source"), address, icon=":material/open_in_new:", type="tertiary")
        st.page_link(
            STORY_PAGE, label=say("open"), query_params={"story": each.story_id, "alert": ""},
            icon=":material/chevron_right:", icon_position="right",
        )  # fmt: skip


def told(reading: alerting.AlertsPage) -> None:
    rows = [delivery for row in reading.rows for delivery in row.deliveries]
    with card(say("alerts.told")):
        if not rows:
            st.caption(say("alerts.told.none"))
            return
        st.dataframe(
            [
                {
                    say("field.person"): each.owner,
                    say("field.channel"): each.channel,
                    say("field.state"): each.state,
                    say("field.reason"): each.reason,
                    say("field.attempts"): each.attempts,
                    say("field.due"): clock(each.due_at, reading.read_at, zone()),
                }
                for each in rows
            ],
            hide_index=True,
            alt=say("alerts.told"),
            key="told",
        )


def fine_print(firing: Firing) -> None:
    models: Sequence[str] = sorted({each.model_version for each in firing.evidence})
    with st.container(gap="xxsmall", key="fine-print"):
        st.text(say("alerts.rule", rule=clean(firing.rule_id), version=firing.rule_version))
        st.text(say("alerts.owner", owner=clean(firing.owner)))
        if models:
            st.text(say("alerts.model", models=clean(", ".join(models))))
        st.text(say("alerts.id", id=firing.firing_id))


def kinds() -> None:
    """Drawn outside of the timed part: a widget in it would start over with each tick."""
    if not st.query_params.get("alert", ""):
        st.pills(
            say("field.state"), _KINDS, selection_mode="multi", key="kind", bind="query-params",
            format_func=lambda word: say(f"kind.{word}"), label_visibility="collapsed",
        )  # fmt: skip


kinds()
st.fragment(page, run_every=live_every())()
