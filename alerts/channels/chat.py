"""Services that people chat in, by Apprise: behind an allow-list of its schemes, and with our own door to the network.

Apprise's plugins call `requests` by themselves, which follows redirects, believes the environment's proxies and visits
any address. So a plugin of ours finds, under that name, an object that has the few functions it uses, and sends what
they are given through the guard. A plugin that wanted anything else would fail; tests/unit/alerts/test_chat.py looks
that none of those allowed does, or knows another way out.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from apprise import AppriseAsset, NotifyFormat, NotifyType
from apprise.common import OverflowMode
from apprise.exception import AppriseException
from requests.structures import CaseInsensitiveDict

from alerts.channels.port import Parcel
from alerts.channels.webhook import check_host
from newstide.alerting.channel import Channel
from newstide.alerting.rendering import for_chat
from newstide.alerting.retrying import Attempt, judged
from newstide.errors import UsageError
from newstide.outbound.exchange import Answer, Sent, Unanswered, exchange
from newstide.outbound.guard import Guard, Refused
from newstide.outbound.waits import retry_after_s

_PLUGINS: Final = {
    "dingtalk": ("dingtalk", "NotifyDingTalk"),
    "discord": ("discord", "NotifyDiscord"),
    "feishu": ("feishu", "NotifyFeishu"),
    "gchat": ("google_chat", "NotifyGoogleChat"),
    "lark": ("lark", "NotifyLark"),
    "pagerduty": ("pagerduty", "NotifyPagerDuty"),
    "pover": ("pushover", "NotifyPushover"),
    "schan": ("serverchan", "NotifyServerChan"),
    "slack": ("slack", "NotifySlack"),
    "tgram": ("telegram", "NotifyTelegram"),
    "wecombot": ("wecombot", "NotifyWeComBot"),
    "workflows": ("workflows", "NotifyWorkflows"),
}
"""Module and class of each scheme of CHATS. No other plugin of Apprise's 140 is ever imported."""
_HOST_IS_CHOSEN: Final = frozenset({"workflows"})
"""Schemes whose address names the host; of the others it is fixed."""

logging.getLogger("apprise").setLevel(logging.CRITICAL)  # its debug lines hold tokens


@dataclass(slots=True)
class _Door:
    """The way out during one attempt, and what came through it last."""

    guard: Guard
    cancelled: Callable[[], bool]
    answer: Answer | None = None
    refused: str = ""
    detail: str = ""

    def pass_on(self, sent: Sent) -> Answer:
        try:
            self.answer = exchange(sent, self.guard, self.cancelled)
        except Refused as error:
            self.refused = str(error)
            raise requests.ConnectionError("refused") from error
        except Unanswered as error:
            self.detail = str(error)
            raise requests.ConnectionError("no answer") from error
        return self.answer


_door: ContextVar[_Door] = ContextVar("door")


class Outlet:
    """What a plugin finds as `requests`."""

    codes = requests.codes
    RequestException = requests.RequestException

    @staticmethod
    def request(method: str, url: str, **given: Any) -> requests.Response:
        """Timeouts, proxies and redirects are ours to decide, and certificates are always checked."""
        wanted = {name: given.get(name) for name in ("params", "data", "json", "headers", "auth")}
        prepared: Any = requests.Request(method, url, **wanted).prepare()
        body = prepared.body or b""
        sent = Sent(
            method=prepared.method,
            url=prepared.url,
            headers={name: value for name, value in prepared.headers.items() if name.lower() != "content-length"},
            body=body.encode() if isinstance(body, str) else bytes(body),
        )
        answer = _door.get().pass_on(sent)
        response = requests.Response()
        response.status_code, response.headers = answer.status, CaseInsensitiveDict(answer.headers)
        response._content, response.url, response.encoding = answer.body, prepared.url, "utf-8"
        return response

    @classmethod
    def get(cls, url: str, **given: Any) -> requests.Response:
        return cls.request("GET", url, **given)

    @classmethod
    def post(cls, url: str, **given: Any) -> requests.Response:
        return cls.request("POST", url, **given)


class Chats:
    rest_s = 1.0
    """What most of these services ask for: a message a second."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._asset = AppriseAsset(storage_mode="memory", secure_logging=True, http_redirects=False)

    def check(self, channel: Channel) -> None:
        self._plugin(channel)
        parts = urlsplit(channel.address)
        if parts.scheme in _HOST_IS_CHOSEN:
            check_host(self._guard, parts.hostname or "", parts.port or 443)

    def carry(self, channel: Channel, parcel: Parcel, cancelled: Callable[[], bool]) -> Attempt:
        door = _Door(self._guard, cancelled)
        token = _door.set(door)
        try:
            ok = bool(
                self._plugin(channel).notify(
                    title=for_chat(parcel.message.title),
                    body=for_chat(parcel.message.text),
                    notify_type=NotifyType.WARNING,
                    body_format=NotifyFormat.TEXT,
                )
            )
        except Exception as error:  # of a library that was given a stranger's text and a stranger's answer
            ok, door.detail = False, f"Apprise failed ({type(error).__name__})"
        finally:
            _door.reset(token)
        return _judged(ok, door, parcel)

    def _plugin(self, channel: Channel) -> Any:
        """Raises UsageError when the address is not one of its scheme."""
        scheme = urlsplit(channel.address).scheme
        module, name = _PLUGINS[scheme]
        loaded: Any = importlib.import_module(f"apprise.plugins.{module}")
        loaded.requests, made = Outlet, getattr(loaded, name)
        try:
            plugin = made(**(made.parse_url(channel.address) or {}), asset=self._asset)
        except (AppriseException, TypeError, ValueError, KeyError, AttributeError) as error:
            what = f"address: it is none of {scheme}"
            fix = "docs/alerts-delivery.md"
            raise UsageError(what, why="a token is missing or has the wrong form", fix=fix) from error
        plugin.overflow_mode = OverflowMode.TRUNCATE
        return plugin


def _judged(ok: bool, door: _Door, parcel: Parcel) -> Attempt:
    if door.refused:
        return Attempt(False, detail=door.refused, gone=True)
    if door.answer is None:
        return Attempt(False, detail=door.detail or "nothing was sent", cancelled=door.cancelled())
    said = judged(door.answer.status, retry_after_s(door.answer.headers.get("retry-after", ""), parcel.at))
    if ok or not said.ok:
        return Attempt(ok, said.status, said.detail, said.retry_after_s, said.gone)
    return Attempt(False, said.status, f"status {said.status}, and the message was refused")
