"""Requests that lie, swell, stall or come in masses: each is refused within its limits, and others are served."""

from __future__ import annotations

import gzip
import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest

from ingest.push.app import BODY_BYTES_MAX
from ingest.push.message import FIELDS, STORIES_MAX
from ingest.push.protocol import CONNECTIONS_MAX
from newstide.settings import Settings
from tests.integration.ingest.pushing import Receiver, receiver_of, signed, story

MEMORY_BYTES_MAX = 64 << 20
HEAD = "POST /v1/push/wire HTTP/1.1\r\nhost: x\r\n"


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    folder = tmp_path_factory.mktemp("push")
    with receiver_of(Settings(data_dir=folder / "var"), folder) as started:
        assert started.push(story(1)).status == 200
        yield started


def exchanged(receiver: Receiver, *parts: bytes) -> bytes:
    """All that comes back until the receiver closes."""
    with receiver.raw() as connection:
        for part in parts:
            connection.sendall(part)
        connection.shutdown(socket.SHUT_WR)
        return connection.makefile("rb").read()


def lines(headers: dict[str, str]) -> str:
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items())


def test_w09_body_of_10_mib(receiver: Receiver) -> None:
    before = receiver.resident_bytes()
    large = b"x" * (10 << 20)
    assert receiver.push(large).status == 413
    assert receiver.post(large, {}).status == 413, "the size is judged before the signature"
    assert receiver.resident_bytes() - before < MEMORY_BYTES_MAX
    whole = json.dumps(story(9, body="")).encode()
    fits = json.dumps(story(9, body="x" * (BODY_BYTES_MAX - len(whole)))).encode()
    assert len(fits) == BODY_BYTES_MAX and receiver.push(fits).status == 200
    assert receiver.push(fits + b" ").status == 413


def test_w09_endless_body(receiver: Receiver) -> None:
    before = receiver.resident_bytes()
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    with receiver.raw() as connection:
        connection.sendall(f"{HEAD}transfer-encoding: chunked\r\n\r\n".encode())
        with pytest.raises(OSError):
            for _ in range(10_000):  # 655 MB, if they were taken
                connection.sendall(chunk)
    assert receiver.resident_bytes() - before < MEMORY_BYTES_MAX
    assert receiver.push(story(9)).status == 200


def test_w10_content_length_too_short(receiver: Receiver) -> None:
    body = json.dumps(story(10)).encode()
    head = HEAD + lines(signed(body, receiver.new_id())) + "content-length: 10\r\n\r\n"
    assert exchanged(receiver, head.encode() + body).startswith(b"HTTP/1.1 401 ")


def test_w10_content_length_too_long(receiver: Receiver) -> None:
    body = json.dumps(story(10)).encode()
    head = HEAD + lines(signed(body, receiver.new_id())) + f"content-length: {len(body) + 10}\r\n\r\n"
    assert not exchanged(receiver, head.encode() + body).startswith(b"HTTP/1.1 2")  # it ended before it was whole


@pytest.mark.parametrize("length", ["-1", "1e3", "ten", "10, 20", "99999999999999999999999"])
def test_w10_content_length_that_is_none(receiver: Receiver, length: str) -> None:
    answer = exchanged(receiver, f"{HEAD}content-length: {length}\r\n\r\n0123456789".encode())
    assert answer == b"" or answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 413 "))


def test_w10_two_lengths(receiver: Receiver) -> None:
    head = f"{HEAD}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n"
    assert exchanged(receiver, head.encode() + b"0\r\n\r\n").startswith(b"HTTP/1.1 400 ")


def test_w11_gzip_body(receiver: Receiver) -> None:
    bomb = gzip.compress(b"0" * (100 << 20))
    before = receiver.resident_bytes()
    assert receiver.push(bomb, content_encoding="gzip").status == 415
    assert receiver.push(bomb).status == 400, "undeclared it is no JSON"
    assert receiver.resident_bytes() - before < MEMORY_BYTES_MAX


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 1_000,
        b"[" * 200_000,
        b'{"id":' * 1_000,
        b'{"title":' + b"[" * 1_000 + b"]" * 1_000 + b"}",
        b"[" * 9 + b"]" * 9,
    ],
)
def test_w12_depth(receiver: Receiver, body: bytes) -> None:
    assert receiver.push(body).status in (400, 422)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999", "nan"])
def test_w13_not_a_number(receiver: Receiver, value: str) -> None:
    answer = receiver.push(f'{{"id": "n", "title": {value}}}'.encode())
    assert answer.status in (400, 422)


@pytest.mark.parametrize("field", ["__proto__", "constructor", "titel", "Title", "a\u0000b", "source", ""])
def test_w14_unknown_fields_are_named(receiver: Receiver, field: str) -> None:
    answer = receiver.push(story(14) | {field: {}})
    assert answer.status == 422
    assert repr(field)[1:-1] in answer.json["problems"][0]["detail"]


@pytest.mark.parametrize("field", sorted(FIELDS))
def test_w14_wrong_types_are_named(receiver: Receiver, field: str) -> None:
    values: tuple[object, ...] = ({}, [{}], [[]])
    for value in values:
        answer = receiver.push(story(14) | {field: value})
        assert answer.status == 422
        detail = answer.json["problems"][0]["detail"]
        assert field in detail


@pytest.mark.parametrize(
    "body", [b"", b" \n", b"null", b"1", b'"text"', b"\xff\xfe{\x00}\x00", b"{}", b"[]" * 2, b"\x00"]
)
def test_w14_no_stories_at_all(receiver: Receiver, body: bytes) -> None:
    answer = receiver.push(body)
    assert answer.status in (400, 422) and answer.json["rejected"] == 1


def test_w14_too_many_stories(receiver: Receiver) -> None:
    answer = receiver.push([{"title": str(n)} for n in range(STORIES_MAX + 1)])
    assert answer.status == 400 and answer.json["problems"][0]["reason"] == "too_large"


def test_w15_a_thousand_slow_connections(receiver: Receiver) -> None:
    """A third sends nothing, a third half a header, a third half a body; all the while others are served."""
    before = receiver.resident_bytes()
    starts = (b"", HEAD.encode(), f"{HEAD}content-length: 200000\r\n\r\n".encode() + b"x" * 10_000)
    with ExitStack() as stack:
        slow = [stack.enter_context(receiver.raw()) for _ in range(CONNECTIONS_MAX - 50)]
        for number, connection in enumerate(slow):
            connection.sendall(starts[number % 3])
        assert receiver.push(story(15)).status == 200
        slow += [stack.enter_context(receiver.raw()) for _ in range(300)]
        for connection in slow[-300:]:
            connection.sendall(starts[2])
        assert slow[0].recv(1) == b"", "the first that came made room"
        for number in range(20):
            assert receiver.push(story(15, title=str(number))).status == 200
        assert receiver.resident_bytes() - before < MEMORY_BYTES_MAX
        with suppress(ConnectionResetError):
            assert slow[-1].recv(1) == b"", "and the last was ended when its time was over"
    assert receiver.get("/livez") == 200


def test_w17_flood_over_the_quota(receiver: Receiver) -> None:
    answers = [receiver.push(story(17), source="slow") for _ in range(10)]
    refused = [answer for answer in answers if answer.status == 429]
    assert {answer.status for answer in answers} == {200, 429} and len(refused) >= 5
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
    assert receiver.push(story(17)).status == 200, "another sender has a quota of its own"
    unsigned = [receiver.post(b"{}", {}, source="slow").status for _ in range(5)]
    assert unsigned == [401] * 5, "who cannot sign can neither use a quota up nor see it"
