"""Signed webhooks, as Standard Webhooks 1.0.0 wants them: one POST of JSON, over HTTPS, never redirected."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from alerts.channels.port import Parcel
from newstide.alerting.channel import Channel
from newstide.alerting.retrying import Attempt, judged, shown
from newstide.errors import UsageError
from newstide.outbound.exchange import Sent, Unanswered, exchange
from newstide.outbound.guard import Guard, Refused
from newstide.outbound.waits import retry_after_s
from newstide.signing import secret_of, sign

USER_AGENT: Final = "newstide-alerts/1"
_PORTS: Final = {"http": 80, "https": 443}


def check_host(guard: Guard, host: str, port: int) -> None:
    """Raises UsageError unless the host is, at this moment, at addresses that may be visited."""
    try:
        guard.addresses(host, port)
    except Refused as error:
        raise UsageError("address: it must not be visited", why=str(error), fix="use a public address") from error
    except (OSError, UnicodeError, ValueError) as error:
        raise UsageError("address: its host cannot be found", why=shown(error), fix="mend its spelling") from error


class Webhooks:
    rest_s = 0.0

    def __init__(self, guard: Guard, *, allow_http: bool) -> None:
        self._guard, self._allow_http = guard, allow_http

    def check(self, channel: Channel) -> None:
        parts = urlsplit(channel.address)
        if parts.scheme != "https" and not self._allow_http:
            raise UsageError("address: it is not https", why="alerts must not travel in the open", fix="use https://")
        for secret in channel.secret.split():
            try:
                secret_of(secret)
            except ValueError as error:
                raise UsageError("secret: it is no signing secret", why=str(error)) from error
        check_host(self._guard, parts.hostname or "", parts.port or _PORTS[parts.scheme])

    def carry(self, channel: Channel, parcel: Parcel, cancelled: Callable[[], bool]) -> Attempt:
        secrets = [secret_of(secret) for secret in channel.secret.split()]
        headers = {
            "content-type": "application/json",
            "user-agent": USER_AGENT,
            "webhook-id": parcel.delivery_id,
            "webhook-timestamp": str(int(parcel.at.timestamp())),
            "webhook-signature": sign(secrets, parcel.delivery_id, parcel.at, parcel.payload),
        }
        try:
            answer = exchange(Sent("POST", channel.address, headers, parcel.payload), self._guard, cancelled)
        except Refused as error:
            return Attempt(False, detail=shown(error), gone=True)
        except Unanswered as error:
            return Attempt(False, detail=str(error), cancelled=cancelled())
        return judged(answer.status, retry_after_s(answer.headers.get("retry-after", ""), parcel.at))
