"""What every way of telling promises."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from newstide.alerting.channel import Channel
from newstide.alerting.rendering import Message
from newstide.alerting.retrying import Attempt

GRACE_S: Final = 5.0
"""What is under way when we are asked to stop has so long to end by itself: half of a service's drain."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """What is told in one attempt. `delivery_id` is the same in every attempt."""

    delivery_id: str
    at: datetime
    """Of the attempt: what a signature is made for."""
    message: Message = field(repr=False)
    payload: bytes = field(repr=False)
    answers_id: str = ""
    """The delivery, on the same channel, of the alert that this one answers."""


class Carrier(Protocol):
    """One way of telling. Used by several threads at once."""

    rest_s: float
    """Between two messages to one receiver."""

    def check(self, channel: Channel) -> None:
        """Look at a channel before it is kept. Raises UsageError, beginning with the field that is wrong."""
        ...

    def carry(self, channel: Channel, parcel: Parcel, cancelled: Callable[[], bool]) -> Attempt:
        """One attempt, which is over within 20 seconds. Whatever a receiver does is an Attempt, never an exception."""
        ...
