"""Whatever is sent to the real receiver: no 5xx, and no 2xx without a signature that holds."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newstide.settings import Settings
from tests.integration.ingest.pushing import Receiver, receiver_of, signed

NAMES = [
    "webhook-id", "webhook-timestamp", "webhook-signature", "content-length", "transfer-encoding", "content-encoding",
    "content-type", "connection", "expect", "upgrade", "host", "x",
]  # fmt: skip
VALUES = [
    "msg_1",
    "1790000000",
    "v1,AAAA",
    "v1, v1,",
    "gzip",
    "chunked",
    "close",
    "100-continue",
    "websocket",
    "0",
    "7",
]
VISIBLE = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=60)
HEADERS = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES) | VISIBLE), max_size=8)
PATHS = st.sampled_from(["/v1/push/wire", "/v1/push/none", "/v1/push/", "/v1/push/wire/", "/", "*"]) | st.builds(
    lambda tail: "/v1/push/" + "".join(f"%{byte:02x}" for byte in tail), st.binary(max_size=20)
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=40),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["id", "title", "body", "url", "symbols", "published_at", "x"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    folder = tmp_path_factory.mktemp("push")
    with receiver_of(Settings(data_dir=folder / "var"), folder) as started:
        yield started


def status_of(receiver: Receiver, request: bytes) -> int:
    """Of the first answer; 0 when it closed without one. All that is sent is one write, and then its end."""
    with receiver.raw() as connection:
        connection.sendall(request)
        connection.shutdown(1)
        answer = connection.makefile("rb").read()
    return int(answer.split(b" ", 2)[1]) if answer else 0


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(["POST", "GET", "PUT", "post"]), PATHS, HEADERS, st.binary(max_size=200))
def test_arbitrary_headers_and_bodies(
    receiver: Receiver, method: str, path: str, headers: list[tuple[str, str]], body: bytes
) -> None:
    head = f"{method} {path} HTTP/1.1\r\nhost: x\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers)
    assert status_of(receiver, head.encode("latin-1") + b"\r\n" + body) < 500
    length = f"content-length: {len(body)}\r\n\r\n".encode()
    assert status_of(receiver, head.encode("latin-1") + length + body) in (0, *range(400, 500))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_arbitrary_bytes(receiver: Receiver, data: bytes) -> None:
    assert status_of(receiver, data) in (0, *range(400, 500))


@settings(max_examples=300, deadline=None)
@given(JSON.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=200))
def test_arbitrary_signed_bodies(receiver: Receiver, body: bytes) -> None:
    """Each is answered by what stands in it, and each is accounted for."""
    name = receiver.new_id()
    answer = receiver.post(body, signed(body, name))
    assert answer.status in (200, 400, 422)
    counts = answer.json
    assert counts["received"] == counts["published"] + counts["unchanged"] + counts["rejected"]
    assert (answer.status == 200) is (counts["rejected"] < counts["received"] or counts["received"] == 0)
    again = receiver.post(body, signed(body, name))
    assert (again.status, again.json["repeated"]) == (answer.status, True)


def test_afterwards_it_lives_and_the_counts_add_up(receiver: Receiver) -> None:
    assert receiver.get("/livez") == receiver.get("/readyz") == 200
    state = receiver.state()
    assert state.received == state.published + state.unchanged + state.rejected
    assert receiver.metric('newstide_push_requests_total{source="wire",status="5') == 0
    assert "Traceback" not in receiver.said()
    assert receiver.terminate() == 0
