"""The program: an address, an event loop for the requests, a thread for the desk, and an end in order."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import uvicorn

from ingest.publish import Outlets, Publisher, connected, until_done
from ingest.push.app import PushApp
from ingest.push.desk import Desk
from ingest.push.keys import Keys
from ingest.push.protocol import HEADER_BYTES_MAX, RECEIVE_S, Room, bounded
from ingest.push.quota import Quota
from newstide.errors import PortInUse, UsageError
from newstide.service import ALIVE_WITHIN_S, Service
from newstide.settings import Settings
from newstide.store import sources

KIND: Final = "push"
DRAIN_S: Final = 4.0
"""For requests in hand after a stop: a turn takes a tenth of a second. What is not answered is sent again."""
DESK_ENDS_S: Final = 1.0
"""Then for the desk. With the 5 s in which a producer closes, all ends within the ten of a service."""
BACKLOG: Final = 1_024
"""Connections that came and were not yet looked at: a second of a flood."""
SECRETS_EVERY_TICKS: Final = 50
"""uvicorn's tick is 0.1 s: a changed file of secrets is read within 5 s."""


@dataclass(frozen=True, slots=True)
class PushSummary:
    """Answers since the start."""

    requests: int
    accepted: int
    refused: int


def run_push(settings: Settings, service: Service) -> PushSummary:
    """Serve until stopped. Raises UsageError, SettingsInvalid, PortInUse, and what the desk failed of."""
    senders = settings.push.sources
    if not senders:
        raise UsageError("nobody may push", why="push.sources is empty", fix="docs/push.md says how to add a sender")
    keys = Keys(senders)
    quotas = {sender.name: Quota(sender.per_second) for sender in senders}
    with _listening(settings.push.host, settings.push.port) as listener, connected(settings, service, None) as outlets:
        until_done(lambda: sources.introduce(outlets.database, KIND, quotas, service.clock.now()), service, None)
        app = asyncio.run(_serve(listener, keys, quotas, outlets, service))
    if app.desk.failed is not None:
        raise app.desk.failed
    accepted = sum(count for status, count in app.asked.items() if status < 300)
    return PushSummary(app.asked.total(), accepted, app.asked.total() - accepted)


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """Taken before anything is connected to, so that a second program notices at once."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            why, fix = error.strerror or str(error), "stop what listens there, or set NEWSTIDE_PUSH__PORT"
            raise PortInUse(f"cannot listen on {host}:{port}", why=why, fix=fix) from error
        yield listener


async def _serve(
    listener: socket.socket, keys: Keys, quotas: dict[str, Quota], outlets: Outlets, service: Service
) -> PushApp:
    publisher = Publisher(outlets.publisher.producer, outlets.publisher.topic, service, patience_s=0.0)
    desk = Desk(outlets.database, publisher, service, asyncio.get_running_loop(), turned_s=service.clock.monotonic())
    room = Room()
    app = PushApp(keys, quotas, desk, room, service)
    thread = threading.Thread(target=desk.run, name="desk", daemon=True)
    host, port = listener.getsockname()[:2]
    listener.listen(BACKLOG)  # uvicorn does it later, and who reads that we are ready may come at once
    thread.start()
    service.ready.set()
    service.log.info("listening", host=host, port=port)
    await _Server(app).serve(sockets=[listener])
    desk.close()
    await asyncio.to_thread(thread.join, DESK_ENDS_S)
    return app


class _Server(uvicorn.Server):
    """uvicorn's server, whose signals are the service's; at every tick it looks after the room and the secrets."""

    def __init__(self, app: PushApp) -> None:
        self._app = app
        config = uvicorn.Config(
            app,
            http=bounded(app.room),
            ws="none",
            loop="asyncio",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            backlog=BACKLOG,
            h11_max_incomplete_event_size=HEADER_BYTES_MAX,
            timeout_keep_alive=int(RECEIVE_S),
            timeout_graceful_shutdown=int(DRAIN_S),
        )
        super().__init__(config)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def on_tick(self, counter: int) -> bool:
        app, service = self._app, self._app.service
        now_s = service.clock.monotonic()
        if now_s - app.desk.turned_s < ALIVE_WITHIN_S:  # a desk that hangs is not alive, whatever this loop does
            service.tick()
        app.room.sweep(asyncio.get_running_loop().time())
        if counter % SECRETS_EVERY_TICKS == 0:
            for name, error in app.keys.refresh().items():
                if error is None:
                    service.log.info("push_secrets_changed", source=name)
                else:
                    service.log.warning("push_secrets_stay", source=name, why=f"{error.what}: {error.why}")
        self.should_exit = self.should_exit or service.stop.is_set()
        return await super().on_tick(counter)
