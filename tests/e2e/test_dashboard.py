"""The pages in a real browser, served as `newstide dashboard` serves them."""

import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dashboard.serve import serve
from newstide.settings import load
from tests.e2e.dashboard_seed import create, linked, seed, store, story
from tests.services.common import listens, plain_environment

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage, Dialog, Page, Request

HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script> ![p](http://192.0.2.1/p.png) $5 and $6 **bold**"
PROBES = re.compile(r"/_stcore/(health|host-config)$")
"""Streamlit looks for its base path by these two, and gets a 404 once on every deep link."""
ARRIVES_MS = 10_000
READY = """() => {
  const app = document.querySelector('[data-testid=stApp]');
  return app && app.dataset.testConnectionState === 'CONNECTED' && app.dataset.testScriptState !== 'initial'
    && document.querySelector('h1') && !document.querySelector('[data-testid=stSkeleton], [data-testid=stSpinner]')
    && [...document.querySelectorAll('[class*=st-key-box-]')].every(box => box.querySelector('svg.marks, canvas'))
    && [...document.querySelectorAll('[data-testid=stDataFrame]')]
      .every(table => table.querySelector('[data-testid^=glide-cell]'))
    && document.fonts.status === 'loaded';
}"""


@dataclass(frozen=True)
class Site:
    address: str
    file: Path

    @property
    def url(self) -> str:
        return f"sqlite:///{self.file}"

    def count(self) -> int:
        with closing(sqlite3.connect(self.file)) as connection:
            return int(connection.execute("SELECT count(*) FROM stories").fetchone()[0])


def site(folder: Path, *, demo: bool = False) -> Iterator[Site]:
    overrides = {"data_dir": folder, "dashboard.port": 0, "demo": demo}
    settings, _origins = load(environment={}, overrides=overrides)
    with serve(settings) as running:
        yield Site(running.address, folder / "newstide.db")


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Three days of news, one story of it about a company of the master."""
    folder, now = tmp_path_factory.mktemp("full"), datetime.now(UTC)
    seed(f"sqlite:///{folder / 'newstide.db'}", now)
    tesla = linked(story("Tesla recalls cars", now - timedelta(hours=2)), "tesla", "Tesla")
    store(f"sqlite:///{folder / 'newstide.db'}", [tesla], now)
    yield from site(folder)


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Site]:
    """Nothing yet, not even a database."""
    yield from site(tmp_path, demo=True)


@pytest.fixture
def watched(page: "Page") -> Iterator["Page"]:
    """A page that must not run foreign script, complain, or ask anybody but this machine."""
    amiss: list[str] = []

    def ran(dialog: "Dialog") -> None:
        amiss.append(f"a script ran: {dialog.message}")
        dialog.dismiss()

    def complained(message: "ConsoleMessage") -> None:
        url = message.location.get("url", "")
        if message.type == "error" and not PROBES.search(url):
            amiss.append(f"console: {message.text} {url}")

    def asked(sent: "Request") -> None:
        if not sent.url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:")):
            amiss.append(f"asked {sent.url}")

    page.on("dialog", ran)
    page.on("console", complained)
    page.on("request", asked)
    page.on("pageerror", lambda error: amiss.append(f"page error: {error}"))
    yield page
    assert amiss == []


def visit(page: "Page", url: str) -> "Page":
    page.goto(url)
    page.wait_for_function(READY)
    return page


def text_of(page: "Page", row: int) -> str:
    return page.locator(f".st-key-what-{row} [data-testid=stText]").first.inner_text()


def tile(page: "Page", place: int) -> str:
    return page.locator("[data-testid=stMetricValue]").nth(place).inner_text()


def test_the_overview_agrees_with_the_database(watched: "Page", full: Site) -> None:
    page = visit(watched, f"{full.address}/?window=all")
    assert page.title() == "Overview - newstide"
    assert tile(page, 0) == f"{full.count():,}"
    assert re.fullmatch(r"[▲▼] [+−]0\.\d\d", tile(page, 1))
    for alt in ("Mean sentiment over time", "Number of stories over time", "Share of each label"):
        page.locator(f'[aria-label^="{alt}"] svg.marks').wait_for()


def test_a_story_written_now_appears_by_itself(watched: "Page", full: Site) -> None:
    page = visit(watched, full.address)
    now = datetime.now(UTC)
    store(full.url, [story("Nobody has read this yet", now, publisher_id="just-now")], now)
    page.get_by_text("Nobody has read this yet").wait_for(timeout=ARRIVES_MS)
    assert text_of(page, 0) == "Nobody has read this yet"


def test_the_list_stands_still_until_it_is_asked(watched: "Page", full: Site) -> None:
    page = visit(watched, f"{full.address}/stories")
    before = [text_of(page, row) for row in range(5)]
    now = datetime.now(UTC)
    store(full.url, [story(f"Arrival {n}", now, publisher_id=f"arrival-{n}") for n in range(20)], now)
    page.get_by_role("button", name="20 new - load").wait_for(timeout=ARRIVES_MS)
    assert [text_of(page, row) for row in range(5)] == before

    page.locator(".st-key-row-2").get_by_role("link", name="Open").click()
    page.locator(".st-key-story-title").wait_for()
    assert page.locator(".st-key-story-title").inner_text() == before[2]
    identity = page.url.partition("story=")[2].partition("&")[0]
    with closing(sqlite3.connect(full.file)) as connection:
        titles = connection.execute("SELECT title FROM stories WHERE story_id = ?", (identity,)).fetchall()
    assert (before[2],) in titles

    page.get_by_role("link", name="Back to the stories").click()
    page.get_by_role("button", name="20 new - load").click(timeout=ARRIVES_MS)
    page.get_by_text("Arrival 19").wait_for()
    assert text_of(page, 0).startswith("Arrival")


def test_a_permalink_stands_alone_and_hostile_text_stays_text(watched: "Page", full: Site) -> None:
    now = datetime.now(UTC)
    bad = story(HOSTILE, now, publisher_id="hostile", body=HOSTILE, url="javascript:alert(3)", source="<b>S</b>")
    store(full.url, [bad], now)
    page = visit(watched, f"{full.address}/story?story={bad.item.story_id}")
    assert page.locator(".st-key-story-title").inner_text() == HOSTILE
    assert page.locator(".st-key-story-body").inner_text() == HOSTILE
    page.get_by_text("The source gave no web address.").wait_for()
    for path in ("/", "/stories"):
        visit(page, full.address + path)
        page.get_by_text(HOSTILE).wait_for(timeout=ARRIVES_MS)
        assert page.locator("img[src*='192.0.2.1'], img[src='x'], [href^='javascript:']").count() == 0


def test_filters_are_kept_from_page_to_page(watched: "Page", full: Site) -> None:
    page = visit(watched, f"{full.address}/?window=7d&language=zh")
    page.get_by_role("link", name="Stories", exact=True).click()
    page.locator(".st-key-listing").wait_for()
    page.wait_for_url(re.compile(r"/stories\?"))
    assert {"window=7d", "language=zh"} <= set(page.url.partition("?")[2].split("&"))


def test_a_company_stands_in_the_address(watched: "Page", full: Site) -> None:
    page = visit(watched, full.address)
    page.locator(".st-key-companies input").click(timeout=ARRIVES_MS)
    page.get_by_role("option", name="Tesla", exact=True).click(timeout=ARRIVES_MS)
    page.wait_for_url(re.compile(r"company=Tesla"))
    page.get_by_text("Stories against the usual").wait_for(timeout=ARRIVES_MS)
    page.locator('[aria-label^="Number of stories over time beside"] svg.marks').wait_for()
    again = visit(watched, page.url)
    again.get_by_text("Stories against the usual").wait_for(timeout=ARRIVES_MS)
    assert tile(again, 0) == "1"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_needs_no_sideways_scroll(watched: "Page", full: Site, scheme: str) -> None:
    page = watched
    page.set_viewport_size({"width": 360, "height": 780})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    now = datetime.now(UTC)
    wide = story("W" * 300, now, publisher_id="wide", symbols=("S" * 200,))
    store(full.url, [wide], now)
    for path in ("/", "/stories", f"/story?story={wide.item.story_id}"):
        visit(page, full.address + path)
        page.get_by_text("W" * 300).wait_for(timeout=ARRIVES_MS)
        main = page.locator("[data-testid=stMain]")
        assert main.evaluate("e => [e.scrollWidth <= e.clientWidth, document.body.scrollWidth]") == [True, 360], path


def test_an_outage_shows_a_banner_and_ends_by_itself(watched: "Page", full: Site) -> None:
    page = visit(watched, full.address)
    before = tile(page, 0)
    away = full.file.with_name("away.db")
    full.file.rename(away)
    try:
        banner = page.get_by_text("The database does not answer. What you see was read at")
        banner.wait_for(timeout=ARRIVES_MS)
        assert re.search(r"\(NT-D01-[0-9a-f]{4}\)", banner.inner_text())
        assert tile(page, 0) == before
        assert "Traceback" not in page.content()
    finally:
        away.rename(full.file)
    banner.wait_for(state="detached", timeout=ARRIVES_MS)


def test_from_nothing_to_the_first_story_without_a_reload(watched: "Page", bare: Site) -> None:
    page = visit(watched, bare.address)
    page.get_by_text("There is no database yet").wait_for()
    page.get_by_text("every company, outlet and headline is invented").wait_for()
    create(bare.url)
    page.get_by_text("The demo is about to begin").wait_for(timeout=ARRIVES_MS)
    now = datetime.now(UTC)
    store(bare.url, [story("The very first", now - timedelta(seconds=5))], now)
    page.get_by_text("The very first").wait_for(timeout=ARRIVES_MS)
    assert tile(page, 0) == "1"


def test_the_command_says_where_and_ends_when_told(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cli.main", "dashboard", "--port", "0"]
    environment = plain_environment() | {"NEWSTIDE_DATA_DIR": str(tmp_path)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        said = running.stderr.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)", said)
        running.send_signal(signal.SIGTERM)
        assert running.wait(timeout=30) == 0
        assert found, said
        assert not listens(int(found[1]))
