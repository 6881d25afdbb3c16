"""The fetcher and a publisher; what a hostile one does to it is in test_rows_http.py."""

from __future__ import annotations

import gzip
import ipaddress
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from ingest.fetch import Fetched, Fetcher, NotModified
from newstide.errors import SourceUnavailable
from newstide.outbound.guard import Address, Guard, is_public
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


def drip(publisher: Publisher) -> Iterator[bytes]:
    while not publisher.gone.wait(0.1):
        yield b"x"


def test_a_stop_ends_a_fetch_at_once(publisher: Publisher, fetcher: Fetcher) -> None:
    publisher.answers["/feed"] = Answer(chunks=lambda: drip(publisher))
    started_s = time.monotonic()
    with pytest.raises(SourceUnavailable):
        fetcher.fetch(publisher.url("/feed"), now=NOW, cancelled=lambda: time.monotonic() - started_s > 0.3)
    assert time.monotonic() - started_s < 1.5


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


def test_a_name_server_that_does_not_answer_meets_the_deadline(
    fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answered.wait(30) and [])
    with pytest.raises(SourceUnavailable) as caught:
        fetcher.fetch("http://slow.example/feed", now=NOW)
    assert "too long" in caught.value.why
    answered.set()


def test_nobody_there(fetcher: Fetcher) -> None:
    for url in ("http://127.0.0.1:1/feed", "http://no-such-host.invalid/feed"):
        with pytest.raises(SourceUnavailable, match="does not answer"):
            fetcher.fetch(url, now=NOW)
