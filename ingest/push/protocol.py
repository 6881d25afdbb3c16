"""Connections within bounds: how many, how long one may take to send a request, how many bytes of bodies we hold.

uvicorn bounds the size of a header and the idle time between two requests, but not the time of a header or a body.
Here a connection that owes us bytes stands in a line, and has RECEIVE_S from the moment in which it began to owe them.
When there is no room for another one, the first of the line makes room: whoever sends a request in one go is never it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

CONNECTIONS_MAX: Final = 800
"""Below the 1,024 files that a process may usually open."""
RECEIVE_S: Final = 15.0
"""For a whole request from its first byte, and between two requests of a connection: 17 kB/s at the largest body."""
HEADER_BYTES_MAX: Final = 16 << 10
"""Of a request's header that is not yet whole."""
HELD_BYTES_MAX: Final = 32 << 20
"""Of all bodies, from their first byte to the answer: what a flood may cost us in memory."""


@dataclass(slots=True)
class Room:
    """What is open and what is held. Connections are only known by their identity and by how to end them."""

    connections_max: int = CONNECTIONS_MAX
    bytes_max: int = HELD_BYTES_MAX
    receive_s: float = RECEIVE_S
    held_bytes: int = 0
    _open: set[BoundedProtocol] = field(default_factory=set)
    _owing: dict[BoundedProtocol, float] = field(default_factory=dict)

    @property
    def connections(self) -> int:
        return len(self._open)

    def enter(self, connection: BoundedProtocol) -> None:
        """A new connection. With none left that owes a request, it is the one that must go."""
        self._open.add(connection)
        if len(self._open) > self.connections_max and not self.evict():
            connection.cut()

    def leave(self, connection: BoundedProtocol) -> None:
        self._open.discard(connection)
        self._owing.pop(connection, None)

    def owes(self, connection: BoundedProtocol, now_s: float) -> None:
        """It owes us a request from now on, last in the line."""
        self._owing.pop(connection, None)
        self._owing[connection] = now_s

    def paid(self, connection: BoundedProtocol) -> None:
        self._owing.pop(connection, None)

    def evict(self) -> bool:
        """End the connection that has owed a request for longest."""
        first = next(iter(self._owing), None)
        if first is not None:
            self.leave(first)
            first.cut()
        return first is not None

    def sweep(self, now_s: float) -> None:
        """End those that took too long."""
        while (since_s := next(iter(self._owing.values()), None)) is not None and now_s - since_s > self.receive_s:
            self.evict()

    def hold(self, count: int) -> bool:
        """Take so many bytes into memory. Without room for them the slowest connection goes, and this one is refused:
        the next try finds room."""
        if self.held_bytes + count > self.bytes_max:
            self.evict()
            return False
        self.held_bytes += count
        return True

    def release(self, count: int) -> None:
        self.held_bytes -= count


class BoundedProtocol(H11Protocol):
    """uvicorn's protocol, with its place in the room. `bounded` makes the class for one server."""

    room: ClassVar[Room]
    _begun = False
    """Whether bytes of the request that it owes have come: the time counts anew from the first."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.room.owes(self, self.loop.time())
        self.room.enter(self)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.room.leave(self)

    def data_received(self, data: bytes) -> None:
        if not self._begun:
            self._begun = True
            self.room.owes(self, self.loop.time())
        super().data_received(data)
        self._settle_debt()

    def on_response_complete(self) -> None:
        self._begun = False
        self.room.owes(self, self.loop.time())
        super().on_response_complete()  # may go on with a request that has come already
        self._settle_debt()

    def _settle_debt(self) -> None:
        """A request that came whole is ours to answer, however long that takes."""
        cycle: Any = self.cycle  # None until the first request
        if cycle is not None and not cycle.response_complete and not cycle.more_body:
            self.room.paid(self)

    def cut(self) -> None:
        self.transport.abort()


def bounded(room: Room) -> type[BoundedProtocol]:
    return type("Bounded", (BoundedProtocol,), {"room": room})
