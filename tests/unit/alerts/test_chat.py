"""Apprise behind an allow-list, with our own door to the network: what goes out, and that nothing else can."""

import ast
import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from alerts.channels import chat
from alerts.channels.chat import Chats
from alerts.channels.port import Parcel
from newstide.alerting.channel import CHATS, Channel, ChannelKind, kind_of
from newstide.alerting.rendering import render
from newstide.alerting.retrying import Attempt
from newstide.errors import UsageError
from newstide.outbound.exchange import Answer, Sent, Unanswered
from newstide.outbound.guard import Guard, Refused
from tests.firings import NOON, evidence, firing

ADDRESSES = {
    "dingtalk": "dingtalk://SEC0123456789abcdef@0123456789abcdef0123456789abcdef",
    "discord": "discord://123456789012345678/abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz012345",
    "feishu": "feishu://0123456789abcdef-0123",
    "gchat": "gchat://workspace/webhookkey/webhooktoken",
    "lark": "lark://0123456789abcdef-0123",
    "pagerduty": "pagerduty://0123456789abcdef0123456789abcdef@0123456789abcdefghij",
    "pover": "pover://abcdefghijklmnopqrstuvwxyz0123@abcdefghijklmnopqrstuvwxyz0123",
    "schan": "schan://SCT123456789abcdefghij",
    "slack": "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#news",
    "tgram": "tgram://123456789:abcdefghijklmnopqrstuvwxyz012345678/12315544",
    "wecombot": "wecombot://0123456789abcdef0123456789abcdef",
    "workflows": "workflows://prod-1.example.com:443/workflowid/signature",
}
FINE = json.dumps({"ok": True, "code": 0, "errcode": 0, "errno": 0, "status": 1, "result": {}}).encode()
ATTACK = "<!channel> @all <@U1> *bold* [x](https://evil.example) <https://evil.example|click>"


def channel(address: str) -> Channel:
    return Channel("ann", "chat", kind_of(address), address)


def parcel(title: str = ATTACK) -> Parcel:
    said = firing(subject_name=title, evidence=(evidence(title=title, url="https://example.com/a_b"),))
    return Parcel("d-1", NOON, render(said, "en", "https://news.example"), b"{}")


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> "Wire":
    made = Wire()
    monkeypatch.setattr(chat, "exchange", made.exchange)
    return made


class Wire:
    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.answer: Answer | Exception = Answer(200, {"content-type": "application/json"}, FINE)

    def exchange(self, sent: Sent, _guard: Guard, _cancelled: Callable[[], bool]) -> Answer:
        self.sent.append(sent)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def carry(address: str, said: Parcel | None = None) -> Attempt:
    return Chats(Guard()).carry(channel(address), said or parcel(), lambda: False)


def test_every_allowed_scheme_has_an_example() -> None:
    assert set(ADDRESSES) == set(chat._PLUGINS) == CHATS


@pytest.mark.parametrize("scheme", sorted(CHATS))
def test_a_message_goes_through_our_door_and_marks_in_it_do_nothing(scheme: str, wire: Wire) -> None:
    address = ADDRESSES[scheme]
    if scheme == "slack":
        wire.answer = Answer(200, {}, b"ok")
    assert kind_of(address) is ChannelKind.CHAT
    assert carry(address) == Attempt(True, 200)
    assert len(wire.sent) == 1
    sent = wire.sent[0]
    assert sent.url.startswith("https://")
    body = sent.body.decode()
    for mark in ("<!channel>", "@all", "<@U1>", "*bold*", "](https", "evil.example|"):
        assert mark not in body and json.dumps(mark)[1:-1] not in body, mark
    assert "evil.example" in body or scheme in ("pagerduty",)


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        (Answer(500, {}, b""), Attempt(False, 500, "status 500")),
        (Answer(429, {"retry-after": "30"}, b""), Attempt(False, 429, "status 429", 30.0)),
        (Answer(301, {"location": "http://10.0.0.1/"}, b""), Attempt(False, 301, "status 301")),
        (Answer(410, {}, b""), Attempt(False, 410, "status 410", gone=True)),
        (Answer(200, {}, b'{"code": 9499}'), Attempt(False, 200, "status 200, and the message was refused")),
        (Unanswered("too slow"), Attempt(False, detail="too slow")),
        (Refused("x is at 10.0.0.1"), Attempt(False, detail="x is at 10.0.0.1", gone=True)),
    ],
)
def test_what_a_service_answers_is_what_is_told(answer: Any, wanted: Attempt, wire: Wire) -> None:
    wire.answer = answer
    assert carry(ADDRESSES["feishu"]) == wanted


