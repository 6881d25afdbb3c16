"""httpx over the guard: one request, one deadline, no proxy, no connection kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import httpcore2
import httpx2

from newstide.outbound.guard import Deadline, Guard, GuardedBackend

NETWORK_ERRORS: Final = (
    httpcore2.NetworkError,
    httpcore2.TimeoutException,
    httpcore2.ProtocolError,
    httpcore2.UnsupportedProtocol,
)
"""What a request through the transport can end with, besides Refused and httpx2's own errors."""


class GuardedTransport(httpx2.BaseTransport):
    """httpx over a connection pool whose door to the network is ours. Lives for one fetch: the deadline is in it."""

    def __init__(self, guard: Guard, deadline: Deadline, ssl_context: Any) -> None:
        backend = GuardedBackend(guard, deadline)
        self._pool = httpcore2.ConnectionPool(ssl_context=ssl_context, network_backend=backend, max_connections=2)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        url = request.url
        asked = httpcore2.Request(
            method=request.method,
            url=httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            content=request.read(),
        )
        answer = self._pool.handle_request(asked)
        return httpx2.Response(answer.status, headers=answer.headers, stream=_Body(answer))

    def close(self) -> None:
        self._pool.close()


class _Body(httpx2.SyncByteStream):
    def __init__(self, answer: httpcore2.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        yield from self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()
