"""Text of strangers becomes plain text, addresses become one spelling."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.cleaning import first_sentence, plain_text
from ingest.links import canonical_url, identity_of

ANY_TEXT = st.text(st.characters(codec=None), max_size=300)
MARKUP = st.lists(st.sampled_from(["<", ">", "<b>", "</script>", "<script", "<!--", "-->", "&", "&#", ";", "x", " "]))


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("STANDARD OIL <SRD> TO FORM UNIT", "STANDARD OIL <SRD> TO FORM UNIT"),
        ("<script>alert(1)</script>Up", "Up"),
        ("<style>b{}</style><p>One</p><p>Two</p>", "One Two"),
        ("<svg/onload=alert(1)>x <img src=x onerror=alert(1)>y", "x y"),
        ("<b>A</b>pple", "Apple"),
        ("AT&amp;T R&D &#8217;24 P&copy", "AT&T R&D ’24 P&copy"),
        ("5 < 6 > 4", "5 < 6 > 4"),
        ("a<!-- hidden -->b", "ab"),
        ("&lt;p&gt;escaped &lt;b&gt;twice&lt;/b&gt;&lt;/p&gt;", "escaped twice"),
        (" \t两\u3000字\n", "两 字"),
    ],
)
def test_markup_goes_and_words_stay(raw: str, text: str) -> None:
    assert plain_text(raw, 1_000) == (text, False, False)


@pytest.mark.parametrize("bad", ["\x00", "\x07", "\u202e", "\u2066", "\ud800", "\ufeff", "\u200b", "&#8238;"])
def test_what_nobody_sees_is_taken_out_and_said(bad: str) -> None:
    assert plain_text(f"a{bad}b", 100) == ("ab", True, False)


def test_emoji_stay_whole() -> None:
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
    assert plain_text(family, 100).text == family


def test_five_megabytes_are_cut() -> None:
    found = plain_text("word " * 1_000_000, 20_000)
    assert found.cut and len(found.text) <= 20_000


@given(st.one_of(ANY_TEXT, MARKUP.map("".join)), st.integers(1, 50))
def test_any_text_is_cleaned(raw: str, chars_max: int) -> None:
    text = plain_text(raw, chars_max).text
    assert len(text) <= chars_max
    assert text == " ".join(text.split())
    assert not any(c in text for c in "\x00\n\u202e\ufeff")
    text.encode("utf-8")


@pytest.mark.parametrize("unit", ["<!--", "<script", "<script>", "<a ", "&", "&#1", "<p>", "</style>", "<" * 7])
def test_cleaning_is_linear(unit: str) -> None:
    started_s = time.process_time()
    plain_text(unit * (80_000 // len(unit)), 20_000)
    assert time.process_time() - started_s < 2


@pytest.mark.parametrize(
    ("body", "lead"),
    [("It rose. It fell.", "It rose."), ("上涨。下跌。", "上涨。"), ("Up 3.5 percent", "Up 3.5 percent")],
)
def test_first_sentence(body: str, lead: str) -> None:
    assert first_sentence(body, 200) == lead


@pytest.mark.parametrize(
    ("raw", "canonical"),
    [
        ("HTTPS://Wire.Example:443/A?utm_source=x&id=7&fbclid=1#top", "https://wire.example/A?id=7"),
        ("http://wire.example:80", "http://wire.example/"),
        ("  http://wire.example./a b\t/c ", "http://wire.example/ab/c"),
        ("https://[2001:DB8::1]:8443/", "https://[2001:db8::1]:8443/"),
        ('https://wire.example/"><script>', "https://wire.example/%22%3E%3Cscript%3E"),
        ("https://wire.example/新闻?q=%e6%96%b0&utm_id=3", "https://wire.example/%E6%96%B0%E9%97%BB?q=%E6%96%B0"),
        ("https://Bücher.example:443/", "https://xn--bcher-kva.example/"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example/"),
        ("https://wire.example/?ocid=rss&mtm_campaign=x&id=7&CMP=share", "https://wire.example/?id=7"),
        ("javascript:alert(1)", ""),
        ("JaVa\tscript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("vbscript:x", ""),
        ("file:///etc/hostname", ""),
        ("https://user:pw@wire.example/", ""),
        ("https://a\\@wire.example/", ""),
        ("https://b(aa`/", ""),  # found by the fuzzer
        ("https://b$.example/", ""),
        ("//wire.example/", ""),
        ("https://", ""),
        ("https://x/" + "a" * 3_000, ""),
    ],
)
def test_canonical_url(raw: str, canonical: str) -> None:
    assert canonical_url(raw) == canonical


@given(st.one_of(ANY_TEXT, ANY_TEXT.map("https://wire.example/".__add__), ANY_TEXT.map("http://".__add__)))
def test_any_address_is_folded_once(raw: str) -> None:
    once = canonical_url(raw)
    assert canonical_url(once) == once
    assert once == "" or once.startswith(("http://", "https://"))
    assert identity_of(raw) == identity_of(identity_of(raw))


def test_spellings_of_an_id_are_one() -> None:
    assert identity_of("http://Wire.example/a?utm_medium=rss") == identity_of("https://wire.example/a")
    assert identity_of(" tag:wire.example,2026:1 ") == "tag:wire.example,2026:1"
