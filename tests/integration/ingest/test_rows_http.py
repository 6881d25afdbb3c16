"""Rows F08 to F27 and F38 of the corpus of bad input that concern HTTP: each with the outcome expected of it.

The limits are asserted where they are set, and shown at work with smaller ones: no test waits twenty seconds to see it.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpcore2
import httpx2
import pytest

from ingest import fetch as fetching
from ingest.entry import Parsed
from ingest.fetch import Fetched, Fetcher, NotModified
from ingest.parse import parse
from newstide.errors import SourceUnavailable
from newstide.outbound.guard import PORTS, Address, Guard, Refused, is_public
from tests.services.hostile import FEED, Hostile

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
USER_AGENT = "newstide-test/1"

Visit = Callable[[str], Fetched | NotModified]


def only_loopback_one(address: Address) -> bool:
    """As if 127.0.0.1 were the internet, and all the rest of loopback an inner network."""
    return address == ipaddress.ip_address("127.0.0.1") or is_public(address)


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every address that a connection was opened to."""
    opened: list[str] = []
    real = httpcore2.SyncBackend.connect_tcp

    def watched(self: httpcore2.SyncBackend, host: str, *rest: Any, **options: Any) -> httpcore2.NetworkStream:
        opened.append(host)
        return real(self, host, *rest, **options)

    monkeypatch.setattr(httpcore2.SyncBackend, "connect_tcp", watched)
    return opened


@pytest.fixture
def visit(hostile: Hostile, connected: list[str]) -> Iterator[Visit]:
    """Fetches a path of the hostile server, or an address. Nothing but 127.0.0.1 is ever connected to."""
    fetcher = Fetcher(USER_AGENT, Guard(only_loopback_one, any_port=True))
    yield lambda path: fetcher.fetch(path if "://" in path else hostile.url(path), now=NOW)
    assert set(connected) <= {"127.0.0.1"}


@pytest.fixture
def hasty(hostile: Hostile) -> Visit:
    """The same with a deadline of half a second instead of twenty."""
    fetcher = Fetcher(USER_AGENT, Guard(only_loopback_one, any_port=True), limit_s=0.5)
    return lambda path: fetcher.fetch(hostile.url(path), now=NOW)


def refused(visit: Visit, path: str, why: str) -> SourceUnavailable:
    with pytest.raises(SourceUnavailable) as caught:
        visit(path)
    assert why in f"{caught.value.what}: {caught.value.why}"
    return caught.value


def read(visit: Visit, path: str) -> Parsed:
    found = visit(path)
    assert isinstance(found, Fetched)
    return parse(found.body, found.content_type, found.url)


@pytest.mark.parametrize("trick", ["bomb", "bomb_deflate", "endless_untold"])
def test_f08_a_bomb_is_cut_at_15_mib_decoded(visit: Visit, trick: str) -> None:
    assert fetching.BODY_BYTES_MAX == 15 << 20
    refused(visit, trick, "is larger than 15 MiB")


@pytest.mark.parametrize("trick", ["gzip_members", "moved_bomb"])
def test_f09_what_follows_a_body_and_the_body_of_a_redirect_are_not_read(visit: Visit, trick: str) -> None:
    assert len(read(visit, trick).entries) == 1  # whoever reads the second never comes to its end


@pytest.mark.parametrize(
    ("trick", "why"),
    [
        ("brotli", "is encoded as br"),
        ("bomb_twice", "is encoded as gzip, gzip"),
        ("gzip_lie", "compressed body is broken"),
        ("gzip_cut", "compressed body was cut off"),
    ],
)
def test_f10_an_encoding_that_was_not_asked_for_is_refused(
    visit: Visit, hostile: Hostile, trick: str, why: str
) -> None:
    refused(visit, trick, why)
    assert hostile.asked[-1][1]["accept-encoding"] == "gzip, deflate"


@pytest.mark.parametrize("trick", ["endless_chunks", "tiny_chunks", "bad_chunks"])
def test_f11_an_endless_chunked_body_ends_at_the_size_or_the_deadline(hasty: Visit, trick: str) -> None:
    refused(hasty, trick, "")


@pytest.mark.parametrize("trick", ["slow_body", "slow_head", "silent", "endless_continue"])
def test_f12_a_slow_server_meets_one_deadline_for_all(hasty: Visit, trick: str) -> None:
    assert fetching.FETCH_S == 20.0
    refused(hasty, trick, "too long")


