"""What is new, where a source then stands, which column is which, what is due."""

from datetime import UTC, datetime, timedelta

import pytest

from ingest.columns import Columns, WrongType, entry_maker, resolve
from ingest.entry import Entry, Parsed, Problem
from ingest.fetch import Fetched, NotModified, max_age_s
from ingest.normalise import Origin, normalise
from ingest.novelty import Judged, judge
from ingest.polled import Polled, next_state, normalised
from ingest.replay import source_name, stem_of
from ingest.rows import format_of
from ingest.sequence import Pace, Revisions
from newstide.errors import UsageError
from newstide.messages import NewsItem
from newstide.sources import Source, SourceState
from newstide.store.sources import SeenText

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
WIRE = Source(name="wire", url="https://wire.example/feed", every_s=300)
NOTHING = Judged((), (), 0)


def item(name: str, title: str) -> NewsItem:
    outcome = normalise(Entry(id=name, title=title), Origin("wire", "feed wire", NOW), 0)
    assert isinstance(outcome, NewsItem)
    return outcome


def test_new_edited_unchanged() -> None:
    first, edited, other = item("1", "A"), item("1", "B"), item("2", "C")
    found = judge([first, other, first, edited], {})
    assert [(each.title, each.revision) for each in found.publish] == [("A", 1), ("C", 1), ("B", 2)]
    assert found.unchanged == 1
    known = {text.story_id: text for text in found.texts}
    assert known[first.story_id] == SeenText(first.story_id, edited.content_hash, 2)
    assert judge([edited, other], known) == Judged((), (known[edited.story_id], known[other.story_id]), 2)
    assert [each.revision for each in judge([first], known).publish] == [3]


def test_cursors_move_only_past_what_was_read_whole() -> None:
    before = SourceState(source="wire", kind="feed", url=WIRE.url, etag='"old"', failures=2, last_error="x")
    document = Fetched(WIRE.url, b"", "", etag='"new"')
    good = next_state(before, Polled(WIRE, NOW, document, Parsed((Entry(id="1"),))), NOTHING, 1)
    assert (good.etag, good.failures, good.last_error, good.rejected, good.received) == ('"new"', 0, "", 1, 1)
    same = next_state(before, Polled(WIRE, NOW, NotModified()), NOTHING, 0)
    assert (same.etag, same.failures, same.last_success_at) == ('"old"', 0, NOW)
    broken = Parsed((Entry(id="1"),), (Problem("malformed", "cut\x00off"),))
    partial = next_state(before, Polled(WIRE, NOW, document, broken), NOTHING, 0)
    assert (partial.etag, partial.failures, partial.last_error) == ("", 0, "malformed: cut off")
    failed = next_state(before, Polled(WIRE, NOW, error="gone", retry_after_s=9_000.0), NOTHING, 0)
    assert (failed.etag, failed.failures, failed.last_success_at) == ('"old"', 3, None)
    assert failed.next_due_at == NOW + timedelta(seconds=9_000)


def test_a_poll_tells_of_rhythm_and_of_the_next() -> None:
    before = SourceState(source="wire", kind="feed", last_new_at=NOW - timedelta(hours=2))
    new = Judged((item("1", "A"), item("2", "B")), (), 0)
    found = next_state(before, Polled(WIRE, NOW, Fetched(WIRE.url, b"", "", max_age_s=1_000.0)), new, 0)
    assert (found.polled_at, found.last_new_at, found.rhythm_s) == (NOW, NOW, 3_600.0)
    assert found.next_due_at is not None and 1_000 <= (found.next_due_at - NOW).total_seconds() <= 1_100
    quiet = next_state(found, Polled(WIRE, NOW + timedelta(hours=1), NotModified()), NOTHING, 0)
    assert (quiet.last_new_at, quiet.rhythm_s) == (NOW, 3_600.0)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("max-age=60", 60.0),
        ("public, Max-Age = 60, must-revalidate", 60.0),
        ('max-age="60"', 60.0),
        ("s-maxage=60", None),
        ("max-age=0, no-store", None),
        ("max-age=-1", None),
        ("", None),
    ],
)
def test_what_cache_control_says(header: str, seconds: float | None) -> None:
    assert max_age_s(header) == seconds


def test_a_bad_entry_is_known_again() -> None:
    polled = Polled(WIRE, NOW, parsed=Parsed((Entry(id="1", title="\ud800"), Entry(id="2", title="T"), Entry(id="3"))))
    (_, rejects), (_, again) = normalised(polled), normalised(polled)
    assert rejects == again and len({reject.position for reject in rejects}) == 2
    assert all(0 <= reject.position < 2**63 for reject in rejects)


