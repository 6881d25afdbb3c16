"""Where a request may go: the address that is really connected to is checked, at the moment of the connection.

Names are resolved here and nowhere else, so a name that answers differently the second time, a redirect, or an odd
spelling of an address changes nothing. Every read and write keeps to one deadline for the whole request.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

import httpcore2

PORTS: Final = frozenset({80, 443, 8080, 8443})
"""Where the web is served. Anything else is somebody's mail server or cache."""
CONNECT_S: Final = 5.0
SLICE_S: Final = 0.5
"""A wait on the network is cut into these, to notice a stop."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_FORBIDDEN_V4: Final = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/3",
    )
)  # fmt: skip
_PUBLIC_V6: Final = ipaddress.IPv6Network("2000::/3")
# Within it: Teredo, ORCHID and other special use; documentation; 6to4, which can name any IPv4 address.
_FORBIDDEN_V6: Final = tuple(
    ipaddress.IPv6Network(network) for network in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)


def is_public(address: Address) -> bool:
    """Whether the address is one of the public internet, by our own table.

    Python's `is_global` is asked as well but not trusted: it calls NAT64, 6to4 and multicast addresses global.
    """
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not any(address in network for network in _FORBIDDEN_V4)
    return address in _PUBLIC_V6 and address.is_global and not any(address in network for network in _FORBIDDEN_V6)


class Refused(Exception):
    """The address must not be visited. Nothing was sent to it."""


@dataclass(frozen=True, slots=True)
class Guard:
    """May this address and port be connected to?"""

    allows: Callable[[Address], bool] = is_public
    any_port: bool = False

    @classmethod
    def of(cls, *, allow_private_addresses: bool) -> Guard:
        return cls(allows=lambda _address: True, any_port=True) if allow_private_addresses else cls()

    def check_port(self, port: int) -> None:
        if not self.any_port and port not in PORTS:
            raise Refused(f"port {port} is not one of {', '.join(map(str, sorted(PORTS)))}")

    def addresses(self, host: str, port: int) -> list[str]:
        """The addresses of a host, all of them allowed. Raises Refused when one is not, OSError when there is none."""
        self.check_port(port)
        found = dict.fromkeys(str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        for text in found:
            if not self.allows(ipaddress.ip_address(text.partition("%")[0])):
                raise Refused(f"{host} is at {text}, which is not a public address")
        return list(found)


@dataclass(slots=True)
class Deadline:
    """When a request must be over, and whether somebody wants it to end now."""

    at_s: float
    cancelled: Callable[[], bool]

    def slice_s(self, wanted_s: float = SLICE_S) -> float:
        """How long the next wait may be. Raises TimeoutError when there is no time left."""
        left_s = self.at_s - time.monotonic()
        if left_s <= 0 or self.cancelled():
            raise httpcore2.ReadTimeout("the request took too long")
        return min(left_s, wanted_s)


class GuardedBackend(httpcore2.NetworkBackend):
    """httpcore's door to the network, with a guard at it."""

    def __init__(self, guard: Guard, deadline: Deadline) -> None:
        self._guard, self._deadline, self._inner = guard, deadline, httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        addresses = self._addresses(host, port)
        last: Exception = httpcore2.ConnectError(f"{host} has no address")
        for address in addresses[:2]:  # one of each family; a dead host must not eat the deadline
            try:
                wait_s = self._deadline.slice_s(CONNECT_S)
                return _Stream(self._inner.connect_tcp(address, port, wait_s), self._deadline)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                last = error
        raise last

    def _addresses(self, host: str, port: int) -> list[str]:
        """Asked in a thread that is left behind when time is up: a name server may be as slow as any other."""
        answer: list[list[str] | Exception] = []
        done = threading.Event()

        def ask() -> None:
            try:
                answer.append(self._guard.addresses(host, port))
            except Exception as error:
                answer.append(error)
            done.set()

        threading.Thread(target=ask, name="resolve", daemon=True).start()
        while not done.wait(self._deadline.slice_s()):
            pass
        found = answer[0]
        if isinstance(found, OSError | UnicodeError):
            raise httpcore2.ConnectError(f"{host} has no address: {found}") from found
        if isinstance(found, Exception):
            raise found
        return found

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore2.NetworkStream:
        raise Refused("nobody outside lives in a Unix socket")


class _Stream(httpcore2.NetworkStream):
    """A connection whose every wait ends with the request's deadline."""

    def __init__(self, inner: httpcore2.NetworkStream, deadline: Deadline) -> None:
        self._inner, self._deadline = inner, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        while True:
            wait_s = self._deadline.slice_s()
            try:
                return self._inner.read(max_bytes, wait_s)
            except httpcore2.ReadTimeout:
                continue  # the deadline decides, not one read

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._deadline.slice_s(CONNECT_S))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        return _Stream(
            self._inner.start_tls(ssl_context, server_hostname, self._deadline.slice_s(CONNECT_S)), self._deadline
        )

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
