"""A server that does everything wrong, one way a path, and a canary that must never hear from us.

    python -m tests.services.hostile        prints the address of each trick, until Ctrl-C

One asyncio program in a thread of its own. A trick is a coroutine that is given the connection after the request was
read; what it writes is not checked by anybody. `asked` lists what was asked for.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import threading
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

Trick = Callable[["Call"], Awaitable[None]]

FEED: Final = (
    b'<rss version="2.0"><channel><title>t</title><item><guid>h-1</guid><title>Halvern opens a plant</title></item>'
    b"</channel></rss>"
)
BOMB: Final = gzip.compress(b"\x00" * (64 << 20), 9)
"""A thousand to one."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request, and the connection it came on."""

    path: str
    headers: dict[str, str]
    origin: str
    """Scheme, host and port by which we were asked."""
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, body: bytes = b"", status: str = "200 OK", **headers: str) -> None:
        """A whole answer. Underscores in header names stand for hyphens."""
        given = {"Content_Type": "application/rss+xml", "Content_Length": str(len(body))} | headers
        lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in given.items() if value)
        await self.send(f"HTTP/1.1 {status}\r\n{lines}\r\n".encode("latin-1") + body)

    async def forever(self, piece: bytes, every_s: float = 0.0) -> None:
        while True:
            await self.send(piece)
            await asyncio.sleep(every_s)


async def feed(call: Call) -> None:
    await call.answer(FEED, ETag='"v1"')


async def slow_head(call: Call) -> None:
    await call.send(b"HTTP/1.1 200 OK\r\nX: ")
    await call.forever(b"x", 0.05)


async def endless_head(call: Call) -> None:
    await call.send(b"HTTP/1.1 200 OK\r\n")
    await call.forever(b"X-More: " + b"x" * 1_000 + b"\r\n")


async def endless_continue(call: Call) -> None:
    await call.forever(b"HTTP/1.1 100 Continue\r\n\r\n", 0.001)


async def slow_body(call: Call) -> None:
    await call.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    await call.forever(b"x", 0.05)


async def silent(call: Call) -> None:
    await asyncio.sleep(3_600)


async def endless_chunks(call: Call) -> None:
    await call.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    await call.forever(b"10000\r\n" + b"x" * 65_536 + b"\r\n")


async def tiny_chunks(call: Call) -> None:
    await call.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    await call.forever(b"1\r\nx\r\n" * 1_000)


async def bad_chunks(call: Call) -> None:
    await call.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffffff\r\nx\r\n")


async def endless_untold(call: Call) -> None:
    await call.send(b"HTTP/1.1 200 OK\r\n\r\n")
    await call.forever(b"x" * 65_536)


async def bomb(call: Call) -> None:
    await call.answer(BOMB, Content_Encoding="gzip")


async def bomb_deflate(call: Call) -> None:
    await call.answer(zlib.compress(b"\x00" * (64 << 20), 9), Content_Encoding="deflate")


async def bomb_twice(call: Call) -> None:
    await call.answer(gzip.compress(BOMB), Content_Encoding="gzip, gzip")


async def gzip_lie(call: Call) -> None:
    await call.answer(FEED, Content_Encoding="gzip")


async def gzip_cut(call: Call) -> None:
    await call.answer(gzip.compress(FEED)[:-12], Content_Encoding="gzip")


async def gzip_members(call: Call) -> None:
    await call.answer(gzip.compress(FEED) + BOMB, Content_Encoding="gzip")


async def brotli(call: Call) -> None:
    await call.answer(b"\x0b\x02\x80rss\x03", Content_Encoding="br")


async def moved_bomb(call: Call) -> None:
    """Whoever reads the body of the redirect never comes to its end."""
    await call.send(f"HTTP/1.1 302 Found\r\nLocation: {call.origin}/feed\r\nContent-Encoding: gzip\r\n\r\n".encode())
    await call.forever(BOMB)


async def moved_often(call: Call) -> None:
    number = int(call.path.rpartition("/")[2])
    to = f"/moved_often/{number - 1}" if number > 1 else "/feed"
    await call.answer(status="301 Moved", Location=to)


async def loop(call: Call) -> None:
    await call.answer(status="302 Found", Location="/loop")


