"""One request and its short answer, for those who tell others something. Through the guard, never redirected."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import httpx2

from newstide.outbound.guard import Deadline, Guard
from newstide.outbound.transport import NETWORK_ERRORS, GuardedTransport

EXCHANGE_S: Final = 15.0
"""From the first byte sent to the last received: what Standard Webhooks asks of a sender, at the least."""
ANSWER_BYTES_MAX: Final = 16 << 10
"""Of an answer; nobody reads more of it than a status and a reason."""


logging.getLogger("httpx2").setLevel(logging.WARNING)  # it tells of each request with its whole address


@dataclass(frozen=True, slots=True)
class Sent:
    """A request. What is in it may be secret, its address too."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; the body is cut at ANSWER_BYTES_MAX."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Unanswered(Exception):
    """No answer: the receiver is away, too slow, or speaks no HTTP. The words name no address."""


def exchange(sent: Sent, guard: Guard, cancelled: Callable[[], bool], *, limit_s: float = EXCHANGE_S) -> Answer:
    """Raises Unanswered, or Refused where the address must not be visited."""
    deadline = Deadline(time.monotonic() + limit_s, cancelled)
    transport = GuardedTransport(guard, deadline, _ssl_context())
    try:
        with httpx2.Client(transport=transport, trust_env=False, timeout=None) as client:
            headers = {"Accept-Encoding": "identity", **sent.headers}
            with client.stream(
                sent.method, sent.url, headers=headers, content=sent.body, follow_redirects=False
            ) as response:
                return Answer(response.status_code, dict(response.headers), _bounded(response))
    except (*NETWORK_ERRORS, httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:
        raise Unanswered(_words(error)) from error


def _bounded(response: httpx2.Response) -> bytes:
    body = bytearray()
    for chunk in response.iter_raw():
        body += chunk[: ANSWER_BYTES_MAX - len(body)]
        if len(body) >= ANSWER_BYTES_MAX:
            break
    return bytes(body)


def _words(error: Exception) -> str:
    """What happened, in words of ours: those of a library may hold the address."""
    name = type(error).__name__
    plain = {"ConnectError": "cannot connect", "ConnectTimeout": "cannot connect", "ReadTimeout": "too slow"}
    return plain.get(name, f"the connection failed ({name})")


@cache
def _ssl_context() -> Any:
    """The authorities that are installed with us, whatever the environment says. Read once: it takes 20 ms."""
    return httpx2.create_ssl_context(trust_env=False)
