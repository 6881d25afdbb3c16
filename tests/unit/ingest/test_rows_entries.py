"""Rows F33 to F37 of the corpus of bad input: entries, each with the story that becomes of it."""

from datetime import UTC, datetime, timedelta

import pytest

from ingest.entry import Entry
from ingest.normalise import FUTURE_MAX
from ingest.novelty import judge
from ingest.parse import parse
from ingest.polled import told_apart
from newstide.messages import content_hash_of
from tests.unit.ingest.test_normalise import FEED, NOW, story


@pytest.mark.parametrize(
    "written",
    ["", "Fri, 31 Dec 9999 23:59:59 GMT", "9999-99-99", "Thu, 01 Jan 1970 00:00:00 GMT", "1970-01-01T00:00:00+08:00",
     "0", "1989-12-31T23:59:59Z", (NOW + timedelta(days=2)).isoformat(), "14 hours ago", "2026-03-02 09:00:00",
     "Mon, 02 Mar 2026 09:00:00 XYZ", "Mon, 02 Mar 2026 09:00:00 CST", "2026-03-02T09:00:00+99:99", "1" * 5_000,
     "\x00", "2026-02-30T10:00:00Z", "-1", "1e308", "9" * 13],
)  # fmt: skip
def test_f33_a_wrong_clock_is_flagged_and_the_time_of_receipt_used(written: str) -> None:
    found = story(Entry(id="1", title="T", published=written))
    assert (found.published_at, found.flags) == (NOW, ("date_suspect",))


@pytest.mark.parametrize("off", [timedelta(0), -timedelta(days=365), FUTURE_MAX, timedelta(hours=13)])
def test_f33_a_date_within_bounds_is_believed(off: timedelta) -> None:
    found = story(Entry(id="1", title="T", published=(NOW + off).isoformat()))
    assert (found.published_at, found.flags) == (NOW + off, ())


def test_f33_a_parsed_date_that_is_no_date_is_not_believed() -> None:
    far = datetime(9999, 12, 31, tzinfo=UTC)
    assert story(Entry(id="1", title="T", published="?", published_at=far)).flags == ("date_suspect",)


def test_f34_the_same_guid_with_new_text_is_a_new_revision() -> None:
    first, second = story(Entry(id="g", title="Up 5%")), story(Entry(id="g", title="Up 50%"))
    found = judge([first, second, second], {})
    assert [(item.story_id, item.title, item.revision) for item in found.publish] == [
        (first.story_id, "Up 5%", 1),
        (first.story_id, "Up 50%", 2),
    ]
    assert (found.unchanged, second.content_hash) == (1, content_hash_of("Up 50%", ""))


def test_f34_items_of_one_list_that_share_a_guid_are_no_edits_of_one_another() -> None:
    a, b = Entry(id="0", url="https://w.example/a", title="A"), Entry(id="0", url="https://w.example/b", title="B")
    assert [(each.id, each.title) for each in told_apart([a, b])] == [("", "A"), ("", "B")]
    again = Entry(id="0", url="https://w.example/a", title="A, as it was")
    assert told_apart([a, again]) == [a, a]
    gone = Entry(id="0", withdrawn=True)
    assert told_apart([a, gone]) == [a, gone]
    known = {text.story_id: text for text in judge([story(each) for each in told_apart([a, b])], {}).texts}
    assert judge([story(each) for each in told_apart([a, b])], known).publish == ()


def test_f35_a_guid_of_a_megabyte_is_hashed() -> None:
    body = b"<rss version='2.0'><channel><item><guid>%s</guid><title>T</title></item></channel></rss>"
    ids = set()
    for end in (b"a", b"b", b"a"):
        (entry,) = parse(body % (b"x" * 1_000_000 + end)).entries
        ids.add(story(entry).story_id)
    assert len(ids) == 2 and {len(each) for each in ids} == {32}


@pytest.mark.parametrize(
    "link",
    ["javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\tscript:alert(1)", " \x01javascript:alert(1)",
     "data:text/html,x", "vbscript:x", "feed:javascript:alert(1)", "https:javascript:x", "file:///etc/hostname",
     "mailto:a@b.example",     "https://user:pw@wire.example/", "blob:https://x.example/1", "view-source:https://x.example/"],
)  # fmt: skip
def test_f36_a_link_that_is_no_web_address_is_dropped(link: str) -> None:
    found = story(Entry(id="1", title="T", url=link, published=NOW.isoformat()))
    assert (found.url, found.flags) == ("", ("link_dropped",))


@pytest.mark.parametrize(
    ("title", "text"),
    [
        ("<script>alert(1)</script>Up", "Up"),
        ("&lt;script&gt;alert(1)&lt;/script&gt;Up", "Up"),
        ("Up <img src=x onerror=alert(1)>", "Up"),
        ("<svg/onload=alert(1)>Up", "Up"),
        ("Up<iframe src=javascript:x>", "Up"),
        ("<a href='javascript:x'>Up</a>", "Up"),
        ("Up <!--[if gte IE 4]><script>alert(1)</script><![endif]-->", "Up"),
        ("<ScRiPt\n>alert(1)</sCrIpT >Up", "Up"),
        ("<style>*{x:expression(alert(1))}</style>Up", "Up"),
        ("Up\x00<\x00script>alert(1)</script>", "Up"),
    ],
)
def test_f37_markup_in_a_title_is_text_only(title: str, text: str) -> None:
    assert story(Entry(id="1", title=title), FEED).title == text
