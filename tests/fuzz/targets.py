"""What is fuzzed, and what must hold for any bytes. Each target raises where it does not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from ingest.cleaning import plain_text
from ingest.dates import read_date
from ingest.decoding import decode
from ingest.entry import Parsed
from ingest.kinds.catalogue import KINDS
from ingest.kinds.port import Document
from ingest.links import canonical_url, identity_of
from ingest.normalise import Origin, normalise
from ingest.outline import ITEMS_MAX
from newstide import codec, signing
from newstide.messages import NewsItem

NOW: Final = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ORIGIN: Final = Origin("fuzz", "feed fuzz", NOW)
URL: Final = "https://wire.example/feed"
MAPPING: Final = {
    "items": "data.list",
    "title": "t",
    "body": "b",
    "id": "i",
    "date": "d",
    "url": "u",
    "symbols": "s.*.c",
}
KEY: Final = bytes(range(32))
FEEDS: Final = Path(__file__).parents[1] / "data" / "feeds"


def _sound(parsed: Parsed) -> None:
    """Entries become messages that the bus carries, or rejects; nothing raises."""
    assert len(parsed.entries) <= 2 * ITEMS_MAX  # as many tombstones may come on top
    for entry in parsed.entries:
        outcome = normalise(entry, ORIGIN, 0)
        if isinstance(outcome, NewsItem):
            assert "\x00" not in outcome.title + outcome.body + outcome.url
            assert outcome.published_at <= NOW or "date_suspect" not in outcome.flags
            good, bad = codec.decode_items(codec.encode(outcome))
            assert [each.message for each in good] == [outcome] and not bad


def feed(data: bytes) -> None:
    _sound(KINDS["feed"].read(Document(data, "", URL), {}))


def listing(data: bytes) -> None:
    _sound(KINDS["json"].read(Document(data, "", URL), MAPPING))


def edgar(data: bytes) -> None:
    _sound(KINDS["edgar"].read(Document(data, "", URL), {"cik": "320193"}))
    _sound(KINDS["gdelt"].read(Document(data, "", URL), {"query": "news"}))


def decoding(data: bytes) -> None:
    header, _, body = data.partition(b"\n")
    found = decode(body, header.decode("latin-1"))
    found.text.encode("utf-8", "surrogatepass")
    assert "utf-7" not in found.encoding


def dates(data: bytes) -> None:
    found = read_date(data.decode("utf-8", "surrogateescape"))
    assert found is None or found.at.utcoffset() is not None


def links(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    once = canonical_url(text)
    assert once == canonical_url(once) and (once == "" or once.startswith(("http://", "https://")))
    assert once.isascii() and not set(once) & set(" \"'<>\\^`{|}\n\r\t")
    assert identity_of(identity_of(text)) == identity_of(text)


def cleaning(data: bytes) -> None:
    text = plain_text(data.decode("utf-8", "surrogateescape"), 1_000).text
    assert len(text) <= 1_000 and text == " ".join(text.split())
    text.encode("utf-8")


def signature(data: bytes) -> None:
    """Nothing that was not made with the key is taken, and no form of headers raises."""
    head, _, body = data.partition(b"\n\n")
    fields = [*head.decode("utf-8", "surrogateescape").split("\n"), "", "", ""]
    assert not signing.verify([KEY], (fields[0], fields[1], fields[2]), body, NOW)
    right = signing.sign([KEY], "m-1", NOW, body)
    headers = "m-1", str(int(NOW.timestamp())), f"{fields[2]} {right}"
    assert signing.verify([KEY], headers, body, NOW) or headers[2].count("v1,") > signing.SIGNATURES_MAX
    assert not signing.verify([KEY], headers, body + b"x", NOW)


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    target.__name__: target
    for target in (feed, listing, edgar, decoding, dates, links, cleaning, signature)
}  # fmt: skip


def seeds(name: str) -> list[bytes]:
    """Where to begin from: real forms of what a target reads."""
    documents = [path.read_bytes() for path in sorted(FEEDS.iterdir())]
    flash = '{"data": {"list": [{"i": 7, "t": "央行降准", "b": "<p>x</p>", "d": 1772440500, "s": [{"c": "600519"}]}]}}'
    return {
        "feed": documents,
        "listing": [flash.encode(), b"var x = " + flash.encode() + b";"],
        "edgar": [b'{"filings": {"recent": {"accessionNumber": ["0000320193-26-000001"], "form": ["8-K"]}}}',
                  b'{"articles": [{"url": "https://a.example/1", "title": "t", "seendate": "20260302T093000Z"}]}'],
        "decoding": [b"text/xml; charset=gbk\n" + document for document in documents],
        "dates": [b"Mon, 02 Mar 2026 09:30:00 +0800", b"2026-03-02T09:30:00.123Z", b"7:51 PM ET Fri, 17 July 2020",
                  "2026年3月2日 09:30".encode(), b"1583141400000", b"18-Jul-20", b"13/04/2020"],
        "links": [b"HTTPS://Wire.Example:443/A?utm_source=x&id=7#top", "https://bücher.example/新闻?q=%e6".encode(),
                  b"https://[2001:DB8::1]:8443/", b"javascript:alert(1)", b"tag:wire.example,2026:1"],
        "cleaning": [b"<p>One</p><b>two</b> &lt;script&gt;x&lt;/script&gt; AT&amp;T <SRD>", "a\u202eb&#8238;".encode()],
        "signature": [b"m-1\n1772443800\nv1,AAAA v1,BBBB\n\n{}", b"m-1\n1\nv1\n\n", b"\n\n\n\n"],
    }[name]  # fmt: skip
