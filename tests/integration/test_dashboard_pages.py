"""The logic of the pages on a real database, without a browser."""

import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from newstide.messages import Novelty
from newstide.store.database import Database
from tests.contract.stories import store as keep
from tests.e2e.dashboard_seed import create, linked, store, story

ENTRY = Path(__file__).parents[2] / "dashboard" / "app.py"
NOW = datetime.now(UTC)
Open = Callable[..., AppTest]


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'newstide.db'}"


@pytest.fixture
def visit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """`visit(page="", demo=False, **parameters of the address)` opens a page as a new reader."""
    monkeypatch.delenv("NEWSTIDE_TEST_SERVICES", raising=False)
    monkeypatch.setenv("NEWSTIDE_DATA_DIR", str(tmp_path))

    def opened(page: str = "", *, demo: bool = False, **parameters: str | list[str]) -> AppTest:
        monkeypatch.setenv("NEWSTIDE_DEMO", str(demo).lower())
        forget()
        app = AppTest.from_file(str(ENTRY), default_timeout=30)
        for name, value in parameters.items():
            app.query_params[name] = value
        if page:
            app.run()
            app.switch_page(f"views/{page}.py")
        return app.run()

    yield opened
    forget()


def forget() -> None:
    st.cache_data.clear()
    st.cache_resource.clear()


def words(app: AppTest) -> str:
    """Everything that is written on the page, one thing a line."""
    kinds = (app.title, app.subheader, app.markdown, app.text, app.caption, app.code, app.error, app.info, app.button)
    return "\n".join(str(getattr(e, "label", None) or e.value) for kind in kinds for e in kind)


def test_without_a_database_the_page_says_how_to_begin(visit: Open) -> None:
    app = visit()
    assert "There is no database yet" in words(app)
    assert "newstide demo" in words(app)
    assert not app.exception


@pytest.mark.parametrize("page", ["", "stories"])
def test_a_database_of_another_version_names_the_cure(visit: Open, database: str, tmp_path: Path, page: str) -> None:
    create(database)
    with sqlite3.connect(tmp_path / "newstide.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'elder'")
    connection.close()
    app = visit(page)
    assert "newstide db upgrade" in words(app)
    assert "NT-D02-" in words(app)
    assert not app.exception


@pytest.mark.parametrize("page", ["", "stories"])
def test_an_empty_database_says_what_is_missing(visit: Open, database: str, page: str) -> None:
    create(database)
    assert "No stories yet" in words(visit(page))
    assert "The demo is about to begin" in words(visit(page, demo=True))