async def moved_nowhere(call: Call) -> None:
    await call.answer(status="302 Found", Location="http://[/")


async def long_lie(call: Call) -> None:
    """Says more than it sends."""
    await call.answer(FEED, Content_Length=str(len(FEED) + 1_000))


async def short_lie(call: Call) -> None:
    """Sends more than it says."""
    await call.answer(FEED + b"GET / HTTP/1.1\r\n\r\n" * 1_000, Content_Length=str(len(FEED)))


async def two_lengths(call: Call) -> None:
    await call.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!")


async def wrong_type(call: Call) -> None:
    await call.answer(FEED, Content_Type="image/png; charset=utf-7")


async def odd_header(call: Call) -> None:
    await call.send(b'HTTP/1.1 200 OK\r\nETag: "\x00\xff"\r\nLast-Modified: \x1b[31m\r\nContent-Length: 0\r\n\r\n')


async def no_http(call: Call) -> None:
    await call.send(b"SSH-2.0-OpenSSH_9.6\r\n")


async def old_http(call: Call) -> None:
    await call.send(FEED)


async def login(call: Call) -> None:
    await call.answer(b"<!DOCTYPE html><html><body><form>Please sign in</form></body></html>", Content_Type="text/html")


async def nothing(call: Call) -> None:
    await call.answer()


async def no_content(call: Call) -> None:
    await call.answer(status="204 No Content", Content_Type="", Content_Length="")


async def cut_off(call: Call) -> None:
    await call.answer(FEED[:-40])


async def unchanged(call: Call) -> None:
    """Without ETag, and whether we asked for it or not."""
    await call.answer(status="304 Not Modified", Content_Type="", Content_Length="")


async def wait_ten_years(call: Call) -> None:
    await call.answer(status="429 Too Many Requests", Retry_After="315360000")


async def wait_negative(call: Call) -> None:
    await call.answer(status="503 Unavailable", Retry_After="-86400")


async def wait_nonsense(call: Call) -> None:
    await call.answer(status="429 Too Many Requests", Retry_After="9" * 5_000)


async def forbidden(call: Call) -> None:
    await call.answer(status="403 Forbidden", Retry_After="600")


TRICKS: Final[dict[str, Trick]] = {
    trick.__name__: trick
    for trick in (
        feed, slow_head, endless_head, endless_continue, slow_body, silent, endless_chunks, tiny_chunks, bad_chunks,
        endless_untold, bomb, bomb_deflate, bomb_twice, gzip_lie, gzip_cut, gzip_members, brotli, moved_bomb,
        moved_often, loop, moved_nowhere, long_lie, short_lie, two_lengths, wrong_type, odd_header,
        no_http, old_http, login, nothing, no_content, cut_off, unchanged, wait_ten_years, wait_negative,
        wait_nonsense, forbidden,
    )
}  # fmt: skip


@dataclass
class Hostile:
    """The server on 127.0.0.1, and the canary on 127.0.0.2 and ::1 at the same port. A context manager.

    `tricks` may be added to. `canary_hits` counts connections, before a byte is read.
    """

    tricks: dict[str, Trick] = field(default_factory=lambda: dict(TRICKS))
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    canary_hits: int = 0
    port: int = 0

    def __enter__(self) -> Hostile:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="hostile", daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}/{path}"

    async def _open(self) -> None:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._servers = [server, await asyncio.start_server(self._sing, "127.0.0.2", self.port)]
        with contextlib.suppress(OSError):  # a machine without IPv6 has no inner address of it either
            self._servers.append(await asyncio.start_server(self._sing, "::1", self.port))

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _sing(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.canary_hits += 1
        writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            path = head[0].split(" ")[1]
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
            self.asked.append((path, headers))
            trick = self.tricks.get(path.strip("/").partition("/")[0].partition("?")[0], nothing)
            await trick(Call(path, headers, f"http://{headers.get('host', '')}", writer))
        except (OSError, EOFError, asyncio.CancelledError):
            pass  # the client had enough, or we close
        finally:
            writer.close()


def main() -> None:
    with Hostile() as server:
        for name in TRICKS:
            print(server.url(name))  # noqa: T201 - a command: its output is its purpose
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
