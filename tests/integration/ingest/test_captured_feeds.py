"""Feeds of real publishers, and the fixtures of two other readers: all are read, with the expected count or reason.

`feeds/SOURCE.md` of the shared data names their origin. What they hold was counted by hand or by their tags; what is
expected otherwise stands here with its reason.
"""

import re
from pathlib import Path

import pytest

from ingest.parse import parse

URL = "https://wire.example/feed"

RSS_PARSER = {
    "atom-customfields.atom": 15, "content-encoded.rss": 7, "craigslist.rss": 25, "customfields.rss": 15,
    "encoding.rss": 40, "feedburner.atom": 25, "guardian.rss": 55, "gulp-atom.atom": 10, "heise.atom": 15,
    "heraldsun.rss": 2, "incomplete-fields.atom": 1, "instant-article.rss": 1, "item-itunes-episodeType.rss": 1,
    "itunes-category.rss": 1, "itunes-href.rss": 10, "itunes-keywords-array.rss": 1, "itunes-keywords-astext.rss": 32,
    "itunes-keywords.rss": 1, "itunes-missing-image.rss": 131, "many-links.rss": 25, "missing-fields.atom": 1,
    "narro.rss": 1, "pagination-links.rss": 1, "reddit-atom.rss": 24, "reddit-home.rss": 24, "reddit.rss": 24,
    "rss-1.rss": 69, "unrecognized.rss": 0, "uolNoticias.rss": 15, "xml2js-options.rss": 69,
}  # fmt: skip

REASONS = {
    "bozo_bogus_encoding.xml": ["encoding_guessed"],  # declares an encoding named "bogus"
    "bozo_encoding_mismatch_crash.xml": ["encoding_guessed"],  # declares US-ASCII, holds an accent
    "bozo_linenoise.xml": ["encoding_guessed"],  # UTF-8 with a byte that is none
    "http_text_xml_charset_2.xml": ["encoding_guessed"],  # windows-1252, said only by a header that is not kept
    "aaa_illformed.xml": ["malformed"],  # ends within its root's end tag
    "big5.xml": ["encoding_guessed"],
    "eucjp.xml": ["encoding_guessed"],
    "euckr.xml": ["encoding_guessed"],
    "koi8r.xml": ["encoding_guessed"],
    "shiftjis.xml": ["encoding_guessed"],
    "rdf_channel_empty_textinput.xml": ["repaired"],  # a comment before the XML declaration
    "rss_item_link_corrupted_ampersands.xml": ["repaired"],
    "undeclared_namespace.xml": ["repaired"],
    # CDF, from before RSS: nobody publishes it any more, and a channel without items is not recognised.
    "channel_abstract_map_description.xml": ["not_a_feed"],
    "channel_abstract_map_tagline.xml": ["not_a_feed"],
    "channel_href_map_links.xml": ["not_a_feed"],
    "unrecognized.rss": ["not_a_feed"],
    "uolNoticias.rss": ["encoding_guessed"],  # ISO-8859-1 without a declaration
}
_ITEM = re.compile(rb"<(?:[\w.-]+:)?(?:item|entry)[\s>/]", re.IGNORECASE)


def read(path: Path) -> tuple[int, list[str]]:
    found = parse(path.read_bytes(), "", URL)
    return len(found.entries), [problem.kind for problem in found.problems]


def test_captured_feeds_of_publishers(shared_data: Path) -> None:
    folder = shared_data / "feeds" / "rss_parser"
    assert {path.name for path in folder.iterdir()} - {"LICENSE"} == set(RSS_PARSER)
    found = {name: read(folder / name) for name in RSS_PARSER}
    assert found == {name: (count, REASONS.get(name, [])) for name, count in RSS_PARSER.items()}


def test_fixtures_of_feedparser(shared_data: Path) -> None:
    files = sorted((shared_data / "feeds" / "feedparser").rglob("*.xml"))
    assert len(files) > 900
    for path in files:
        items = len(_ITEM.findall(path.read_bytes().replace(b"\x00", b"")))
        # The Chinese and Japanese fixtures named here are declared where they stand among the well-formed.
        reasons = REASONS.get(path.name, []) if path.parent.name in ("encoding", "illformed", "chardet", "cdf") else []
        if path.parent.name == "encoding" and path.name == "big5.xml":
            reasons = []
        assert read(path) == (items, reasons), path.name
    assert read(shared_data / "feeds" / "feedparser" / "json" / "example.json") == (2, [])


def test_pages_and_lists_of_edgar_are_no_feeds(shared_data: Path) -> None:
    files = [path for path in (shared_data / "feeds" / "sec_edgar").rglob("*") if path.is_file()]
    pages = [path for path in files if path.name not in ("LICENSE", "SOURCE.md")]
    assert len(pages) == 11
    assert {read(path)[1][0] for path in pages} == {"not_a_feed"}


@pytest.mark.parametrize(
    ("name", "place", "title"),
    [
        ("encoding.rss", 0, "Mãe de utente é a nova presidente da Raríssimas"),
        ("uolNoticias.rss", 1, "Promotoria abre inquérito para apurar suspeita de improbidade de Skaf no Sebrae-SP"),
        ("heise.atom", 2, "Microsoft veröffentlicht Cordova-Erweiterung für Visual Studio Code"),
        ("guardian.rss", 2, "FBI has 'grave concerns' about Trump plan to release controversial memo"),
    ],
)
def test_titles_are_read_as_they_were_written(shared_data: Path, name: str, place: int, title: str) -> None:
    entries = parse((shared_data / "feeds" / "rss_parser" / name).read_bytes(), "", URL).entries
    assert title == entries[place].title and all("\ufffd" not in entry.title for entry in entries)
