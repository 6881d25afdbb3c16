"""An entry becomes a story, or a reject with the reason."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.entry import Entry
from ingest.normalise import BODY_CHARS_MAX, Origin, normalise
from newstide import codec
from newstide.messages import NewsItem, Reason, Reject, content_hash_of

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
FEED = Origin("wire", "feed wire", NOW)
FILE = Origin("archive", "news.csv", NOW, archive=True)
ANY_TEXT = st.text(st.characters(codec=None), max_size=100)


def story(entry: Entry, origin: Origin = FEED) -> NewsItem:
    outcome = normalise(entry, origin, 0)
    assert isinstance(outcome, NewsItem)
    return outcome


def test_a_plain_entry() -> None:
    entry = Entry(
        id="w-1",
        url="https://Wire.example/a?utm_source=rss",
        title="Profit &amp; sales <b>rise</b>",
        published="Mon, 02 Mar 2026 08:15:00 GMT",
        symbols=("hlvn", "HLVN", "not a symbol!"),
    )
    found = story(entry)
    assert (found.title, found.url, found.language) == ("Profit & sales rise", "https://wire.example/a", "en")
    assert (found.published_at, found.received_at) == (datetime(2026, 3, 2, 8, 15, tzinfo=UTC), NOW)
    assert (found.symbols, found.flags, found.revision) == (("HLVN",), (), 1)


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        ("Up 5%", ""),
        (" Up \n 5% ", ""),
        ("Up <b>5%</b>", "Up <b>5%</b>"),
        ("Up\u202e5%", "Up\u202e5%"),
        ("Up\x00 5%", "Up\x00 5%"),
        ("Up \ud800 5%", "Up \\ud800 5%"),
        ("AT&amp;T up", "AT&amp;T up"),
        ("Up " + "5% " * 2_000, ""),
    ],
)
def test_the_original_is_kept_where_the_text_was_changed(raw: str, kept: str) -> None:
    found = story(Entry(id="1", title=raw))
    assert (found.original_title, found.original_body) == (kept, "")
    body = story(Entry(id="1", title="T", body=f"<p>{raw}</p>"))
    assert body.original_body == (f"<p>{kept}</p>" if "text_cleaned" in body.flags else "")
    assert body.content_hash == content_hash_of("T", body.body)


def test_files_may_be_old_and_without_zone() -> None:
    found = story(Entry(id="1", title="T", published="26-FEB-1987 15:01:01.79"), FILE)
    assert (found.published_at.year, found.flags) == (1987, ())
    for written in ("1970-01-01", "9999-01-01", "1066-10-14", "2027-01-01"):
        assert story(Entry(id="1", title="T", published=written), FILE).flags == ("date_suspect",)


def test_without_a_title_the_body_speaks() -> None:
    found = story(Entry(id="1", body="<p>The regulator opened an inquiry.</p><p>More follows.</p>", published="x"))
    assert found.title == "The regulator opened an inquiry."
    assert "title_from_body" in found.flags


@pytest.mark.parametrize("title", ["", " \n", "<br/>", "\x00\u202e", "<script>alert(1)</script>"])
def test_nothing_readable_is_refused_with_its_bytes(title: str) -> None:
    outcome = normalise(Entry(id="1", title=title), FILE, 7, b"raw")
    assert isinstance(outcome, Reject)
    assert (outcome.reason, outcome.raw, outcome.origin, outcome.position) == (Reason.EMPTY_TEXT, b"raw", "news.csv", 7)


def test_a_body_of_five_megabytes_is_cut_and_kept() -> None:
    found = story(Entry(id="1", title="T", body="wort " * 1_000_000))
    assert len(found.body) <= BODY_CHARS_MAX
    assert "body_truncated" in found.flags
    assert len(codec.encode(found)) < codec.RECORD_BYTES_MAX


@pytest.mark.parametrize(
    ("title", "body", "claimed", "language"),
    [
        ("涨停", "", "en", "zh"),
        ("3.5%", "净利润上升", "en", "zh"),
        ("3.5%", "", "zh-CN", "zh"),
        ("3.5%", "", "fr", "und"),
    ],
)
def test_the_script_tells_the_language(title: str, body: str, claimed: str, language: str) -> None:
    assert story(Entry(id="1", title=title, body=body, language=claimed)).language == language


def test_who_a_story_is() -> None:
    by_id, edited = story(Entry(id="1", title="A")), story(Entry(id="1", title="B"))
    assert by_id.story_id == edited.story_id
    assert by_id.content_hash != edited.content_hash
    by_url = [
        story(Entry(title="A", url=url)).story_id for url in ("http://x.example/a", "https://X.example/a?gclid=1")
    ]
    assert len(set(by_url)) == 1
    by_text = [
        story(Entry(title="A", published=day), FILE).story_id for day in ("2020-01-01", "2020-01-01", "2020-01-02")
    ]
    assert len(set(by_text)) == 2
    assert story(Entry(id="1", title="A"), FILE).story_id != by_id.story_id


@given(
    st.builds(
        Entry,
        id=ANY_TEXT,
        url=ANY_TEXT,
        title=ANY_TEXT,
        body=ANY_TEXT,
        published=ANY_TEXT,
        published_at=st.none() | st.datetimes(timezones=st.just(UTC)),
        language=ANY_TEXT,
        symbols=st.lists(ANY_TEXT, max_size=3).map(tuple),
    ),
    st.booleans(),
)
def test_any_entry_becomes_one_or_the_other(entry: Entry, archive: bool) -> None:
    outcome = normalise(entry, Origin("wire", "here", NOW, archive), 1, b"raw")
    if isinstance(outcome, NewsItem):
        assert outcome.title
        good, bad = codec.decode_items(codec.encode(outcome))
        assert ([each.message for each in good], bad) == ([outcome], [])
        assert outcome.published_at <= NOW + timedelta(days=1)
        assert "\x00" not in outcome.title + outcome.body + outcome.url


@pytest.mark.parametrize(
    ("title", "withdrawn"),
    [
        ("WITHDRAWN-Acme to buy Bolt", True),
        ("RETRACTION: Acme to buy Bolt", True),
        ("【撤稿】山岭科技净利润增长", True),
        ("Withdrawn bid leaves Acme shares lower", False),
        ("Acme retracts forecast", False),
    ],
)
def test_wires_mark_what_they_take_back(title: str, withdrawn: bool) -> None:
    told = story(Entry(id="1", title=title))
    assert told.withdrawn is withdrawn
    assert (told.content_hash == content_hash_of(told.title, told.body)) is not withdrawn


def test_a_withdrawal_needs_no_text_but_a_name() -> None:
    assert (story(Entry(id="1", withdrawn=True)).title, story(Entry(id="1", withdrawn=True)).withdrawn) == ("", True)
    assert isinstance(normalise(Entry(withdrawn=True), FEED, 0), Reject)
    assert story(Entry(id="1", withdrawn=True)).story_id == story(Entry(id="1", title="Acme to buy Bolt")).story_id
