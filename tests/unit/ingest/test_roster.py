"""Lists of sources: lines, the list that ships, OPML."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.kinds.catalogue import KINDS, problem_of
from ingest.roster import NoOpml, name_for, read_lines, read_opml, starter, write_line, write_opml
from newstide.sources import Source

OPML = """<?xml version="1.0"?><opml version="1.0"><body>
<outline text="Banks"><outline text="Wire &amp; Co" xmlUrl="https://a.example/f?x=1&amp;y=2" language="zh-CN"/>
<outline title="Wire &amp; Co" text="x" XMLURL="https://b.example/"/></outline>
<outline text="again" xmlUrl="https://b.example/"/><outline text="no feed" htmlUrl="https://c.example/"/>
<outline text="bad" xmlUrl="file:///etc/passwd"/><outline text="财经" xmlUrl="https://zh.example/"/></body></opml>"""


def test_the_list_that_ships() -> None:
    """Form only: nothing here can tell whether an address still answers."""
    sources = starter()
    lines = len(starter_text().splitlines())
    assert len(sources) == lines >= 60, (
        "every line is a source of its own name, with an address and options of its kind"
    )
    assert len({(s.url, json.dumps(msgspec.to_builtins(s.options))) for s in sources}) == len(sources)
    assert all(s.note and s.language for s in sources), "each says its licence or terms, and its language"
    assert not any(s.enabled for s in sources), "nothing is asked before somebody says so"
    by_language = {language: sum(s.language == language for s in sources) for language in ("en", "zh")}
    assert min(by_language.values()) >= 25
    assert {s.kind for s in sources} == set(KINDS)
    assert all(s.url.startswith("https://") for s in sources if s.tier == 1)
    assert min(s.every_s for s in sources) >= 60


def starter_text() -> str:
    from importlib import resources

    return resources.files("ingest").joinpath("starter_sources.ndjson").read_text(encoding="utf-8")


def test_lines_are_read_and_their_mistakes_named() -> None:
    roster = read_lines(
        '{"name": "a", "url": "https://a.example/"}\n\n'
        '{"name": "a", "url": "https://b.example/"}\n'
        '{"name": "b", "url": "https://b.example/", "evry_s": 3}\n'
        '{"name": "c", "url": "https://c.example/", "kind": "telepathy"}\n'
        '{"name": "d", "url": "https://me:pw@d.example/"}\n'
        '{"name": "e", "url": "https://e.example/", "kind": "json", "options": {"items": "x"}}\n'
        "nonsense\n" + "[" * 100_000
    )
    assert [source.name for source in roster.sources] == ["a"]
    assert [refused.line for refused in roster.refused] == [3, 4, 5, 6, 7, 8, 9]
    whys = [refused.why for refused in roster.refused]
    assert "earlier line" in whys[0] and "evry_s" in whys[1] and "telepathy" in whys[2] and "password" in whys[3]
    assert "title" in whys[4]


def test_what_is_written_is_read_again() -> None:
    for source in (*starter(), Source(name="a", url="https://a.example/")):
        assert read_lines(write_line(source)).sources == (source,)


def test_another_readers_list() -> None:
    roster = read_opml(OPML.encode(), taken=["again"])
    assert [(s.name, s.url, s.language) for s in roster.sources] == [
        ("Wire-Co", "https://a.example/f?x=1&y=2", "zh"),
        ("Wire-Co-2", "https://b.example/", ""),
        ("zh.example", "https://zh.example/", ""),
    ]
    assert [refused.line for refused in roster.refused] == [5]


def test_a_list_goes_round() -> None:
    feeds = [source for source in starter() if source.kind == "feed"]
    back = read_opml(write_opml(starter()).encode()).sources
    assert [(s.name, s.url, s.language) for s in back] == [(s.name, s.url, s.language) for s in feeds]


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"no xml",
        b"<rss/>",
        b"<opml><body></opml>",
        b'<!DOCTYPE o [<!ENTITY a "b">]><opml/>',
        b'<!DOCTYPE o SYSTEM "file:///etc/passwd"><opml/>',
    ],
)
def test_what_is_no_list_is_refused(document: bytes) -> None:
    with pytest.raises(NoOpml):
        read_opml(document)


@given(st.text(max_size=200), st.sets(st.text(max_size=5)))
def test_names_are_always_names_and_new(wanted: str, taken: set[str]) -> None:
    others = {*taken, name_for([wanted], ())}
    name = name_for([wanted], others)
    assert name not in others
    assert problem_of(msgspec.convert({"name": name, "url": "https://a.example/"}, Source)) == ""