def test_a_wrong_setting_is_named_and_its_value_is_not(
    visit: Open, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEWSTIDE_STORE__URL", "mysql://user:hidden@host/name")
    app = visit()
    assert "The settings are wrong" in words(app)
    assert "store.url" in words(app)
    assert "hidden" not in words(app)
    assert not app.exception


def test_a_paused_page_says_so(visit: Open, database: str) -> None:
    create(database)
    store(database, [story("Quiet", NOW)], NOW)
    app = visit()
    assert "Newest story stored" in words(app)
    app.toggle[0].set_value(False).run()
    assert "Paused at" in words(app)


def test_the_demo_wears_its_banner(visit: Open, database: str) -> None:
    create(database)
    assert "invented" in words(visit(demo=True))
    assert "invented" not in words(visit())


@pytest.mark.parametrize("page", ["", "stories"])
def test_an_empty_window_says_when_the_newest_story_was_and_leads_there(visit: Open, database: str, page: str) -> None:
    create(database)
    store(database, [story("Old news", NOW - timedelta(days=3))], NOW)
    app = visit(page)
    assert "No stories in the last 24 h" in words(app)
    assert "3 d ago" in words(app)
    next(button for button in app.button if button.label == "Show the whole record").click().run()
    assert app.session_state["window"] == "all"
    assert "Old news" in words(app)


def test_filters_that_match_nothing_can_be_cleared(visit: Open, database: str) -> None:
    create(database)
    store(database, [story("Shares rise", NOW), story("股价上涨", NOW, language="zh")], NOW)
    app = visit("stories", q="nothing like it", language="zh")
    assert "No story matches the filters" in words(app)
    next(button for button in app.button if button.label == "Clear the filters").click().run()
    assert {"Shares rise", "股价上涨"} <= set(words(app).splitlines())


def test_the_address_restores_the_filters(visit: Open, database: str) -> None:
    create(database)
    at = NOW - timedelta(minutes=5)
    store(database, [story("Gain one", at, sentiment="positive"), story("Loss one", at, sentiment="negative")], NOW)
    app = visit("stories", label="negative", window="1h")
    assert app.session_state["window"] == "1h"
    assert "Loss one" in words(app)
    assert "Gain one" not in words(app)


def test_a_wrong_address_falls_back_to_what_is_usual(visit: Open, database: str) -> None:
    create(database)
    app = visit(window="<script>", language="xx", source="nobody")
    assert app.session_state["window"] == "24h"
    assert app.session_state["source"] == []


@pytest.mark.parametrize(("identity", "said"), [("", "No story chosen"), ("nope", "No story with this id")])
def test_a_story_that_is_not_there(visit: Open, database: str, identity: str, said: str) -> None:
    create(database)
    app = visit("story", story=identity)
    assert said in words(app)
    assert not app.exception


def test_a_story_shows_its_latest_revision_and_its_history(visit: Open, database: str) -> None:
    create(database)
    first = story("First words", NOW, publisher_id="one", sentiment="negative")
    second = story("Later words", NOW, publisher_id="one", revision=2, flags=("date_suspect", "of_later_days"), url="")
    store(database, [first], NOW)
    store(database, [second], NOW)
    app = visit("story", story=first.item.story_id)
    assert "Later words" in words(app)
    assert "The source gave no web address." in words(app)
    assert "of_later_days" in words(app)
    assert "time of receipt" in words(app)
    assert list(app.dataframe[0].value["Revision"]) == [2, 1]


def test_a_withdrawn_story_says_so_and_shows_what_it_said(visit: Open, database: str) -> None:
    create(database)
    first = story("Plant closes", NOW, publisher_id="one", sentiment="negative")
    gone = story("", NOW, publisher_id="one", revision=2, withdrawn=True)
    store(database, [first], NOW)
    store(database, [gone], NOW)
    app = visit("story", story=first.item.story_id)
    assert "Withdrawn by its source" in app.warning[0].value
    assert "Plant closes" in words(app)
    assert list(app.dataframe[0].value["Label"]) == ["Withdrawn", "Negative"]
    assert "What the model says" not in words(app)
    assert not app.exception


def test_a_story_says_whether_it_is_new(visit: Open, database: str) -> None:
    create(database)
    first, copy = (story(f"Arbora buys Bolt {n}", NOW, publisher_id=str(n)) for n in range(2))
    alone = Novelty(cluster_id=first.item.story_id, copies=0, independent_sources=1, first_seen_at=NOW)
    said = msgspec.structs.replace(alone, copies=4, similar_12h=3, similar_7d=5, days_since_similar=0.5)
    keep(Database(database), [msgspec.structs.replace(first, novelty=alone)], NOW)
    keep(Database(database), [msgspec.structs.replace(copy, novelty=said)], NOW)
    assert "The first story that tells this." in words(visit("story", story=first.item.story_id))
    app = visit("story", story=copy.item.story_id)
    assert "4 stories told it before." in words(app)
    assert "1 source in a wording of its own" in words(app)
    assert "Similar story 12.0 h before" in words(app)
    assert list(app.table[0].value.iloc[0]) == [3, 0, 0, 0, 5]
    assert not app.exception


def test_a_company_is_chosen_by_the_address(visit: Open, database: str) -> None:
    create(database)
    at = NOW - timedelta(minutes=5)
    told = linked(story("Tesla recalls cars", at), "tesla", "Tesla")
    store(database, [told, story("Nothing to do with it", at)], NOW)
    app = visit(company="Tesla")
    assert app.metric[0].value == "1"
    assert "Nothing to do with it" not in words(app)
    assert "Stories against the usual" in words(app)
    assert [metric.label for metric in app.metric[3:]] == ["Volume", "Surprise"]
    app = visit("stories", company="Tesla")
    assert "1 story" in words(app) and "Tesla recalls cars" in words(app)
    app = visit(company="Nobody & Sons")
    assert app.metric[0].value == "2"
    assert not app.exception


def test_a_story_names_whom_it_is_about(visit: Open, database: str) -> None:
    create(database)
    first = linked(story("TSLA falls", NOW), "tesla", "TSLA")
    store(database, [first], NOW)
    app = visit("story", story=first.item.story_id)
    assert not app.exception
    assert "Whom it is about" in words(app) and "Bad for Tesla" in words(app)


def test_a_long_list_is_turned_page_by_page(visit: Open, database: str) -> None:
    create(database)
    store(database, [story(f"Title {n}", NOW - timedelta(minutes=n)) for n in range(60)], NOW)
    app = visit("stories")
    titles = [element.value for element in app.text if element.value.startswith("Title")]
    assert titles == [f"Title {n}" for n in range(25)]
    assert "60 stories, newest first" in words(app)


def test_a_database_that_goes_away_leaves_the_last_values_under_a_banner(
    visit: Open, database: str, tmp_path: Path
) -> None:
    create(database)
    store(database, [story("Still here", NOW)], NOW)
    app = visit()
    (tmp_path / "newstide.db").rename(tmp_path / "away.db")
    st.cache_data.clear()
    app.run()
    assert "The database does not answer. What you see was read at" in app.error[0].value
    assert "Still here" in words(app)
    banner = app.error[0].value
    app.run()
    assert app.error[0].value == banner, "one outage has one id"
    (tmp_path / "away.db").rename(tmp_path / "newstide.db")
    app.run()
    assert not app.error
    assert not app.exception
