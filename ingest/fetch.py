"""One document from the web, conditional, bounded in size and time, never from an inner address."""

from __future__ import annotations

import re
import time
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import httpx2

from newstide.errors import SourceUnavailable
from newstide.outbound.guard import Deadline, Guard, Refused
from newstide.outbound.transport import NETWORK_ERRORS, GuardedTransport
from newstide.outbound.waits import retry_after_s

BODY_BYTES_MAX: Final = 15 << 20
"""Decoded. The largest real feeds are below 5 MiB."""
FETCH_S: Final = 20.0
"""From the first byte sent to the last received, redirects and all."""
REDIRECTS_MAX: Final = 5

_ACCEPT: Final = "application/rss+xml, application/atom+xml, application/feed+json, application/xml;q=0.9, */*;q=0.5"
_ENCODINGS: Final = frozenset({"", "identity", "gzip", "x-gzip", "deflate"})
"""Content encodings that we ask for and take."""
_MOVED: Final = frozenset({301, 302, 303, 307, 308})
_MAX_AGE: Final = re.compile(r"(?:^|[\s,])max-age\s*=\s*\"?(\d{1,9})")
_HEADER_SAFE: Final = re.compile(r"[\x21-\x7e][\x20-\x7e]{0,999}")


@dataclass(frozen=True, slots=True)
class Fetched:
    """A document. `etag` and `last_modified` are what to send the next time."""

    url: str
    body: bytes
    content_type: str
    etag: str = ""
    last_modified: str = ""
    max_age_s: float | None = None


@dataclass(frozen=True, slots=True)
class NotModified:
    """The publisher says that nothing changed since the last time. `max_age_s`: nor will it for so long."""

    max_age_s: float | None = None


class Fetcher:
    """Fetches documents for one user agent. May be used by several threads; holds no connection between fetches."""

    def __init__(
        self, user_agent: str, guard: Guard, *, limit_s: float = FETCH_S, bytes_max: int = BODY_BYTES_MAX
    ) -> None:
        self.user_agent, self._guard, self._limit_s, self._bytes_max = user_agent, guard, limit_s, bytes_max
        self._ssl_context = httpx2.create_ssl_context(trust_env=False)

    def fetch(
        self,
        url: str,
        *,
        etag: str = "",
        last_modified: str = "",
        now: datetime,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Fetched | NotModified:
        """Raises SourceUnavailable for everything else that can happen, with the wait that was asked for."""
        deadline = Deadline(time.monotonic() + self._limit_s, cancelled)
        headers = {"User-Agent": self.user_agent, "Accept": _ACCEPT, "Accept-Encoding": "gzip, deflate"}
        if etag:
            headers["If-None-Match"] = etag
        if last_modified:
            headers["If-Modified-Since"] = last_modified
        transport = GuardedTransport(self._guard, deadline, self._ssl_context)
        try:
            with httpx2.Client(transport=transport, trust_env=False, headers=headers, timeout=None) as client:
                return _follow(client, url, now, self._bytes_max)
        except Refused as error:
            raise SourceUnavailable(f"{url} is not fetched", why=str(error), fix=_REFUSED_FIX) from error
        except (*NETWORK_ERRORS, httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:
            why = str(error) or type(error).__name__
            raise SourceUnavailable(f"{url} does not answer", why=why, fix="newstide will try again") from error


_REFUSED_FIX: Final = "for an intranet set ingest.allow_private_addresses"


def _follow(client: httpx2.Client, url: str, now: datetime, bytes_max: int) -> Fetched | NotModified:
    asked = url
    for _ in range(REDIRECTS_MAX + 1):
        _check_address(url)
        with client.stream("GET", url, follow_redirects=False) as response:
            target = response.headers.get("location")
            if response.status_code not in _MOVED or target is None:
                return _answer(response, url, now, bytes_max)
        # The body of a redirect is never read.
        moved = urljoin(url, target)
        if urlsplit(url).scheme == "https" and urlsplit(moved).scheme == "http":
            raise Refused(f"{url} redirects from https to http")
        url = moved
    raise SourceUnavailable(
        f"{asked} leads nowhere", why=f"more than {REDIRECTS_MAX} redirects", fix="mend its address"
    )


def _check_address(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Refused(f"{url[:200]} is not an http or https address")
    if parts.username or parts.password:
        raise Refused("the address carries a user name or a password")


def _answer(response: httpx2.Response, url: str, now: datetime, bytes_max: int) -> Fetched | NotModified:
    status = response.status_code
    if status == HTTPStatus.NOT_MODIFIED:
        return NotModified(max_age_s(response.headers.get("cache-control", "")))
    if not 200 <= status < 300:
        raise SourceUnavailable(
            f"{url} answers with status {status}",
            why=response.reason_phrase,
            fix="newstide will try again",
            retry_after_s=retry_after_s(response.headers.get("retry-after", ""), now),
        )
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding not in _ENCODINGS:
        raise SourceUnavailable(f"{url} is encoded as {encoding[:40]}", why="we asked for gzip or deflate at most")
    return Fetched(
        url=url,
        body=_bounded(response.iter_raw(), encoding, url, bytes_max),
        content_type=response.headers.get("content-type", "")[:200],
        etag=_echo(response.headers.get("etag", "")),
        last_modified=_echo(response.headers.get("last-modified", "")),
        max_age_s=max_age_s(response.headers.get("cache-control", "")),
    )


def max_age_s(cache_control: str) -> float | None:
    """How long the answer stays good by its Cache-Control; None when that is not said. Pure."""
    found = _MAX_AGE.search(cache_control.lower())
    return float(found[1]) if found and float(found[1]) > 0 else None


def _echo(header: str) -> str:
    """A header's value when it is safe to be sent back."""
    return header if _HEADER_SAFE.fullmatch(header) else ""


def _bounded(chunks: Iterable[bytes], encoding: str, url: str, bytes_max: int) -> bytes:
    """The decoded body; not a byte more than allowed is ever held."""
    inflater: Any = None
    body = bytearray()
    for number, chunk in enumerate(chunks):
        if number == 0:
            inflater = _inflater(encoding, chunk)
        try:
            body += chunk if inflater is None else inflater.decompress(chunk, bytes_max + 1 - len(body))
        except zlib.error as error:
            raise SourceUnavailable(f"{url} does not answer", why="its compressed body is broken") from error
        if len(body) > bytes_max:
            raise SourceUnavailable(f"{url} is larger than {bytes_max >> 20} MiB", why="what we read is not")
        if inflater is not None and inflater.eof:
            break  # zlib would keep all that follows
    if inflater is not None and not inflater.eof:
        raise SourceUnavailable(f"{url} does not answer", why="its compressed body was cut off")
    return bytes(body)


def _inflater(encoding: str, first: bytes) -> Any:
    if encoding in ("", "identity"):
        return None
    headless = encoding == "deflate" and first[0] & 0x0F != zlib.DEFLATED  # some call a raw stream deflate
    return zlib.decompressobj(-zlib.MAX_WBITS if headless else zlib.MAX_WBITS | 32)
