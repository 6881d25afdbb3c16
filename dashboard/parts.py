"""What several pages draw: the heading with its stamp, rows of stories, empty states, banners.

Outside text goes only into `st.text`, `st.code` and cells of `st.dataframe`: every other element reads markdown, and a
picture in markdown makes the reader's browser call a stranger.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, Final, cast, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pyarrow as pa
import streamlit as st

from dashboard import data
from dashboard.figures import ago, clock, signed, stamp_tone
from dashboard.shape import LABELS, STACK, WINDOWS, Choice, Window
from dashboard.words import GLYPHS, say
from newstide.messages import Label, Language
from newstide.store.reads import StoryRow
from newstide.store.totals import Newest

TICK_S: Final = 5
STORY_PAGE: Final = "views/story.py"
STORIES_PAGE: Final = "views/stories.py"
ALERTS_PAGE: Final = "views/alerts.py"
_TONES: Final[Mapping[Label, Any]] = {"positive": "blue", "negative": "orange", "neutral": "gray", "unsure": "gray"}
_DEFAULTS: Final[Mapping[str, Any]] = {
    "window": "24h",
    "language": "all",
    "source": [],
    "label": [],
    "q": "",
    "company": None,
}
_DEMO_WINDOW: Final = "1h"
"""The demo plays its day in three quarters of an hour; in a longer window it would be lost."""


def default_of(key: str) -> Any:
    """What a filter says until somebody says otherwise."""
    return _DEMO_WINDOW if key == "window" and data.settings().demo else _DEFAULTS[key]


def choice(*, of_stories: bool = False) -> Choice:
    """What the shared filters say, and with `of_stories` those of the list of stories too."""
    state: Any = st.session_state
    window, language = state.get("window") or default_of("window"), state.get("language") or default_of("language")
    return Choice(
        window=cast("Window", window if window in WINDOWS else default_of("window")),
        languages=() if language not in get_args(Language) else (cast("Language", language),),
        sources=tuple(sorted(state.get("source") or [])),
        labels=tuple(label for label in LABELS if label in (state.get("label") or [])) if of_stories else (),
        text=(state.get("q") or "").strip() if of_stories else "",
        entity=(data.subjects() or {}).get(state.get("company") or "", ""),
    )


def live_every() -> int | None:
    """Seconds between two readings; None while the reader has paused them."""
    return TICK_S if st.session_state.get("live", True) else None


def zone() -> tzinfo:
    """The reader's own, as the browser tells it."""
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def heading(words: str, newest: Newest | None, read_at: datetime | None) -> None:
    """The name of the page, and how old the newest data are: amber after two minutes, red after ten."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key="heading"):
        st.title(words, anchor=False, width="content")
        with st.container(key="stamp", width="content"):
            _stamp(newest, read_at)


def _stamp(newest: Newest | None, read_at: datetime | None) -> None:
    at = data.now()
    if live_every() is None and read_at is not None:
        st.badge(
            say("stamp.paused", at=f"{read_at.astimezone(zone()):%H:%M:%S}"), color="gray", icon=":material/pause:"
        )
    elif newest is None:
        st.badge(say("stamp.none"), color="gray", icon=":material/schedule:")
    else:
        tone = "gray" if data.settings().demo else stamp_tone(newest.stored_at, at)
        icon = ":material/schedule:" if tone == "gray" else ":material/warning:"
        st.badge(say("stamp.ago", ago=ago(newest.stored_at, at)), color=tone, icon=icon)


def banner(place: Any, problem: data.Problem | None, read_at: datetime | None) -> None:
    """Says that what stands below is old, and from when."""
    if problem is None:
        place.empty()
    elif read_at is None:
        place.error(say("gone.nothing", id=problem.id), icon=":material/cloud_off:")
    else:
        at = f"{read_at.astimezone(zone()):%H:%M:%S}"
        place.error(say("gone.banner", at=at, id=problem.id), icon=":material/cloud_off:")


def notice(what: str, why: str, commands: Sequence[str] = (), reference: str = "") -> None:
    """An empty state: what is missing, why, and what to do."""
    with st.container(border=True, key="notice", width=760):
        st.subheader(what, anchor=False)
        st.markdown(why)
        for command in commands:
            st.code(command, language=None)
        if reference:
            st.caption(say("problem.id", id=reference))


def problem_notice(problem: data.Problem) -> None:
    """A whole page without anything to show, because the database said nothing yet."""
    commands = {
        "database": ("newstide demo", "newstide db upgrade"),
        "schema": ("newstide db upgrade",),
        "away": (problem.fix,),
    }[problem.kind]
    notice(say(f"empty.{problem.kind}"), say(f"empty.{problem.kind}.why"), commands, problem.id)


def empty_record() -> None:
    if data.settings().demo:
        notice(say("empty.demo"), say("empty.demo.why"))
        return
    notice(
        say("empty.record"),
        say("empty.record.why"),
        ("newstide ingest replay FILE", "newstide ingest feeds", "newstide process"),
    )


def empty_window(chosen: Choice, last_published: datetime | None) -> None:
    """Nothing to show although there are stories: either the filters are too narrow, or the window too short."""
    at = data.now()
    if chosen.narrowed:
        notice(say("empty.filters"), say("empty.filters.why", window=say(f"window.{chosen.window}")))
        _button(say("empty.filters.do"), _clear_filters)
    elif last_published is not None:
        words = say("empty.window.why", at=clock(last_published, at, zone()), ago=ago(last_published, at))
        notice(say("empty.window", window=say(f"window.{chosen.window}")), words)
        _button(say("empty.window.do"), _show_all)


def _button(words: str, act: Callable[[], None]) -> None:
    """A button that may stand in a timed fragment, and yet changes the whole page."""
    if st.button(words, on_click=act):
        st.rerun()


def _clear_filters() -> None:
    for key in ("language", "source", "label", "q", "company"):
        st.session_state[key] = default_of(key)


def _show_all() -> None:
    st.session_state["window"] = "all"


def chip(label: Label, score: float | None) -> None:
    """Shape, sign and figure in the colour of the label."""
    st.badge(f"{GLYPHS[label]} {signed(score)}", color=_TONES[label], help=say(f"label.{label}"), width="content")


def story_rows(rows: Sequence[StoryRow], at: datetime) -> None:
    """A line or two for each story, with a way to open it."""
    for place, row in enumerate(rows):
        with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="xsmall", key=f"row-{place}"):
            with st.container(key=f"chip-{place}", width=72):
                chip(row.label, row.score)
            with st.container(key=f"what-{place}", gap=None):
                st.text(row.title)
                st.text(f"{row.source}  ·  {clock(row.published_at, at, zone())}")
            st.page_link(
                STORY_PAGE, label=say("open"), query_params={"story": row.story_id}, icon=":material/chevron_right:",
                icon_position="right",
            )  # fmt: skip


def card(title: str, note: str = "") -> Any:
    """A bordered part of a page with its heading; use it in `with`."""
    box = st.container(border=True, gap="xsmall")
    with box:
        st.subheader(title, anchor=False)
        if note:
            st.caption(note)
    return box


def legend() -> str:
    """The labels in the colours that charts give them."""
    return "  ·  ".join(f":{_TONES[label]}[{GLYPHS[label]}\u00a0{say(f'label.{label}')}]" for label in reversed(STACK))


def chart(rows: Sequence[Mapping[str, Any]], spec: dict[str, Any], alt: str, key: str) -> None:
    """Data go as a table beside the specification: when only they change, the chart is not made anew."""
    with st.container(key=f"box-{key}"):
        st.vega_lite_chart(pa.Table.from_pylist(list(rows)), spec, alt=alt, key=key, width="stretch")
