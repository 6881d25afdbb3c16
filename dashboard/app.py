"""The entry script: `streamlit run dashboard/app.py`, or `newstide dashboard`.

It draws what all pages share. The shared filters must be drawn here, on every page: a widget that a page leaves out
loses its place in the address, and going back would show the old page with other filters.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dashboard import data
from dashboard.parts import DEFAULTS, notice
from dashboard.shape import WINDOWS
from dashboard.words import say
from newstide.errors import SettingsInvalid

HERE = Path(__file__).parent


def filters() -> None:
    names = data.source_names()
    if names is None:  # the filters of the address must outlive an outage
        names = st.query_params.get_all("source")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key="filters"):
        st.segmented_control(
            say("filter.window"), WINDOWS, key="window", bind="query-params", default=DEFAULTS["window"],
            required=True, format_func=lambda window: say(f"window.{window}"),
        )  # fmt: skip
        st.segmented_control(
            say("filter.language"), ["all", "en", "zh"], key="language", bind="query-params",
            default=DEFAULTS["language"], required=True, format_func=lambda language: say(f"language.{language}"),
        )  # fmt: skip
        with st.container(key="sources", width=300):
            st.multiselect(
                say("filter.source"), names, key="source", bind="query-params", placeholder=say("filter.source.all")
            )
        st.toggle(say("filter.live"), value=True, key="live", help=say("filter.live.help"))


def main() -> None:
    overview = st.Page(HERE / "views/overview.py", title=say("page.overview"), icon=":material/monitoring:", default=True)
    stories = st.Page(HERE / "views/stories.py", title=say("page.stories"), icon=":material/view_list:")
    story = st.Page(HERE / "views/story.py", title=say("page.story"), icon=":material/article:")
    page = st.navigation([overview, stories, story], position="top")
    st.set_page_config(page_title=f"{page.title} - {say('app.name')}", page_icon=str(HERE / "icon.svg"), layout="wide")
    st.html(HERE / "style.css")
    st.logo(str(HERE / "logo.svg"))
    try:
        demo = data.settings().demo
    except SettingsInvalid as error:
        notice(say("empty.settings"), say("empty.settings.why"), (f"{error.what}\n{error.why}", error.fix))
        return
    if demo:
        st.info(say("demo.banner"), icon=":material/theater_comedy:")
    filters()
    page.run()


main()
