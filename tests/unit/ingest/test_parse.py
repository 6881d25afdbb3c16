"""Documents become entries and problems; nothing raises."""

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingest.entry import Parsed
from ingest.parse import parse

FEEDS = Path(__file__).parents[2] / "data" / "feeds"
URL = "https://wire.example/feed"


def parsed(name: str, content_type: str = "") -> Parsed:
    return parse((FEEDS / name).read_bytes(), content_type, URL)


def kinds(found: Parsed) -> list[str]:
    return [problem.kind for problem in found.problems]


def test_rss_20() -> None:
    found = parsed("rss20.xml", "application/rss+xml; charset=utf-8")
    first = found.entries[0]
    assert (len(found.entries), found.problems, found.complete) == (4, (), True)
    assert (first.id, first.url) == ("w-1", "https://wire.example/a/1?utm_source=rss&id=7")
    assert first.published == "Mon, 02 Mar 2026 08:15:00 GMT"


def test_atom_with_relative_links() -> None:
    found = parsed("atom.xml", "application/atom+xml")
    assert [entry.url for entry in found.entries] == ["https://wire.example/a/1", "https://wire.example/a/2"]
    assert found.entries[0].title == "赫文系统上调全年业绩指引"
    assert "Down 2%." in found.entries[1].body


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("rss10.rdf", "Dunmarrow loses a customer"),
        ("rss091.xml", "Penwick cuts prices"),
        ("windows1252.xml", "Café “Zentral” floats"),
    ],
)
def test_old_and_odd_feeds(name: str, title: str) -> None:
    found = parsed(name)
    assert [entry.title for entry in found.entries] == [title]


def test_json_feed() -> None:
    found = parsed("feed.json", "application/feed+json")
    assert [entry.id for entry in found.entries] == ["17", "18"]
    assert found.entries[0].title == "Lone \ud800 surrogate"
    assert kinds(found) == ["malformed"]


@pytest.mark.parametrize(
    ("document", "kind", "count"),
    [
        (b"\x01\xff" * 50, "not_a_feed", 0),
        (b'{"a":' + b"[" * 200_000, "malformed", 0),
        (b'{"items": 5}', "not_a_feed", 0),
        (b'{"items": [' + b",".join([b'{"id": "1", "title": "T"}'] * 1_500) + b"]}", "truncated", 1_000),
    ],
    ids=["noise", "deep json", "other json", "many json"],
)
def test_bounds(document: bytes, kind: str, count: int) -> None:
    found = parse(document)
    assert kind in kinds(found)
    assert len(found.entries) == count


def test_an_empty_feed_is_no_problem() -> None:
    assert parse(b"<rss version='2.0'><channel><title>t</title></channel></rss>") == Parsed(())


SEEDS = [path.read_bytes() for path in sorted(FEEDS.iterdir())]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(SEEDS), st.lists(st.tuples(st.integers(0, 1_500), st.binary(max_size=4)), max_size=4), st.text())
@example(b"<rss>" + b"<channel><item>" * 40, [], "")
def test_no_document_raises(seed: bytes, edits: list[tuple[int, bytes]], content_type: str) -> None:
    body = bytearray(seed)
    for place, patch in edits:
        body[place : place + len(patch)] = patch
    assert isinstance(parse(bytes(body), content_type, URL), Parsed)


def test_an_entry_that_was_deleted_is_withdrawn() -> None:
    """RFC 6721: an Atom feed says of an entry that it is gone."""
    body = b"""<feed xmlns="http://www.w3.org/2005/Atom" xmlns:at="http://purl.org/atompub/tombstones/1.0">
    <title>t</title><id>f</id><updated>2026-03-02T09:00:00Z</updated>
    <entry><id>urn:1</id><title>Acme to buy Bolt</title><updated>2026-03-02T09:00:00Z</updated></entry>
    <at:deleted-entry ref="urn:2" when="2026-03-02T10:00:00Z"/></feed>"""
    found = parse(body)
    assert [(e.id, e.withdrawn) for e in found.entries] == [("urn:1", False), ("urn:2", True)]
    assert found.entries[1].published == "2026-03-02T10:00:00Z"
    assert not found.problems
