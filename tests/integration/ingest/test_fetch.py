"""The fetcher against a publisher that misbehaves."""

from __future__ import annotations

import gzip
import ipaddress
import time
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from ingest import fetch as fetching
from ingest.fetch import Fetched, Fetcher, NotModified, retry_after_s
from newstide.errors import SourceUnavailable
from newstide.outbound.guard import Address, Guard, Refused, is_public
from tests.integration.ingest.conftest import Answer, Publisher

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def only_loopback_one(address: Address) -> bool:
    """As if 127.0.0.1 were the internet and all the rest of loopback an inner network."""
    return address == ipaddress.ip_address("127.0.0.1")


@pytest.fixture
def fetcher() -> Fetcher:
    return Fetcher("newstide-test/1", Guard(only_loopback_one, any_port=True), limit_s=2.0)


def test_a_document_comes_with_what_to_ask_the_next_time(publisher: Publisher, fetcher: Fetcher) -> None:
    headers = {"Content-Type": "application/rss+xml", "ETag": '"v1"', "Last-Modified": "Mon, 02 Mar 2026 09:00:00 GMT"}
    publisher.answers["/feed"] = Answer(b"<rss/>", headers=headers)
    found = fetcher.fetch(publisher.url("/feed"), now=NOW)
    assert isinstance(found, Fetched)
    assert (found.body, found.content_type, found.etag) == (b"<rss/>", "application/rss+xml", '"v1"')
    publisher.answers["/feed"] = Answer(status=304)
    again = fetcher.fetch(publisher.url("/feed"), etag=found.etag, last_modified=found.last_modified, now=NOW)
    assert again == NotModified()
    asked = publisher.asked[-1][1]
    assert asked["if-none-match"] == '"v1"'
    assert asked["if-modified-since"] == "Mon, 02 Mar 2026 09:00:00 GMT"
    assert asked["accept-encoding"] == "gzip, deflate"
    assert asked["user-agent"] == "newstide-test/1"
    assert "cookie" not in asked


@pytest.mark.parametrize(
    ("status", "header", "wait_s"),
    [
        (429, "120", 120.0),
        (503, "Mon, 02 Mar 2026 10:30:00 GMT", 3_600.0),
        (403, "-5", 0.0),
        (429, "315360000", 86_400.0),
        (500, "soon", None),
        (404, "", None),
    ],
)
def test_a_refusal_says_when_to_come_back(
    publisher: Publisher, fetcher: Fetcher, status: int, header: str, wait_s: float | None
) -> None:
    publisher.answers["/feed"] = Answer(status=status, headers={"Retry-After": header} if header else {})
    with pytest.raises(SourceUnavailable) as caught:
        fetcher.fetch(publisher.url("/feed"), now=NOW)
    assert caught.value.retry_after_s == wait_s
    assert retry_after_s(header, NOW) == wait_s


def compressed(body: bytes, wbits: int) -> bytes:
    packer = zlib.compressobj(wbits=wbits)
    return packer.compress(body) + packer.flush()


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(b"<rss/>")),
        ("deflate", compressed(b"<rss/>", 15)),
        ("deflate", compressed(b"<rss/>", -15)),
        ("identity", b"<rss/>"),
    ],
)
def test_encodings_that_we_take(publisher: Publisher, fetcher: Fetcher, encoding: str, body: bytes) -> None:
    publisher.answers["/feed"] = Answer(body, headers={"Content-Encoding": encoding})
    found = fetcher.fetch(publisher.url("/feed"), now=NOW)
    assert isinstance(found, Fetched) and found.body == b"<rss/>"


BOMB = gzip.compress(b"\x00" * (64 << 20), 9)


@pytest.mark.parametrize(
    ("body", "headers", "why"),
    [
        (BOMB, {"Content-Encoding": "gzip"}, "larger than"),
        (b"x" * ((15 << 20) + 1), {}, "larger than"),
        (b"x", {"Content-Encoding": "br"}, "encoded as br"),
        (b"x", {"Content-Encoding": "gzip, gzip"}, "encoded as gzip, gzip"),
        (gzip.compress(b"x" * 99_999)[:-20], {"Content-Encoding": "gzip"}, "does not answer"),
        (b"no gzip", {"Content-Encoding": "gzip"}, "does not answer"),
    ],
    ids=["bomb", "large", "brotli", "twice", "cut off", "broken"],
)
def test_bodies_that_we_refuse(
    publisher: Publisher, fetcher: Fetcher, body: bytes, headers: dict[str, str], why: str
) -> None:
    publisher.answers["/feed"] = Answer(body, headers=headers)
    with pytest.raises(SourceUnavailable, match=why):
        fetcher.fetch(publisher.url("/feed"), now=NOW)


def drip(publisher: Publisher) -> Iterator[bytes]:
    while not publisher.gone.wait(0.1):
        yield b"x"


def flood(publisher: Publisher) -> Iterator[bytes]:
    while not publisher.gone.is_set():
        yield b"x" * 65_536


