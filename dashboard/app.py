"""The entry script: `streamlit run dashboard/app.py`, or `newstide dashboard`.

It draws what all pages share. The shared filters must be drawn here, on every page: a widget that a page leaves out
loses its place in the address, and going back would show the old page with other filters.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dashboard import data
from dashboard.parts import default_of, notice
from dashboard.shape import WINDOWS
from dashboard.words import say
from newstide.errors import SettingsInvalid

HERE = Path(__file__).parent


def filters() -> None:
    names = data.source_names()
    if names is None:  # the filters of the address must outlive an outage
        names = st.query_params.get_all("source")
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="filters"):
        # Without `format_func`: what it says, and not the option, would stand in the address.
        st.segmented_control(
            say("filter.window"), WINDOWS, key="window", bind="query-params", default=default_of("window"),
            required=True, label_visibility="collapsed",
        )  # fmt: skip
        st.segmented_control(
            say("filter.language"), ["all", "en", "zh"], key="language", bind="query-params",
            default=default_of("language"), required=True, label_visibility="collapsed",
        )  # fmt: skip
        with st.container(key="sources", width=300):
            st.multiselect(
                say("filter.source"), names, key="source", bind="query-params", placeholder=say("filter.source.all"),
                label_visibility="collapsed",
            )  # fmt: skip
        st.space("stretch")
        st.toggle(say("filter.live"), value=True, key="live", help=say("filter.live.help"))


def main() -> None:
    # No icons on the pages: one of them becomes the tab's picture, which the browser fetches from outside.
    overview = st.Page(HERE / "views/overview.py", title=say("page.overview"), default=True)
    stories = st.Page(HERE / "views/stories.py", title=say("page.stories"))
    story = st.Page(HERE / "views/story.py", title=say("page.story"))
    alerts = st.Page(HERE / "views/alerts.py", title=say("page.alerts"))
    page = st.navigation([overview, stories, story, alerts], position="top")
    st.set_page_config(page_title=f"{page.title} - {say('app.name')}", page_icon=str(HERE / "icon.svg"), layout="wide")
    st.html(HERE / "style.css")
    st.logo(str(HERE / "logo.svg"))
    try:
        demo = data.prepare().demo
    except SettingsInvalid as error:
        notice(say("empty.settings"), say("empty.settings.why"), (f"{error.what}\n{error.why}", error.fix))
        return
    if demo:
        st.info(say("demo.banner"), icon=":material/theater_comedy:")
    filters()
    page.run()


main()
