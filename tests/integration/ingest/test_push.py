"""Signed webhooks into the real receiver on loopback, its bus and its database embedded: signatures, ids, revisions."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from newstide.messages import NewsItem, story_id_of
from newstide.settings import Settings
from tests.integration.ingest.conftest import read_records
from tests.integration.ingest.pushing import SECRETS, Answer, Receiver, receiver_of, signed, story
from tests.services.common import wait_for

UNKNOWN = "whsec_" + base64.b64encode(b"?" * 32).decode()
BODY = json.dumps(story(1)).encode()


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    folder = tmp_path_factory.mktemp("push")
    with receiver_of(Settings(data_dir=folder / "var"), folder) as started:
        yield started


@pytest.fixture(scope="module")
def forbidden(receiver: Receiver) -> Answer:
    """What everybody is answered whose signature does not hold: here, for a source that nobody knows."""
    answer = receiver.push(story(1), source="nobody")
    assert answer.status == 401
    return answer


def on_the_bus(receiver: Receiver, *ids: str, source: str = "wire") -> list[NewsItem]:
    wanted = {story_id_of(source, name) for name in ids}
    return [item for item in read_records(receiver.settings)[0] if item.story_id in wanted]


def assert_forbidden(answer: Answer, forbidden: Answer) -> None:
    assert (answer.status, answer.body) == (401, forbidden.body)
    assert answer.headers.keys() == forbidden.headers.keys()


# --- who may -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("left_out", ["webhook-id", "webhook-timestamp", "webhook-signature", "all"])
def test_w01_no_signature(receiver: Receiver, forbidden: Answer, left_out: str) -> None:
    headers = {} if left_out == "all" else signed(BODY, receiver.new_id())
    headers.pop(left_out, None)
    assert_forbidden(receiver.post(BODY, headers), forbidden)


def test_w02_wrong_secret(receiver: Receiver, forbidden: Answer) -> None:
    assert_forbidden(receiver.push(story(1), secrets=[UNKNOWN]), forbidden)
    second = receiver.push(story(1), source="slow", secrets=[SECRETS[1]])  # of another sender
    assert_forbidden(second, forbidden)


def test_w03_one_byte_changed(receiver: Receiver, forbidden: Answer) -> None:
    headers = signed(BODY, receiver.new_id())
    for place in (0, len(BODY) // 2, len(BODY) - 1):
        changed = bytearray(BODY)
        changed[place] ^= 1
        assert_forbidden(receiver.post(bytes(changed), headers), forbidden)
    assert_forbidden(receiver.post(BODY, headers | {"webhook-id": "another"}), forbidden)


def test_w04_old_secret_inside_and_outside_a_rotation(tmp_path: Path, forbidden: Answer) -> None:
    file = tmp_path / "secrets"
    file.touch(0o600)
    file.write_text(f"# new first\n{SECRETS[1]}\n{SECRETS[0]}\n")
    senders = json.dumps([{"name": "wire", "secrets_file": str(file)}])
    settings = Settings(data_dir=tmp_path / "var")
    with receiver_of(settings, tmp_path, NEWSTIDE_PUSH__SOURCES=senders) as started:
        for secrets in ([SECRETS[0]], [SECRETS[1]], SECRETS, [UNKNOWN, SECRETS[1]]):
            assert started.push(story(1), secrets=secrets).status == 200
        file.write_text(f"{SECRETS[1]}\n")  # the rotation ends, without a restart
        wait_for(lambda: started.push(story(1), secrets=[SECRETS[0]]).status == 401, "the old secret is no more")
        assert_forbidden(started.push(story(1), secrets=[SECRETS[0]]), forbidden)
        assert started.push(story(1), secrets=[SECRETS[1]]).status == 200
        file.write_text("nonsense\n")  # a slip of the pen locks nobody out
        wait_for(lambda: "push_secrets_stay" in started.said(), "the slip is noticed")
        assert started.push(story(1), secrets=[SECRETS[1]]).status == 200
        assert not any(secret.removeprefix("whsec_") in started.said() for secret in SECRETS)


@pytest.mark.parametrize("off_s", [-400, -302, 302, 400])
def test_w05_too_old_or_too_new(receiver: Receiver, forbidden: Answer, off_s: int) -> None:
    assert_forbidden(receiver.push(story(1), off_s=off_s), forbidden)
    assert receiver.push(story(1), off_s=off_s // 2).status == 200


@pytest.mark.parametrize(
    "made",
    [
        lambda good: good.removeprefix("v1,"),
        lambda good: good.replace(",", ""),
        lambda good: "v1,no base64 at all",
        lambda good: "v1,",
        lambda good: "v1a," + good[3:],
        lambda good: " ".join(["v1,AAAA"] * 999 + [good]),
        lambda good: "v1,\xff\xfe",
        lambda good: good[:-2] + "==",
        lambda good: "",
    ],
)
def test_w06_malformed_signatures(receiver: Receiver, forbidden: Answer, made: object) -> None:
    assert callable(made)
    headers = signed(BODY, receiver.new_id())
    headers["webhook-signature"] = made(headers["webhook-signature"])
    answer = receiver.post(BODY, headers)
    assert_forbidden(answer, forbidden)


def test_w06_signature_said_twice(receiver: Receiver, forbidden: Answer) -> None:
    headers = signed(BODY, receiver.new_id())
    lines = [f"{name}: {value}" for name, value in (*headers.items(), ("webhook-id", "x"))]
    with receiver.raw() as connection:
        head = "\r\n".join(["POST /v1/push/wire HTTP/1.1", "host: x", f"content-length: {len(BODY)}", *lines])
        connection.sendall(f"{head}\r\nconnection: close\r\n\r\n".encode() + BODY)
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 401 ") and answer.endswith(forbidden.body)


# --- what an id stands for -----------------------------------------------------------------------------------


def test_w07_exact_replay(receiver: Receiver) -> None:
    before, name = receiver.state(), receiver.new_id()
    first = receiver.push(story(70), message_id=name)
    again = [receiver.push(story(70), message_id=name) for _ in range(3)]
    assert first.json == {"received": 1, "published": 1, "unchanged": 0, "rejected": 0, "repeated": False}
    assert [(one.status, one.json) for one in again] == [(200, first.json | {"repeated": True})] * 3
    assert len(on_the_bus(receiver, "s70")) == 1
    assert receiver.state().received == before.received + 1


def test_w07_exact_replay_of_a_refused_message(receiver: Receiver) -> None:
    before, name = receiver.state(), receiver.new_id()
    bad = {"id": "s71", "title": 7}
    assert [receiver.push(bad, message_id=name).status for _ in range(3)] == [422] * 3
    assert receiver.state().rejected == before.rejected + 1
    assert receiver.push(story(71), message_id=name).status == 200, "mended, it may come under its id"
    assert receiver.push(bad, message_id=name).status == 409


def test_w08_same_id_with_another_body(receiver: Receiver) -> None:
    name = receiver.new_id()
    assert receiver.push(story(80), message_id=name).status == 200
    answer = receiver.push(story(80, title="Another"), message_id=name)
    assert answer.status == 409 and "webhook-id" in answer.json["error"]
    assert [item.title for item in on_the_bus(receiver, "s80")] == ["Story 80"]
    wait_for(lambda: f'"message": "{name}"' in receiver.said(), "the conflict is in the log")
    assert receiver.push(story(80), source="slow", message_id=name).status == 200, "ids are a sender's own"


# --- what is sent --------------------------------------------------------------------------------------------


def test_a_story_comes_with_all_that_was_said(receiver: Receiver) -> None:
    full = story(90, body="<p>More.</p>", url="https://example.com/90?utm_source=x", language="en")
    assert receiver.push(full | {"symbols": ["acme", "BBB"]}).status == 200
    (item,) = on_the_bus(receiver, "s90")
    assert (item.source, item.title, item.body, item.url) == ("wire", "Story 90", "More.", "https://example.com/90")
    assert (item.revision, item.language, item.symbols) == (1, "en", ("ACME", "BBB"))
    assert item.published_at == datetime(2026, 11, 26, 10, tzinfo=UTC)


def test_an_edit_is_a_revision_and_a_withdrawal_the_next(receiver: Receiver) -> None:
    texts = [story(91), story(91), story(91, title="Edited"), {"id": "s91", "withdrawn": True}]
    counts = [receiver.push(text).json for text in texts]
    assert [(one["published"], one["unchanged"]) for one in counts] == [(1, 0), (0, 1), (1, 0), (1, 0)]
    items = sorted(on_the_bus(receiver, "s91"), key=lambda item: item.revision)
    assert [(item.revision, item.withdrawn) for item in items] == [(1, False), (2, False), (3, True)]


@pytest.mark.parametrize("shape", ["list", "lines", "pretty"])
def test_several_stories_in_one_message(receiver: Receiver, shape: str) -> None:
    stories = [story(n) for n in (1000, 1001, 1001)] if shape != "pretty" else [story(1002)]
    stories = [one | {"id": f"{shape}{one['id']}"} for one in stories]
    body = {
        "list": json.dumps(stories),
        "lines": "\r\n".join(map(json.dumps, stories)) + "\n\n",
        "pretty": json.dumps(stories[0], indent=2),
    }[shape]
    answer = receiver.push(b"\xef\xbb\xbf" + body.encode()).json
    published = len({str(one["id"]) for one in stories})
    assert (answer["received"], answer["published"], answer["rejected"]) == (len(stories), published, 0)
    assert len(on_the_bus(receiver, *(str(one["id"]) for one in stories))) == published


def test_one_bad_story_of_many_takes_no_other_along(receiver: Receiver) -> None:
    before = receiver.state()
    bad = {"id": "s1101", "title": "x", "unheard-of": 1}
    answer = receiver.push([story(1100), bad, {"id": "s1102"}, [1], story(1103)])
    assert answer.status == 200 and answer.json["published"] == 2 and answer.json["rejected"] == 3
    said = [(one["story"], one["reason"]) for one in answer.json["problems"]]
    assert said == [(1, "wrong_shape"), (2, "empty_text"), (3, "wrong_shape")]
    assert "unheard-of" in answer.json["problems"][0]["detail"]
    letters = {(one.line, one.raw) for one in receiver.dead_letters() if one.origin == "push wire"}
    assert {(1, json.dumps(bad).encode()), (2, b'{"id": "s1102"}'), (3, b"[1]")} <= letters
    after = receiver.state()
    assert after.received - before.received == 5 and after.last_error.startswith("wrong_shape")
    assert after.received == after.published + after.unchanged + after.rejected
