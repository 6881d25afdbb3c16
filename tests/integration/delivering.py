"""A database with people in it, a sender, and a clock that stands still until it is told to go on."""

from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import text

from alerts.channels.webhook import Webhooks
from alerts.sender import Sender
from newstide.alerting.channel import Channel, ChannelKind, kind_of
from newstide.alerting.firing import Firing
from newstide.alerting.subscription import Subscription
from newstide.clock import FakeClock
from newstide.outbound.guard import Guard
from newstide.service import Service
from newstide.store import alerting, migrate, outbox, people
from newstide.store.database import Database
from newstide.telemetry import Metrics
from tests.firings import NOON

SECRET = "whsec_" + "QUJD" * 8


class Scene:
    def __init__(self, folder: Path) -> None:
        self.database = Database(f"sqlite:///{folder / 'newstide.db'}")
        migrate.upgrade(self.database)
        self.clock = FakeClock(NOON)
        self.service = Service("send", "s-1", self.clock, Metrics(), structlog.get_logger())
        self.open = Guard.of(allow_private_addresses=True)
        self.carriers: dict[ChannelKind, Any] = {ChannelKind.WEBHOOK: Webhooks(self.open, allow_http=True)}

    def person(self, owner: str, address: str, name: str = "hook") -> None:
        channel = Channel(owner, name, kind_of(address), address, SECRET)
        people.put_channel(self.database, channel, NOON)
        people.put_subscription(self.database, Subscription(owner=owner, name=name, channels=(name,)), NOON)

    def fire(self, *firings: Firing) -> None:
        now = self.clock.now()
        with self.database.transaction() as connection:
            outbox.add(connection, alerting.add_firings(connection, firings, now), now)

    def send(self, after_s: float = 0.0) -> None:
        """All that is due in so long, as one sender."""
        self.clock.advance(after_s)
        self.sender().run(drain=True)

    def sender(self) -> Sender:
        return Sender(self.database, self.carriers, self.service, "https://news.example", 4)

    def states(self) -> list[str]:
        return self.column("SELECT state FROM deliveries ORDER BY created_at, owner")

    def column(self, query: str) -> list[Any]:
        with self.database.transaction() as connection:
            return list(connection.execute(text(query)).scalars())