def test_a_slow_body_ends_at_the_deadline(publisher: Publisher, fetcher: Fetcher) -> None:
    publisher.answers["/feed"] = Answer(chunks=lambda: drip(publisher))
    started_s = time.monotonic()
    with pytest.raises(SourceUnavailable):
        fetcher.fetch(publisher.url("/feed"), now=NOW)
    assert 1.5 < time.monotonic() - started_s < 4


def test_an_endless_body_ends_at_the_size(publisher: Publisher, fetcher: Fetcher) -> None:
    publisher.answers["/feed"] = Answer(chunks=lambda: flood(publisher))
    with pytest.raises(SourceUnavailable, match="larger than"):
        fetcher.fetch(publisher.url("/feed"), now=NOW)


def test_a_stop_ends_a_fetch_at_once(publisher: Publisher, fetcher: Fetcher) -> None:
    publisher.answers["/feed"] = Answer(chunks=lambda: drip(publisher))
    started_s = time.monotonic()
    with pytest.raises(SourceUnavailable):
        fetcher.fetch(publisher.url("/feed"), now=NOW, cancelled=lambda: time.monotonic() - started_s > 0.3)
    assert time.monotonic() - started_s < 1.5


def moved(to: str, status: int = 302, body: bytes = b"") -> Answer:
    return Answer(body, status, {"Location": to})


def test_redirects_are_followed_a_little(publisher: Publisher, fetcher: Fetcher) -> None:
    publisher.answers |= {"/a": moved("/b", 301, BOMB), "/b": moved(publisher.url("/c"), 308), "/c": Answer(b"<rss/>")}
    found = fetcher.fetch(publisher.url("/a"), now=NOW)
    assert isinstance(found, Fetched) and found.url == publisher.url("/c")
    publisher.answers["/loop"] = moved("/loop")
    publisher.asked.clear()
    with pytest.raises(SourceUnavailable, match="leads nowhere"):
        fetcher.fetch(publisher.url("/loop"), now=NOW)
    assert len(publisher.asked) == 6


@pytest.mark.parametrize(
    "target",
    ["http://127.0.0.2:{port}/inner", "http://169.254.169.254/latest/meta-data/", "http://[::1]:{port}/inner",
     "http://0.0.0.0:{port}/inner", "http://[::ffff:127.0.0.1]:{port}/inner", "http://0x7f.2:{port}/inner",
     "file:///etc/hostname", "gopher://127.0.0.1/", "http://user:pw@127.0.0.1:{port}/inner"],
)  # fmt: skip
def test_a_redirect_to_an_inner_address_is_refused_before_a_byte(
    publisher: Publisher, fetcher: Fetcher, target: str
) -> None:
    port = publisher.url("/").rpartition(":")[2].strip("/")
    publisher.answers["/feed"] = moved(target.format(port=port))
    with pytest.raises(SourceUnavailable, match="is not fetched"):
        fetcher.fetch(publisher.url("/feed"), now=NOW)
    assert [path for path, _ in publisher.asked] == ["/feed"]


def test_a_name_is_no_way_around_the_guard(publisher: Publisher) -> None:
    strict = Fetcher("newstide-test/1", Guard(is_public, any_port=True), limit_s=2.0)
    for host in ("127.0.0.1", "localhost", "2130706433", "127.1"):
        with pytest.raises(SourceUnavailable, match="is not fetched"):
            strict.fetch(publisher.url("/feed", host), now=NOW)
    assert publisher.asked == []


def test_https_does_not_become_http(monkeypatch: pytest.MonkeyPatch) -> None:
    import httpx2

    transport = httpx2.MockTransport(lambda _: httpx2.Response(302, headers={"Location": "http://wire.example/"}))
    with httpx2.Client(transport=transport) as client, pytest.raises(Refused, match="from https to http"):
        fetching._follow(client, "https://wire.example/", NOW)


@pytest.mark.parametrize(
    "text",
    ["0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "169.254.169.254", "172.16.0.1", "192.0.0.8", "192.88.99.1",  # noqa: S104 - an address to refuse
     "192.168.1.1", "198.18.0.1", "224.0.0.1", "239.1.1.1", "255.255.255.255", "::", "::1", "::ffff:127.0.0.1",
     "::ffff:8.8.8.8", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "2001::1", "2001:db8::1", "fc00::1",
     "fe80::1", "ff02::1", "3fff::1", "5f00::1"],
)  # fmt: skip
def test_addresses_that_are_not_public(text: str) -> None:
    assert not is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "2a00:1450::1"])
def test_addresses_that_are_public(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize("port", [22, 25, 6379, 0])
def test_ports_of_other_services(port: int) -> None:
    with pytest.raises(Refused):
        Guard().check_port(port)


def test_nobody_there(fetcher: Fetcher) -> None:
    for url in ("http://127.0.0.1:1/feed", "http://no-such-host.invalid/feed"):
        with pytest.raises(SourceUnavailable, match="does not answer"):
            fetcher.fetch(url, now=NOW)
