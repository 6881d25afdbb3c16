"""Rows F01 to F07, F25, F26 and F28 to F32 of the corpus of bad input: documents, each with its outcome."""

from pathlib import Path

import pytest

from ingest import outline
from ingest.entry import Parsed
from ingest.kinds.catalogue import KINDS
from ingest.kinds.port import Document
from ingest.normalise import Origin, normalise
from ingest.parse import parse
from newstide.messages import NewsItem
from tests.services.documents import DOCUMENTS, HEAD, TAIL, item
from tests.unit.ingest.test_normalise import NOW

FEEDS = Path(__file__).parents[2] / "data" / "feeds"
URL = "https://wire.example/feed"


def kinds(found: Parsed) -> list[str]:
    return [problem.kind for problem in found.problems]


def refused(body: bytes, kind: str) -> None:
    found = parse(body, "application/rss+xml", URL)
    assert (found.entries, kinds(found), found.failed, found.complete) == ((), [kind], True, False)


def titles(body: bytes, content_type: str = "") -> list[str]:
    """As they would be stored."""
    stories = [
        normalise(entry, Origin("wire", "feed wire", NOW), 0) for entry in parse(body, content_type, URL).entries
    ]
    return [story.title for story in stories if isinstance(story, NewsItem)]


def rss(title: str) -> str:
    return f"<rss version='2.0'><channel><item><guid>1</guid><title>{title}</title></item></channel></rss>"


def declaring(*lines: str, body: str = "&a;") -> bytes:
    return f"<?xml version='1.0'?><!DOCTYPE rss [{''.join(lines)}]>{rss(body)}".encode()


def test_f01_billion_laughs_is_refused_at_the_doctype() -> None:
    levels = [f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10)]
    refused(declaring('<!ENTITY l0 "lol">', *levels, body="&l9;"), "doctype")
    refused((FEEDS / "bomb.xml").read_bytes(), "doctype")
    refused(declaring('<!ENTITY a "x">').decode().encode("utf-16"), "doctype")  # hidden from a search for bytes


def test_f02_quadratic_blow_up_is_refused_at_the_doctype() -> None:
    refused(declaring(f'<!ENTITY a "{"x" * 50_000}">', body="&a;" * 50_000), "doctype")


@pytest.mark.parametrize(
    "outside", ["file:///etc/hostname", "http://127.0.0.1:9/canary", "php://filter", "expect://id"]
)
def test_f03_an_external_entity_is_refused_and_no_file_is_read(outside: str) -> None:
    refused(declaring(f'<!ENTITY a SYSTEM "{outside}">'), "doctype")
    refused(declaring(f'<!ENTITY a PUBLIC "x" "{outside}">'), "doctype")


def test_f04_a_parameter_entity_is_refused() -> None:
    refused(declaring('<!ENTITY % a SYSTEM "http://127.0.0.1:9/canary">', "%a;", body="x"), "doctype")
    refused((FEEDS / "external.xml").read_bytes(), "doctype")


def test_f04_a_doctype_that_only_names_a_dtd_is_left_alone_and_not_fetched() -> None:
    found = parse((FEEDS / "rss091.xml").read_bytes(), "", URL)
    assert (len(found.entries), found.problems) == (1, ())


@pytest.mark.parametrize("name", ["deep", "deep and broken", "deep titles"])
def test_f05_a_megabyte_of_nested_tags_is_rejected(name: str) -> None:
    found = parse(DOCUMENTS[name](), "", URL)
    assert not found.complete and len(found.entries) <= 1


def test_f06_depth_has_a_cap() -> None:
    assert outline.DEPTH_MAX == 100
    refused(b"<rss><channel>" + b"<a>" * 20_000 + b"</a>" * 20_000 + b"</channel></rss>", "too_deep")


@pytest.mark.parametrize("start", [HEAD, HEAD + b"&nbsp;"], ids=["well-formed", "broken"])
def test_f07_the_first_thousand_items_are_kept(start: bytes) -> None:
    found = parse(start + b"".join(item(number) for number in range(20_000)) + TAIL, "", URL)
    assert [entry.id for entry in found.entries] == [str(number) for number in range(1_000)]
    assert kinds(found) == ["truncated"] and found.complete


@pytest.mark.parametrize(
    "page",
    [b"<!DOCTYPE html><html><head><title>Sign in</title>", b"<html lang='en'>", b"\xef\xbb\xbf\n<!-- x --><HTML >",
     b"<!--a--><!--b--><!doctype HTML PUBLIC '-//W3C//DTD XHTML 1.0 Strict//EN'>", b"Please sign in", b"[]", b"404"],
)  # fmt: skip
def test_f25_a_page_instead_of_a_feed_is_no_feed(page: bytes) -> None:
    refused(page, "not_a_feed")


