"""The HTTP server of the publishers of `feed_world`: one asyncio program in a thread, on every address of 127/8.

It is moody: now and then it answers 429 or 500, says a length that is not true, or takes a second. It writes down who
asked what, when, and how many were being answered at once for one host: the workers' manners, told by the other side.
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from benchmarks.feed_world import Publisher, World, now_utc, render

TICK_S: Final = 0.2
TROUBLE: Final = 0.05
"""Of the answers. Each is a failure to the worker, which waits twice as long after it."""


@dataclass(slots=True)
class Log:
    """`starts`: by host, when each request came. `failed`: by publisher, when it was refused."""

    starts: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    at_once_max: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    failed: dict[str, list[datetime]] = field(default_factory=lambda: defaultdict(list))


@dataclass
class FeedServer:
    """`changing` may be cleared to let the workers come to an end."""

    world: World
    change_every_s: float
    log: Log = field(default_factory=Log)
    port: int = 0
    changing: bool = True

    def __post_init__(self) -> None:
        self._random = random.Random(self.world.seed)  # noqa: S311 - a run is to be repeatable
        self._open: Counter[str] = Counter()

    @contextmanager
    def running(self) -> Iterator[FeedServer]:
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, name="publishers", daemon=True)
        thread.start()
        server = asyncio.run_coroutine_threadsafe(self._start(), loop).result(10)
        try:
            yield self
        finally:
            asyncio.run_coroutine_threadsafe(self._stop(server), loop).result(10)
            loop.call_soon_threadsafe(loop.stop)
            thread.join(10)
            loop.close()

    async def _start(self) -> asyncio.Server:
        server = await asyncio.start_server(self._serve, "0.0.0.0", 0)  # noqa: S104 - all of 127/8
        self.port = server.sockets[0].getsockname()[1]
        self._changes = asyncio.create_task(self._change())
        return server

    async def _stop(self, server: asyncio.Server) -> None:
        server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _change(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            if self.changing:
                for publisher in self.world.publishers.values():
                    self.world.change(publisher, now_utc(), self.change_every_s)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host = writer.get_extra_info("sockname")[0]
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            self.log.starts[host].append(asyncio.get_running_loop().time())
            self._open[host] += 1
            self.log.at_once_max[host] = max(self.log.at_once_max[host], self._open[host])
            try:
                await self._answer(head, writer)
            finally:
                self._open[host] -= 1
        except (OSError, EOFError):
            pass  # a worker was killed
        finally:
            writer.close()

    async def _answer(self, head: list[str], writer: asyncio.StreamWriter) -> None:
        publisher = self.world.publishers[head[0].split(" ")[1].strip("/")]
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        draw = self._random.random() / TROUBLE if self.changing else 1.0
        if draw < 0.7:
            self.log.failed[publisher.name].append(now_utc())
        if draw < 0.3:
            return await self._send(writer, "500 Broken", {})
        if draw < 0.6:
            return await self._send(writer, "429 Too Many", {"Retry-After": "2"})
        if draw < 0.9 and draw >= 0.7:
            await asyncio.sleep(1.0)
        if publisher.etags and headers.get("if-none-match") == publisher.etag:
            publisher.confirmed = publisher.version
            return await self._send(writer, "304 Not Modified", {"ETag": publisher.etag})
        await self._list(publisher, writer, cut=0.6 <= draw < 0.7)

    async def _list(self, publisher: Publisher, writer: asyncio.StreamWriter, *, cut: bool) -> None:
        body, content_type = render(publisher)
        headers = {"Content-Type": content_type, "Content-Length": str(len(body)), "ETag": publisher.etag}
        publisher.served += not cut
        await self._send(writer, "200 OK", headers, body[: len(body) // 2] if cut else body)

    async def _send(
        self, writer: asyncio.StreamWriter, status: str, headers: dict[str, str], body: bytes = b""
    ) -> None:
        self.log.answers[status[:3]] += 1
        given = {"Content-Length": "0", "Connection": "close"} | {n: v for n, v in headers.items() if v}
        lines = "".join(f"{name}: {value}\r\n" for name, value in given.items())
        writer.write(f"HTTP/1.1 {status}\r\n{lines}\r\n".encode("latin-1") + body)
        await writer.drain()
