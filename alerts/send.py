"""Settings to a sender: what `newstide alerts send` runs."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing

from alerts.channels.chat import Chats
from alerts.channels.mail import Mails, Relay
from alerts.channels.port import Carrier
from alerts.channels.webhook import Webhooks
from alerts.sender import Sender
from newstide.alerting.channel import ChannelKind
from newstide.outbound.guard import Guard
from newstide.sections import DeliverySettings
from newstide.service import Service
from newstide.settings import Settings
from newstide.store.connect import connect


def carriers(settings: DeliverySettings) -> Mapping[ChannelKind, Carrier]:
    """Raises SettingsInvalid."""
    guard = Guard.of(allow_private_addresses=settings.allow_private_addresses)
    smtp_url = settings.smtp_url.get_secret_value()
    return {
        ChannelKind.WEBHOOK: Webhooks(guard, allow_http=settings.allow_http),
        ChannelKind.MAIL: Mails(Relay.of(smtp_url) if smtp_url else None, settings.mail_from),
        ChannelKind.CHAT: Chats(guard),
    }


def run_sender(settings: Settings, service: Service, *, drain: bool = False) -> None:
    """Send what is due until the service is asked to stop."""
    ways = carriers(settings.delivery)
    with closing(connect(settings)) as database:
        delivery = settings.delivery
        Sender(database, ways, service, delivery.dashboard_url, delivery.workers).run(drain=drain)
