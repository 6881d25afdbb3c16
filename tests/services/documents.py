"""Documents made to break a parser, by name: made when asked for, since some are megabytes."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import Final

MIB: Final = 1 << 20
BODY_BYTES: Final = 15 * MIB
"""The most that the fetcher lets through."""

HEAD: Final = b"<rss version='2.0'><channel><title>t</title>"
TAIL: Final = b"</channel></rss>"
_BROKEN: Final = HEAD + b"&nbsp;"
"""Not well-formed from here: only the tolerant parser reads on."""


def item(number: int, body: bytes = b"") -> bytes:
    return b"<item><guid isPermaLink='false'>%d</guid><title>T</title><description>%s</description></item>" % (
        number,
        body,
    )


def _filled(unit: bytes, size: int) -> bytes:
    return unit * (size // len(unit))


def _items(count: int, body: bytes) -> bytes:
    return b"".join(item(number, body) for number in range(count))


DOCUMENTS: Final[dict[str, Callable[[], bytes]]] = {
    "one large item": lambda: HEAD + item(1, b"x" * (4 * MIB - 300)) + TAIL,
    "one large item of entities": lambda: HEAD + item(1, _filled(b"&lt;p&gt;", 4 * MIB - 300)) + TAIL,
    "one item larger than allowed": lambda: HEAD + item(1, b"x" * (14 * MIB)) + TAIL,
    "fifteen megabytes of items": lambda: HEAD + _items(1_000, b"y" * 15_000) + TAIL,
    "astral characters": lambda: HEAD + _items(1_000, "\U00020000".encode() * 3_800) + TAIL,
    "gbk undeclared": lambda: HEAD + _items(1_000, "上涨".encode("gbk") * 3_700) + TAIL,
    "utf-16": lambda: (HEAD + _items(1_000, b"y" * 7_000) + TAIL).decode().encode("utf-16"),
    "a hundred thousand items": lambda: HEAD + _items(100_000, b"") + TAIL,
    "flat": lambda: HEAD + _filled(b"<a/>", BODY_BYTES) + TAIL,
    "flat and broken": lambda: _BROKEN + _filled(b"<a/>", BODY_BYTES),
    "deep": lambda: HEAD + b"<a>" * 350_000,
    "deep and broken": lambda: HEAD + b"<x y>" + b"<a>" * 99_000,
    "deep items": lambda: HEAD + b"<x y>" + b"<item>" * 90_000 + TAIL,
    "deep titles": lambda: HEAD + b"<x y>" + b"<item><title>" * 45_000 + TAIL,
    "deep markup": lambda: HEAD + b"<x y><item>" + b"<div>" * 90_000 + b"</item>" + TAIL,
    "many attributes": lambda: HEAD + b"<item " + b"".join(b"a%d='' " % n for n in range(400_000)) + b"/>" + TAIL,
    "many attributes, broken": lambda: _BROKEN + b"<item>" + _filled(b"<a b='1' c='1' d='1'>", 3 * MIB) + TAIL,
    "a large attribute": lambda: HEAD + b"<item><title a='" + b"x" * (3 * MIB) + b"'>x</title></item>" + TAIL,
    "an open attribute": lambda: _BROKEN + b"<item><title a='" + b"x" * (3 * MIB) + b">x</title></item>" + TAIL,
    "many namespaces": lambda: HEAD + b"".join(b"<n%d:a xmlns:n%d='u%d'/>" % (n, n, n) for n in range(30_000)) + TAIL,
    "broken entities": lambda: _BROKEN + item(1, _filled(b"&lt;p&gt;", 4 * MIB)) + TAIL,
    "broken ampersands": lambda: _BROKEN + _items(300, b"&" * 5_000) + TAIL,
    "broken references": lambda: _BROKEN + _items(300, b"&#x" * 1_600) + TAIL,
    "broken angles": lambda: _BROKEN + b"<item><title>" + b"<" * 99_000 + b"</title></item>" + TAIL,
    "sections": lambda: _BROKEN + b"<item><title>" + _filled(b"<![CDATA[x]]>", MIB) + b"</title></item>" + TAIL,
    "open sections": lambda: _BROKEN + b"<item><title>" + _filled(b"<![CDATA[x", MIB) + TAIL,
    "open comments": lambda: _BROKEN + b"<item>" + _filled(b"<!--x", MIB) + b"</item>" + TAIL,
    "open instructions": lambda: _BROKEN + b"<item>" + _filled(b"<?x", MIB) + b"</item>" + TAIL,
    "open declarations": lambda: _BROKEN + b"<item>" + _filled(b"<!x", MIB // 4) + b"</item>" + TAIL,
    "comments before": lambda: _filled(b"<!-- x -->", MIB) + HEAD + TAIL,
    "doctypes": lambda: _filled(b"<!DOCTYPE x>", MIB) + HEAD + TAIL,
    "a large doctype": lambda: b"<!DOCTYPE " + b"x" * (5 * MIB) + b">" + HEAD + TAIL,
    "white space before": lambda: b" " * (5 * MIB) + HEAD + TAIL,
    "many categories": lambda: HEAD + b"<item>" + b"<category>x</category>" * 90_000 + b"</item>" + TAIL,
    "many links": lambda: HEAD + b"<item>" + b"<link>http://a.example/x</link>" * 90_000 + b"</item>" + TAIL,
    "many dates": lambda: HEAD + (b"<item><pubDate>" + b"2020-01-01T" * 300 + b"</pubDate></item>") * 1_000 + TAIL,
    "xhtml": lambda: (
        b"<feed xmlns='http://www.w3.org/2005/Atom'><entry><content type='xhtml'><div>"
        + b"<b>x</b>" * 90_000
        + b"</div></content></entry></feed>"
    ),
    "json of empty lists": lambda: b'{"items":[' + _filled(b"[],", 4 * MIB - 99) + b"1]}",
    "json of few empty objects": lambda: b'{"items":[' + b"{}," * 240_000 + b"1]}",
    "json of escapes": lambda: (
        b'{"items":[' + b'{"id":"1","content_html":"' + b"\\ud840\\udc00" * 330_000 + b'"}]}'
    ),
    "json of controls": lambda: b'{"items":[' + b'{"id":"1","content_html":"' + b"\\u0001" * 600_000 + b'"}]}',
    "deep json": lambda: b'{"items":' + b"[" * 400_000,
    "a large number": lambda: b'{"items":[{"id":' + b"9" * MIB + b"}]}",
    "gzip in gzip": lambda: gzip.compress(HEAD + TAIL),
    "noise": lambda: bytes(range(256)) * 16_384,
}  # fmt: skip
