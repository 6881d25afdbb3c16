"""What becomes of a firing for one subscription: sent, held, put into a digest, or not sent, always with the reason."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from newstide.alerting.firing import Firing, Kind
from newstide.alerting.subscription import (
    EVERYONE,
    OVERFLOW_AT,
    RANKS,
    Mute,
    Scope,
    Spare,
    Subscription,
    alert_key,
    local_day,
    next_local,
    settled,
)

DIGEST_SETTLES: Final = timedelta(minutes=2)
"""A digest takes nothing more in so long before it goes: a transaction that lives a minute must not miss it."""


class Outcome(StrEnum):
    """The words are stored and shown, best first: of two subscriptions to one channel the earlier word wins."""

    SEND = "send"
    HOLD = "hold"
    DIGEST = "digest"
    SUPPRESS = "suppress"


_ORDER: Final = {outcome: place for place, outcome in enumerate(Outcome)}


class Reason(StrEnum):
    AT_ONCE = "at once"
    QUIET = "quiet hours"
    SNOOZED = "snoozed"
    IN_ORDER = "after the alert that it answers"
    CORRECTION = "its alert was sent"
    """At once or later; it counts for no cap."""
    DIGEST = "subscribed as a digest"
    OVER_CAP = "over the daily cap"
    BELOW_SEVERITY = "below the least severity"
    MUTED = "muted"
    ACKNOWLEDGED = "acknowledged"
    UNTOLD = "its alert was not sent"


@dataclass(frozen=True, slots=True)
class Route:
    outcome: Outcome
    reason: Reason
    at: datetime
    """When it is due; of what is suppressed, when that was decided."""

    @property
    def rank(self) -> tuple[int, datetime]:
        return _ORDER[self.outcome], self.at


def concerns(subscription: Subscription, firing: Firing, lists: Mapping[str, Collection[str]]) -> bool:
    """Whether the firing is any business of this subscription's: by owner, rule and subject. `lists` are watchlists."""
    if firing.owner not in (subscription.owner, EVERYONE):
        return False
    if subscription.rules and firing.rule_id not in subscription.rules:
        return False
    if not subscription.subjects and not subscription.watchlists:
        return True
    return firing.subject in subscription.subjects or any(
        firing.subject in lists.get(name, ()) for name in subscription.watchlists
    )


def route(
    subscription: Subscription,
    firing: Firing,
    now: datetime,
    sent_by_day: Mapping[date, int],
    mutes: Iterable[Mute],
    told_at: datetime | None = None,
) -> Route:
    """One outcome for a firing that concerns the subscription.

    `sent_by_day` counts, by local day, what was already told or is due at once or after quiet hours. `told_at` says of
    what answers an earlier firing when that one was sent, or will be; None: it was not. A correction goes to those who
    were told, and to them whatever they muted since: they act on something that no longer holds. It comes after what
    it corrects, and not in quiet hours.
    """
    spared = [mute for mute in mutes if covers(mute, firing, now)]
    if (reason := _unsent(subscription, firing, spared, told_at)) is not None:
        return Route(Outcome.SUPPRESS, reason, now)
    corrects = firing.kind is Kind.CORRECTED
    wakes = subscription.wakes is not None and RANKS[firing.severity] >= RANKS[subscription.wakes]
    snoozed = max((mute.until for mute in spared if mute.spare is Spare.SNOOZE and mute.until), default=now)
    free = max(snoozed, told_at or now)
    at = free if wakes else settled(subscription, free)
    if not corrects:
        if subscription.digest and not wakes:
            return _digest(subscription, Reason.DIGEST, at)
        if sent_by_day.get(local_day(at, subscription.zone), 0) >= (subscription.daily_cap or math.inf):
            return _digest(subscription, Reason.OVER_CAP, at)
    late = Reason.QUIET if at > free else Reason.SNOOZED if free == snoozed else Reason.IN_ORDER
    reason = Reason.CORRECTION if corrects else Reason.AT_ONCE if at <= now else late
    return Route(Outcome.SEND if at <= now else Outcome.HOLD, reason, at)


def _unsent(
    subscription: Subscription, firing: Firing, spared: Iterable[Mute], told_at: datetime | None
) -> Reason | None:
    """Why it is not sent at all; None when it is."""
    if firing.answers and told_at is None:
        return Reason.UNTOLD
    if firing.kind is Kind.CORRECTED:
        return None
    if RANKS[firing.severity] < RANKS[subscription.least]:
        return Reason.BELOW_SEVERITY
    spares = {mute.spare for mute in spared}
    return Reason.MUTED if Spare.MUTE in spares else Reason.ACKNOWLEDGED if Spare.ACK in spares else None


def _digest(subscription: Subscription, reason: Reason, at: datetime) -> Route:
    times = subscription.digest or (OVERFLOW_AT,)
    return Route(
        Outcome.DIGEST, reason, settled(subscription, next_local(times, at + DIGEST_SETTLES, subscription.zone))
    )


def covers(mute: Mute, firing: Firing, now: datetime) -> bool:
    """Whether a mute, a snooze or an acknowledgement is about this firing, and holds."""
    if mute.until is not None and mute.until <= now:
        return False
    if mute.spare is Spare.ACK and firing.kind is Kind.RESOLVED:
        return False  # it clears: that is what was waited for
    return {
        Scope.EVERYTHING: True,
        Scope.RULE: mute.value == firing.rule_id,
        Scope.SUBJECT: mute.value == firing.subject,
        Scope.ALERT: mute.value == alert_key(firing.rule_id, firing.subject),
    }[mute.scope]