@pytest.mark.parametrize(
    ("found", "title", "body", "date"),
    [
        (["headlines", "time", "description"], "headlines", "description", "time"),
        (["Date", "Headline", "URL"], "Headline", "", "Date"),
        (["date", "ticker", "company", "title", "summary", "kind"], "title", "summary", "date"),
        (["id", "date", "text", "emotion"], "text", "", "date"),
        (["Date", "Url", "Mark", "New_text"], "", "New_text", "Date"),
        (["id", "published_at", "date", "title", "body"], "title", "body", "published_at"),
        (["Full Text", "Story ID"], "", "Full Text", ""),
    ],
)
def test_columns_are_guessed(found: list[str], title: str, body: str, date: str) -> None:
    columns = resolve(Columns(), found)
    assert (columns.title, columns.body, columns.date) == (title, body, date)


def test_columns_that_are_not_there_are_named() -> None:
    with pytest.raises(UsageError, match="no column x") as caught:
        resolve(Columns(title="x"), ["a", "b"])
    assert caught.value.why == "the columns found are a, b"
    with pytest.raises(UsageError, match="looks like a title"):
        resolve(Columns(), ["a", "b"])
    assert resolve(Columns(body="title"), ["title", "headline"]) == Columns(title="headline", body="title")


def test_cells() -> None:
    make = entry_maker(Columns(title="t", id="i", symbols="s", date="d"))
    assert make({"t": "T", "i": 7, "s": "A, B;C", "d": 1583141400}) == Entry(
        id="7", title="T", symbols=("A", "B", "C"), published="1583141400"
    )
    assert make({}) == Entry()
    wrong: list[dict[str, object]] = [{"t": 5}, {"t": ["x"]}, {"i": True}, {"s": {"a": 1}}, {"s": [None, []]}]
    for row in wrong:
        with pytest.raises(WrongType):
            make(row)


def test_revisions_forget_the_oldest() -> None:
    revisions = Revisions(stories_max=2)
    texts = [("1", "A"), ("1", "B"), ("1", "B"), ("2", "X"), ("3", "Y"), ("1", "C")]
    assert [revisions.revise(item(*text)).revision for text in texts] == [1, 2, 2, 1, 1, 1]


def test_pace() -> None:
    pace = Pace(60.0)
    assert pace.wait_s(NOW, 0.0) == 0.0
    assert pace.wait_s(NOW + timedelta(minutes=2), 0.5) == 1.5
    assert pace.wait_s(NOW - timedelta(days=1), 0.5) == 0.0


def test_names_of_files_and_sources() -> None:
    from pathlib import Path

    assert [stem_of(Path(name)) for name in ("news.jsonl.gz", "a.b.csv", "plain")] == ["news", "a.b", "plain"]
    assert source_name(" A\x00 <b>B</b>\n" + "x" * 100) == ("A B " + "x" * 100)[:64]
    kinds = [format_of(Path(name), given) for name, given in (("a.CSV.gz", ""), ("a.ndjson", ""), ("a", "ndjson"))]
    assert kinds == ["csv", "jsonl", "jsonl"]


def gone(name: str) -> NewsItem:
    outcome = normalise(Entry(id=name, withdrawn=True), Origin("wire", "feed wire", NOW), 0)
    assert isinstance(outcome, NewsItem)
    return outcome


def test_a_withdrawal_is_a_revision_and_so_is_what_comes_back() -> None:
    first, again = item("1", "A"), item("1", "A")
    judged = judge([first, gone("1"), gone("1"), again], {})
    assert [(i.revision, i.withdrawn) for i in judged.publish] == [(1, False), (2, True), (3, False)]
    assert judged.unchanged == 1
    assert judge([gone("1")], {i.story_id: i for i in judged.texts}).publish[0].revision == 4


def test_what_was_never_published_cannot_be_taken_back() -> None:
    assert judge([gone("1")], {}) == Judged((), (), 1)


def test_a_replay_knows_a_withdrawal_from_a_text() -> None:
    revisions = Revisions()
    assert [revisions.revise(i).revision for i in (item("1", "A"), gone("1"), gone("1"), item("1", "A"))] == [
        1,
        2,
        2,
        3,
    ]


@pytest.mark.parametrize(
    ("cell", "withdrawn"),
    [(True, True), ("yes", True), (1, True), ("", False), (None, False), (False, False), (0, False)],
)
def test_a_column_may_say_that_a_story_is_withdrawn(cell: object, withdrawn: bool) -> None:
    make = entry_maker(resolve(Columns(), ["title", "retracted"]))
    assert make({"title": "A", "retracted": cell}).withdrawn is withdrawn