def test_f13_twenty_redirects_are_too_many(visit: Visit, hostile: Hostile) -> None:
    assert fetching.REDIRECTS_MAX == 5
    assert len(read(visit, "moved_often/5").entries) == 1
    hostile.asked.clear()
    refused(visit, "moved_often/20", "more than 5 redirects")
    assert len(hostile.asked) == 6


def test_f14_a_redirect_loop_ends(visit: Visit, hostile: Hostile) -> None:
    refused(visit, "loop", "more than 5 redirects")
    assert [path for path, _ in hostile.asked] == ["/loop"] * 6
    refused(visit, "moved_nowhere", "does not answer")


def test_f15_https_does_not_become_http() -> None:
    transport = httpx2.MockTransport(lambda _: httpx2.Response(302, headers={"Location": "http://wire.example/"}))
    with httpx2.Client(transport=transport) as client, pytest.raises(Refused, match="from https to http"):
        fetching._follow(client, "https://wire.example/", NOW, 1)


def redirecting(hostile: Hostile, target: str) -> None:
    async def trick(call: Any) -> None:
        await call.answer(status="302 Found", Location=target.format(port=hostile.port))

    hostile.tricks["away"] = trick


@pytest.mark.parametrize("host", ["127.0.0.2", "[::1]", "0x7f.2", "2130706434", "127.2"])
def test_f16_a_redirect_to_loopback_is_refused_before_a_packet(visit: Visit, hostile: Hostile, host: str) -> None:
    redirecting(hostile, "http://" + host + ":{port}/inner")
    refused(visit, "away", "is not a public address")
    assert [path for path, _ in hostile.asked] == ["/away"]


def test_f16_a_name_of_loopback_is_refused(hostile: Hostile) -> None:
    strict = Fetcher(USER_AGENT, Guard(is_public, any_port=True))
    refused(lambda path: strict.fetch(hostile.url(path, "localhost"), now=NOW), "feed", "is not a public address")


@pytest.mark.parametrize("path", ["latest/meta-data/", "computeMetadata/v1/"])
def test_f17_the_metadata_address_is_refused_before_a_packet(visit: Visit, hostile: Hostile, path: str) -> None:
    redirecting(hostile, f"http://169.254.169.254/{path}")
    refused(visit, "away", "169.254.169.254, which is not a public address")


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "[::ffff:127.0.0.1]", "[::127.0.0.1]", "0", "[fe80::1%25lo]"])  # noqa: S104 - to refuse
def test_f18_spellings_of_here_are_refused(visit: Visit, hostile: Hostile, host: str) -> None:
    redirecting(hostile, "http://" + host + ":{port}/inner")
    refused(visit, "away", "")


@pytest.mark.parametrize("host", ["[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[2001::1]"])
def test_f19_addresses_that_hold_an_inner_one_are_refused(visit: Visit, host: str) -> None:
    refused(visit, f"http://{host}/", "is not a public address")


def test_f20_shared_address_space_is_refused(visit: Visit) -> None:
    for host in ("100.64.0.1", "100.127.255.254"):
        refused(visit, f"http://{host}/", "is not a public address")


def test_f21_multicast_is_refused(visit: Visit) -> None:
    for host in ("224.0.0.1", "239.1.1.1", "[ff02::1]", "[ff0e::1]", "255.255.255.255"):
        refused(visit, f"http://{host}/", "is not a public address")


@pytest.mark.parametrize(
    "target",
    ["file:///etc/hostname", "ftp://127.0.0.1/x", "gopher://127.0.0.1:6379/_FLUSHALL", "data:text/xml,<rss/>", "jar:x"],
)  # fmt: skip
def test_f22_only_the_web_is_asked(visit: Visit, hostile: Hostile, target: str) -> None:
    redirecting(hostile, target)
    refused(visit, "away", "")
    fetcher = Fetcher(USER_AGENT, Guard(any_port=True))
    with pytest.raises(SourceUnavailable):
        fetcher.fetch(target, now=NOW)


def test_f23_names_and_passwords_in_an_address_are_refused(visit: Visit, hostile: Hostile) -> None:
    redirecting(hostile, "http://user:pw@127.0.0.1:{port}/feed")
    refused(visit, "away", "a user name or a password")
    refused(visit, f"http://user@127.0.0.1:{hostile.port}/feed", "a user name or a password")


