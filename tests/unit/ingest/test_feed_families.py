"""Each family of feeds by a small fixture of its own: how many stories it has, what they say, what is wrong with it."""

from pathlib import Path

import pytest

from ingest.normalise import Origin, normalise
from ingest.parse import parse
from newstide.messages import NewsItem
from tests.unit.ingest.test_normalise import NOW

FEEDS = Path(__file__).parents[2] / "data" / "feeds"
URL = "https://wire.example/feed"
ZH = ["赫文系统上调全年业绩指引，股价上涨5％", "央行宣布下调存款准备金率0.5个百分点"]

FAMILIES: dict[str, tuple[list[str], list[str]]] = {
    "ampersand.xml": (["Hale & Sons rise 3% — again"], ["repaired"]),
    "atom.xml": (["赫文系统上调全年业绩指引", "AT&T slips"], []),
    "atom03.xml": (["Wrenfield cuts its dividend"], []),
    "big5.xml": (["台積電第三季營收創新高"], []),
    "bom_and_lie.xml": (ZH, []),
    "bomb.xml": ([], ["doctype"]),
    "cdata.xml": (['Pell & Marsh: "no deal" <update>'], []),
    "empty.xml": ([], []),
    "error.json": ([], ["not_a_feed"]),
    "external.xml": ([], ["doctype"]),
    "feed.json": (["Lone surrogate", "No title here!"], ["malformed"]),
    "feed10.json": (["Calder Rail wins an order.", "央行下调利率"], []),
    "gb18030_undeclared.xml": (ZH, ["encoding_guessed"]),
    "gb2312_lie.xml": ([ZH[0].replace("赫文", "镕喆㐀"), ZH[1]], []),
    "gbk.xml": (ZH, []),
    "gbk_as_utf8.xml": (ZH, ["encoding_guessed"]),
    "late_prolog.xml": (ZH, []),
    "login.html": ([], ["not_a_feed"]),
    "namespaces.xml": (["Tarn Energy hires a chief"], []),
    "podcast.xml": (["Episode 12: rates"], []),
    "rss090.rdf": (["Brackmoor sells its mill"], []),
    "rss091.xml": (["Penwick cuts prices"], []),
    "rss092.xml": (["Ostrava Glass restarts a furnace.", "Ferrin lists in Zurich"], []),
    "rss10.rdf": (["Dunmarrow loses a customer"], []),
    "rss20.xml": (["Halvern & Veldane raise outlook", "Skarholm warns", "The regulator opened an inquiry."], []),
    "sitemap.xml": ([], ["not_a_feed"]),
    "truncated.xml": (["First story is whole"], ["malformed"]),
    "upper.xml": (["Loud wire"], []),
    "utf16.xml": (ZH, []),
    "windows1252.xml": (["Café “Zentral” floats"], ["encoding_guessed"]),
}


def test_every_fixture_has_its_expectation() -> None:
    assert {path.name for path in FEEDS.iterdir()} == set(FAMILIES)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_is_read(name: str) -> None:
    found = parse((FEEDS / name).read_bytes(), "", URL)
    stories = [normalise(entry, Origin("wire", "feed wire", NOW), 0) for entry in found.entries]
    titles = [story.title for story in stories if isinstance(story, NewsItem)]
    assert (titles, [problem.kind for problem in found.problems]) == FAMILIES[name]


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("content_type", ["text/html; charset=utf-7", "application/json", "image/png", "text/xml"])
def test_the_type_that_a_server_names_changes_nothing(name: str, content_type: str) -> None:
    body = (FEEDS / name).read_bytes()
    assert parse(body, content_type, URL).entries == parse(body, "", URL).entries


def test_what_is_taken_of_an_item_beside_its_title() -> None:
    def first(name: str) -> NewsItem:
        story = normalise(parse((FEEDS / name).read_bytes(), "", URL).entries[0], Origin("w", "feed w", NOW), 0)
        assert isinstance(story, NewsItem)
        return story

    assert first("cdata.xml").body == "No deal Talks ended on Monday."
    assert first("cdata.xml").url == "https://wire.example/c/1?a=1&b=2"
    assert first("podcast.xml").url == "https://wire.example/p/12"
    assert first("namespaces.xml").published_at.hour == 8
    assert first("feed10.json").url == "https://wire.example/j/1"
    assert first("atom03.xml").body == "By half."
