"""Who wants to be told what, where and when: a subscription, and what a person has asked to be spared. Frozen."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import msgspec

from newstide.alerting.firing import Severity
from newstide.messages import Name, Utc

EVERYONE: Final = "everyone"
"""Owner of the rules that are nobody's alone: whoever subscribes is told when they fire."""
RANKS: Final = {Severity.INFO: 0, Severity.WARNING: 1, Severity.CRITICAL: 2}
WEEK: Final = timedelta(days=7)
LISTED_MAX: Final = 500
"""Rules, subjects and channels that one subscription names: a watchlist of the largest index, whole."""
QUIET_MAX: Final = 8
"""Windows of quiet: one for each day, and one more."""
OVERFLOW_AT: Final = time(8)
"""When a day's overflow is told where the subscription has no digest of its own: the next morning."""


class Quiet(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of local time in which nobody is to be disturbed. An end at or before the start is the next day's."""

    start: time
    end: time
    days: tuple[Annotated[int, msgspec.Meta(ge=0, le=6)], ...] = (0, 1, 2, 3, 4, 5, 6)
    """Of the start; 0 is Monday."""


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """What one person wants to be told, and how. Without rules, subjects and watchlists: whatever fires for them."""

    owner: Name
    name: Name
    rules: tuple[Name, ...] = ()
    subjects: tuple[Name, ...] = ()
    watchlists: tuple[Name, ...] = ()
    """Whoever is on one of them when it fires."""
    least: Severity = Severity.INFO
    channels: tuple[Name, ...] = ()
    """None: the inbox alone, which holds everything in any case."""
    zone: Name = "UTC"
    quiet: tuple[Quiet, ...] = ()
    wakes: Severity | None = None
    """From this severity on, quiet hours and digests do not hold; None: nothing wakes anybody."""
    digest: tuple[time, ...] = ()
    """Local times at which what came is told together, instead of at once."""
    daily_cap: Annotated[int, msgspec.Meta(ge=1, le=10_000)] | None = None
    """Told at once on one local day; the rest of the day goes into one digest."""


class Spare(StrEnum):
    """What a person has asked for. The words are stored: never rename one."""

    MUTE = "mute"
    """Not told, only kept in the inbox."""
    SNOOZE = "snooze"
    """Told later: what comes meanwhile is held."""
    ACK = "ack"
    """Seen: not told again until it has cleared."""


class Scope(StrEnum):
    EVERYTHING = "everything"
    RULE = "rule"
    SUBJECT = "subject"
    ALERT = "alert"
    """One rule about one subject; its value is `alert_key`."""


class Mute(msgspec.Struct, frozen=True, kw_only=True):
    owner: Name
    spare: Spare
    scope: Scope
    value: str = ""
    since: Utc
    until: Utc | None = None
    """None: until it is taken back, or of an acknowledgement, until the alert resolves."""


def alert_key(rule_id: str, subject: str) -> str:
    return f"{rule_id}\x1f{subject}"


def problem_of(subscription: Subscription) -> str:
    """What is wrong with it, beginning with the field's name; empty when nothing is."""
    for field in ("rules", "subjects", "watchlists", "channels"):
        if len(getattr(subscription, field)) > LISTED_MAX:
            return f"{field}: more than {LISTED_MAX}"
    try:
        ZoneInfo(subscription.zone)
    except (KeyError, ValueError, OSError):  # all that a wrong name can raise, among them a folder's
        return f"zone: {subscription.zone!r} is no time zone; write it as Europe/London or Asia/Shanghai"
    if len(subscription.quiet) > QUIET_MAX:
        return f"quiet: more than {QUIET_MAX} windows"
    if any(each.start == each.end for each in subscription.quiet):
        return "quiet: a window that ends when it begins is a whole day; mute instead"
    monday = datetime(2026, 1, 5, tzinfo=UTC)
    if settled(subscription, monday) > monday + WEEK:
        return "quiet: these windows leave no time in which anything could be told"
    return ""


def settled(subscription: Subscription, at: datetime) -> datetime:
    """The first moment from `at` on that is not in quiet hours.

    Where windows cover the whole week there is none: the answer then lies more than a week away, and it ends there.
    """
    last = at + WEEK + timedelta(days=1)
    while at <= last:
        ends = [end for quiet in subscription.quiet if (end := _quiet_until(quiet, at, ZoneInfo(subscription.zone)))]
        if not ends:
            break
        at = max(ends)
    return at


def next_local(times: tuple[time, ...], after: datetime, zone: str) -> datetime:
    """The first of the local times after a moment."""
    where = ZoneInfo(zone)
    today = local_day(after, zone)
    moments = (instant(today + timedelta(days=day), each, where) for day in (0, 1, 2) for each in times)
    return min(moment for moment in moments if moment > after)


def local_day(at: datetime, zone: str) -> date:
    return at.astimezone(ZoneInfo(zone)).date()


def instant(day: date, at: time, zone: ZoneInfo, *, last: bool = False) -> datetime:
    """The moment at which clocks of the zone show that time of that day.

    A time that clocks skip is as far after the skip as it was written after its start. One that they show twice is the
    first, or with `last` the second: quiet hours that begin or end in it cover both.
    """
    return datetime.combine(day, at.replace(fold=int(last)), tzinfo=zone).astimezone(UTC)


def _quiet_until(quiet: Quiet, at: datetime, zone: ZoneInfo) -> datetime | None:
    today = at.astimezone(zone).date()
    for day in (today - timedelta(days=1), today):
        if day.weekday() not in quiet.days:
            continue
        ends_on = day if quiet.end > quiet.start else day + timedelta(days=1)
        begin, end = instant(day, quiet.start, zone), instant(ends_on, quiet.end, zone, last=True)
        if begin <= at < end:
            return end
    return None