@pytest.mark.parametrize("port", [21, 22, 25, 3306, 5432, 6379, 9092, 11211, 65535])
def test_f23_ports_of_other_services_are_refused(connected: list[str], port: int) -> None:
    assert {80, 443, 8080, 8443} == PORTS
    with pytest.raises(SourceUnavailable, match="is not fetched"):
        Fetcher(USER_AGENT, Guard()).fetch(f"http://93.184.216.34:{port}/", now=NOW)
    assert connected == []


def test_f24_no_proxy_leads_around_the_guard(visit: Visit, hostile: Hostile, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.2:{hostile.port}")
    assert len(read(visit, "feed").entries) == 1


def test_f25_a_login_page_is_no_feed(visit: Visit) -> None:
    assert [problem.kind for problem in read(visit, "login").problems] == ["not_a_feed"]


@pytest.mark.parametrize(("trick", "kind"), [("nothing", "empty"), ("no_content", "empty"), ("cut_off", "malformed")])
def test_f26_nothing_or_half_of_it_keeps_the_cursor(visit: Visit, trick: str, kind: str) -> None:
    found = read(visit, trick)
    assert [problem.kind for problem in found.problems] == [kind]
    assert not found.complete


@pytest.mark.parametrize("trick", ["endless_head", "long_lie", "two_lengths", "no_http", "old_http", "odd_header"])
def test_f26_an_answer_that_contradicts_itself_is_a_failure(visit: Visit, trick: str) -> None:
    refused(visit, trick, "")


def test_f26_what_follows_the_length_is_not_read(visit: Visit) -> None:
    found = visit("short_lie")
    assert isinstance(found, Fetched) and found.body == FEED


def test_f26_a_wrong_type_and_charset_harm_nobody(visit: Visit) -> None:
    assert [entry.title for entry in read(visit, "wrong_type").entries] == ["Halvern opens a plant"]


def test_f27_not_modified_without_etag_changes_nothing(visit: Visit) -> None:
    assert visit("unchanged") == NotModified()


@pytest.mark.parametrize(
    ("trick", "wait_s"),
    [("wait_ten_years", 86_400.0), ("wait_negative", 0.0), ("wait_nonsense", None), ("forbidden", 600.0)],
)
def test_f38_whatever_wait_is_asked_for_a_day_is_the_most(visit: Visit, trick: str, wait_s: float | None) -> None:
    assert refused(visit, trick, "answers with status").retry_after_s == wait_s


class Resolver:
    """Answers one name, each time with the next of its answers, and the last for ever."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers, self.asked = list(answers), 0

    def __call__(self, host: str, port: int, *_: int, **__: int) -> list[Any]:
        if host != "rebinding.example":
            return list(socket_getaddrinfo(host, port, type=socket.SOCK_STREAM))
        found = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]


socket_getaddrinfo = socket.getaddrinfo


@pytest.mark.parametrize(
    "answers",
    [(["127.0.0.2"],), (["127.0.0.1", "127.0.0.2"],), (["127.0.0.2", "127.0.0.1"],)],
    ids=["inner", "inner behind", "inner before"],
)
def test_a_name_that_is_also_an_inner_address_is_refused(
    visit: Visit, hostile: Hostile, monkeypatch: pytest.MonkeyPatch, answers: tuple[list[str], ...]
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", Resolver(*answers))
    refused(visit, hostile.url("feed", "rebinding.example"), "is not a public address")
    assert hostile.asked == []


def test_a_name_that_changes_between_look_and_connection_gains_nothing(
    visit: Visit, hostile: Hostile, connected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the address that was judged is the one that is connected to, so there is no second answer."""
    resolver = Resolver(["127.0.0.1"], ["127.0.0.2"])
    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    assert len(read(visit, hostile.url("feed", "rebinding.example")).entries) == 1
    assert (resolver.asked, connected) == (1, ["127.0.0.1"])
    refused(visit, hostile.url("feed", "rebinding.example"), "is not a public address")


def test_a_name_that_changes_between_redirects_is_judged_again(
    visit: Visit, hostile: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", Resolver(["127.0.0.1"], ["127.0.0.2"]))
    refused(visit, hostile.url("moved_often/3", "rebinding.example"), "is not a public address")
    assert len(hostile.asked) == 1
