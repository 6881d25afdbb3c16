"""One request, from its header to its answer: an ASGI application that never raises on what is sent.

A body is read first, and only up to its limit: nothing is hashed, parsed or looked up before. What is wrong with a
signature, or that there is no such source, is one answer, after the same work. Only a signed message counts against its
sender's quota and only such a one is parsed.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, Scope

from ingest.push.desk import Desk
from ingest.push.keys import Keys
from ingest.push.message import Message, read
from ingest.push.protocol import Room
from ingest.push.quota import Quota
from ingest.push.settle import Outcome, Taken
from newstide.messages import Reject
from newstide.service import Service

PATH: Final = "/v1/push/"
BODY_BYTES_MAX: Final = 256 << 10
"""Standard Webhooks advise 20 kB; a batch of some hundred stories fits."""
DISCARD_BYTES_MAX: Final = 16 << 20
"""Read and dropped of a body that is too large: a sender that writes before it reads would not see our answer."""
ANSWER_S: Final = 12.0
"""Below the 15 s after which senders give up. What is published later is recognised when it is sent again."""
PROBLEMS_MAX: Final = 20
"""Named in an answer; all are counted, and kept as dead letters."""
HEADERS: Final = ("webhook-id", "webhook-timestamp", "webhook-signature")

_FORBIDDEN: Final = Outcome(401, error="the signature is missing, wrong or too old")
_TOO_LARGE: Final = Outcome(413, error=f"a body has at most {BODY_BYTES_MAX:,} bytes")
_NO_ROOM: Final = Outcome(503, error="too much is being received", retry_after_s=1)
_TOO_LATE: Final = Outcome(503, error="the bus did not acknowledge in time", retry_after_s=5)
_ENCODED: Final = Outcome(415, error="a body is sent as it is: no content-encoding")
_TWO_LENGTHS: Final = Outcome(400, error="content-length and transfer-encoding exclude each other")
_NO_PATH: Final = Outcome(404, error=f"POST {PATH}SOURCE")
_NO_METHOD: Final = Outcome(405, error=f"POST {PATH}SOURCE")


class Gone(Exception):
    """The sender has left."""


@dataclass(slots=True)
class PushApp:
    """`asked` counts answers by status since the start, for the log."""

    keys: Keys
    quotas: Mapping[str, Quota]
    desk: Desk
    room: Room
    service: Service
    asked: Counter[int] = field(default_factory=Counter)

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if scope["type"] != "http":
            return
        body = _Body(self.room)
        began_s = self.service.clock.monotonic()
        source = scope["path"].removeprefix(PATH) if scope["path"].startswith(PATH) else ""
        try:
            refused = await body.read(receive)
            if refused is None:
                outcome = await self._answer(scope, source, body.take())
            else:
                outcome = refused
        except Gone:
            return
        finally:
            body.release()
        known = source if source in self.quotas and outcome.status != _FORBIDDEN.status else "-"
        self.asked[outcome.status] += 1
        self.service.metrics.count("push_requests", source=known, status=str(outcome.status))
        self.service.metrics.observe("push_answer_seconds", self.service.clock.monotonic() - began_s)
        await _send(send, outcome, close=body.left_over)

    async def _answer(self, scope: Any, source: str, body: bytes) -> Outcome:
        headers, names = _headers(scope["headers"])
        refused = _form(scope["method"], source, names) or self._refused(source, headers, body)
        if refused is not None:
            return refused
        message = Message(source, headers[0], body, self.service.clock.now())
        answer = self.desk.hand_in(Taken(message, read(message)))
        try:
            outcome = await asyncio.wait_for(answer, ANSWER_S)
        except TimeoutError:
            return _TOO_LATE
        if outcome.error or outcome.rejects:
            self.service.log.warning(
                "push_problem", source=source, message=headers[0], status=outcome.status, why=_why(outcome)
            )
        return outcome

    def _refused(self, source: str, headers: tuple[str, str, str], body: bytes) -> Outcome | None:
        """The signature comes first: before it holds nobody learns anything of the sender, its quota or our state."""
        if not self.keys.verify(source, headers, body, self.service.clock.now()):
            return _FORBIDDEN
        wait_s = self.quotas[source].take(self.service.clock.monotonic())
        if wait_s:
            return Outcome(429, error="over the quota of this sender", retry_after_s=max(1, math.ceil(wait_s)))
        return self.desk.refusal()


def _form(method: str, source: str, names: frozenset[str]) -> Outcome | None:
    """What is wrong with a request whoever sent it."""
    if not source or "/" in source:
        return _NO_PATH
    if method != "POST":
        return _NO_METHOD
    if {"content-length", "transfer-encoding"} <= names:
        return _TWO_LENGTHS
    return _ENCODED if "content-encoding" in names else None


@dataclass(slots=True)
class _Body:
    """A body as it comes in, and its place in the room until the answer is sent."""

    room: Room
    left_over: bool = False
    """There was more than anybody reads: the connection cannot be used again."""
    _parts: list[bytes] = field(default_factory=list)
    _held: int = 0

    async def read(self, receive: ASGIReceiveCallable) -> Outcome | None:
        """Why it is not taken, or None. Reads to its end, or to DISCARD_BYTES_MAX. Raises Gone."""
        size, refused = 0, None
        while True:
            event: Any = await receive()
            if event["type"] != "http.request":
                raise Gone
            part = event.get("body", b"")
            size += len(part)
            if refused is None:
                refused = self._hold(part, size)
            more = event.get("more_body", False)
            self.left_over = more and size > DISCARD_BYTES_MAX
            if self.left_over or not more:
                return refused

    def _hold(self, part: bytes, size: int) -> Outcome | None:
        if size <= BODY_BYTES_MAX and self.room.hold(len(part)):
            self._held += len(part)
            self._parts.append(part)
            return None
        self.release()
        return _TOO_LARGE if size > BODY_BYTES_MAX else _NO_ROOM

    def take(self) -> bytes:
        return b"".join(self._parts)

    def release(self) -> None:
        self.room.release(self._held)
        self._parts, self._held = [], 0


def _headers(given: Sequence[tuple[bytes, bytes]]) -> tuple[tuple[str, str, str], frozenset[str]]:
    """The three of the signature, each empty where it is missing or said twice; and the names of all."""
    found: dict[str, list[str]] = {}
    for name, value in given:
        found.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
    one = {name: values[0] for name, values in found.items() if len(values) == 1}
    message_id, timestamp, signature = (one.get(name, "") for name in HEADERS)
    return (message_id, timestamp, signature), frozenset(found)


def _why(outcome: Outcome) -> str:
    return outcome.error or f"{outcome.rejects[0].reason}: {outcome.rejects[0].detail}"


def _document(outcome: Outcome) -> dict[str, object]:
    if outcome.handled is None or outcome.error:
        return {"error": outcome.error}
    done = outcome.handled
    counts = {"published": done.published, "unchanged": done.unchanged, "rejected": done.rejected}
    document: dict[str, object] = {"received": sum(counts.values()), **counts, "repeated": outcome.repeated}
    if outcome.rejects:
        document["problems"] = [_problem(reject) for reject in outcome.rejects[:PROBLEMS_MAX]]
    return document


def _problem(reject: Reject) -> dict[str, object]:
    """`story` counts from 0; null is the message as a whole."""
    return {"story": reject.line if reject.line >= 0 else None, "reason": reject.reason, "detail": reject.detail}


async def _send(send: ASGISendCallable, outcome: Outcome, *, close: bool) -> None:
    body = json.dumps(_document(outcome)).encode("ascii") + b"\n"
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode("ascii"))]
    if outcome.status == _NO_METHOD.status:
        headers.append((b"allow", b"POST"))
    if outcome.retry_after_s:
        headers.append((b"retry-after", str(outcome.retry_after_s).encode("ascii")))
    if close:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": outcome.status, "headers": headers, "trailers": False})
    await send({"type": "http.response.body", "body": body, "more_body": False})