@pytest.mark.parametrize(
    "nothing", [b"", b" \n", b"\xef\xbb\xbf", b"\xff\xfe", b"\x00\x00", b"<?xml version='1.0'?>\n"]
)
def test_f26_nothing_is_an_error(nothing: bytes) -> None:
    refused(nothing, "empty")


def test_f26_of_a_feed_that_ends_in_the_middle_the_whole_items_are_taken() -> None:
    """A headline cut in two says something else: "profit falls 5" is no news of "profit falls 50%"."""
    whole = (FEEDS / "rss20.xml").read_bytes()
    counts = set()
    for end in range(len(whole) - len(b"</channel></rss>\n")):
        found = parse(whole[:end], "application/rss+xml", URL)
        counts.add(len(found.entries))
        assert not found.complete
        assert len(found.entries) == whole[:end].count(b"</item>")
    assert counts == {0, 1, 2, 3, 4}


def test_f28_utf_7_is_never_decoded() -> None:
    smuggled = b"+ADw-script+AD4-alert(1)+ADw-/script+AD4-"
    body = b"<?xml version='1.0' encoding='UTF-7'?>" + rss("Up").encode().replace(b"Up", smuggled)
    for content_type in ("", "text/xml; charset=utf-7"):
        found = parse(body, content_type, URL)
        assert "encoding_guessed" in kinds(found) and titles(body, content_type) == [smuggled.decode()]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Café “Zentral” – 5 €", "windows-1252"),
        ("Société Générale relève", "iso-8859-1"),
        ("Müller & Söhne steigen", "cp1252"),
    ],
)
def test_f29_western_bytes_without_a_declaration(text: str, encoding: str) -> None:
    body = rss(text.replace("&", "&amp;")).encode(encoding)
    assert titles(body) == [text] and kinds(parse(body)) == ["encoding_guessed"]
    declared = f"<?xml version='1.0' encoding='{encoding}'?>".encode() + body
    assert titles(declared) == [text] and kinds(parse(declared)) == []


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("央行宣布下调存款准备金率，释放长期资金", "gbk"),
        ("宁德时代净利润同比增长", "gb18030"),
        ("台積電第三季營收創新高", "big5"),
    ],
)
@pytest.mark.parametrize("said", ["", "utf-8", "iso-8859-1", "its own"])
def test_f29_chinese_bytes_under_any_declaration(text: str, encoding: str, said: str) -> None:
    said = encoding if said == "its own" else said
    body = (f"<?xml version='1.0' encoding='{said}'?>" if said else "").encode() + rss(text).encode(encoding)
    assert titles(body) == [text]
    assert kinds(parse(body)) == ([] if said == encoding else ["encoding_guessed"])
    assert titles(rss(text).encode(encoding), f"text/xml; charset={said}") == [text]


def test_f29_chinese_json_without_a_declaration() -> None:
    body = '{"data": [{"t": "央行宣布下调存款准备金率，释放长期资金"}]}'.encode("gbk")
    found = KINDS["json"].read(Document(body), {"items": "data", "title": "t"})
    assert [entry.title for entry in found.entries] == ["央行宣布下调存款准备金率，释放长期资金"]
    many = KINDS["json"].read(Document(b"[" + b"[]," * 600_000 + b"1]"), {"items": "", "title": "t"})
    assert kinds(many) == ["not_a_feed"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"])
@pytest.mark.parametrize("said", ["", "utf-8", "gbk", "utf-16"])
def test_f30_marks_and_wide_bytes_win_over_what_is_said(encoding: str, said: str) -> None:
    body = ((f"<?xml version='1.0' encoding='{said}'?>" if said else "") + rss("上调 Outlook")).encode(encoding)
    assert titles(body, "text/xml; charset=iso-8859-1") == ["上调 Outlook"]


def test_f30_marks_in_odd_places() -> None:
    assert titles("\ufeff\ufeff".encode() + rss("上调").encode()) == ["上调"]
    assert titles(b"\xef\xbb\xbf" + rss("Up").encode("utf-16")) is not None
    broken = rss("上调 profit").encode().replace("调".encode(), b"\xe8\xff")
    assert kinds(parse(broken)) == ["encoding_guessed"] and "profit" in titles(broken)[0]


def test_f31_nul_and_controls_are_stripped() -> None:
    for control in ("\x00", "\x01", "\x08", "\x0b", "\x1b[31m", "\x7f", "&#1;", "&#x0;"):
        (title,) = titles(rss(f"Pro{control}fit").encode())
        assert "Pro" in title and title.isprintable()


def test_f32_a_lone_surrogate_is_replaced_or_dropped() -> None:
    body = b'{"version": "https://jsonfeed.org/version/1", "items": [{"id": "1", "title": "Pro\\ud800fit \\udc00up"}]}'
    assert titles(body) == ["Profit up"]
    assert titles(rss("Pro&#xD800;fit &#55357;&#56832; &#xdbff;&#xDFFF;&#xFFFF;&#99999999;").encode()) == [
        "Profit \U0001f600 \U0010ffff"
    ]