def test_a_plugin_that_fails_is_a_failed_attempt(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> bool:
        raise RuntimeError("with the token in it")

    plugin = importlib.import_module("apprise.plugins.feishu").NotifyFeishu
    monkeypatch.setattr(plugin, "send", broken)
    assert carry(ADDRESSES["feishu"]) == Attempt(False, detail="Apprise failed (RuntimeError)")


@pytest.mark.parametrize("address", ["slack://nothing", "tgram://x", "discord://short", "dingtalk://!"])
def test_an_address_without_its_tokens_is_refused_when_it_is_saved(address: str) -> None:
    with pytest.raises(UsageError, match="^address: ") as raised:
        Chats(Guard()).check(channel(address))
    assert address not in str(raised.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "[::1]", "0.0.0.0"])  # noqa: S104
def test_a_host_within_is_refused_when_it_is_saved_and_when_it_is_sent(host: str) -> None:
    inner = channel(f"workflows://{host}:443/workflowid/signature")
    with pytest.raises(UsageError, match="address: it must not be visited"):
        Chats(Guard()).check(inner)
    attempt = Chats(Guard()).carry(inner, parcel(), lambda: False)
    assert attempt.gone and "not a public address" in attempt.detail


# --- nothing else can go out --------------------------------------------------------------------------------------

WAYS_OUT = {"socket", "ssl", "urllib", "urllib3", "http", "smtplib", "asyncio", "subprocess", "httpx", "aiohttp", "os"}


@pytest.mark.parametrize("scheme", sorted(CHATS))
def test_a_plugin_knows_requests_alone_and_that_is_ours(scheme: str) -> None:
    Chats(Guard(allows=lambda _address: True)).check(
        channel(ADDRESSES[scheme].replace("prod-1.example.com", "192.0.2.1"))
    )
    module: Any = importlib.import_module(f"apprise.plugins.{chat._PLUGINS[scheme][0]}")
    assert module.requests is chat.Outlet
    tree = ast.parse(Path(str(module.__file__)).read_text("utf-8"))
    imported = {
        name.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names
    }
    imported |= {
        (node.module or "").split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and not node.level
    }
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "requests"
    }
    paths = {"os", "urllib"}  # os.path and urllib.parse.quote, which go nowhere
    assert imported & (WAYS_OUT - paths) == set()
    assert used <= {"get", "post", "request", "codes", "RequestException"}


def test_the_door_never_opens_outside_of_an_attempt() -> None:
    with pytest.raises(LookupError):
        chat.Outlet.post("https://example.com/", data="x")


def test_what_a_plugin_wants_of_a_request_does_not_open_the_door_wider(wire: Wire) -> None:
    """No certificate unchecked, no proxy, no redirect: those words of a plugin are not heard."""
    door = chat._Door(Guard(), lambda: False)
    token = chat._door.set(door)
    try:
        response = chat.Outlet.post(
            "https://example.com/x",
            json={"a": 1},
            verify=False,
            allow_redirects=True,
            proxies={"https": "http://10.0.0.1"},
        )
    finally:
        chat._door.reset(token)
    assert (response.status_code, response.json()["ok"]) == (200, True)
    assert wire.sent[0].body == b'{"a": 1}'
    assert isinstance(response, requests.Response)
