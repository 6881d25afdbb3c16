"""The words for sources: what an operator writes of one, where it stands, and how well it is. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Final

import msgspec

from newstide.messages import TIER_DEFAULT

URL_CHARS_MAX: Final = 2_000
EVERY_S: Final = 300.0
EVERY_S_MIN: Final = 1.0
"""Hosts are spared by `ingest.host_gap_s`; this only keeps a source from being asked without a pause."""
EVERY_S_MAX: Final = 7 * 86_400.0

FAILS_FOR: Final = timedelta(days=2)
FAILURES_MIN: Final = 5
"""A source is dead when it failed this often in a row, for so long. Outages of publishers last hours, rarely a day."""
QUIET_AFTER_MIN: Final = timedelta(days=4)
"""A long weekend, with the night before it and the morning after."""
QUIET_AFTER_UNKNOWN: Final = timedelta(days=30)
"""While no rhythm is known: agencies that publish once a month."""
QUIET_AFTER_MAX: Final = timedelta(days=120)
"""A quarter's report and a month: nothing that we watch is slower."""
QUIET_RHYTHMS: Final = 20.0
"""Times the mean time between two new items. If they came at random, one gap in 500 million were so long."""
OVERDUE_AFTER: Final = timedelta(minutes=15)
"""Workers look each second; so late is a source only when none runs, or they are far too few."""

_URL: Final = re.compile(
    r"https?://(?P<host>\[[0-9a-f:.]+\]|[^\s/?#@:\[\]\\]+)(?::\d{1,5})?(?:[/?#]\S*)?", re.IGNORECASE
)

Name = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")]


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A source that is polled, as an operator writes it: one line of JSON. `options` are those of its kind."""

    name: Name
    url: Annotated[str, msgspec.Meta(max_length=URL_CHARS_MAX)]
    kind: Annotated[str, msgspec.Meta(pattern=r"\A[a-z]{1,16}\Z")] = "feed"
    tier: Annotated[int, msgspec.Meta(ge=1, le=3)] = TIER_DEFAULT
    language: Annotated[str, msgspec.Meta(pattern=r"\A(?:en|zh|)\Z")] = ""
    """Of stories whose script does not tell it."""
    every_s: Annotated[float, msgspec.Meta(ge=EVERY_S_MIN, le=EVERY_S_MAX)] = EVERY_S
    quiet_after_s: Annotated[float, msgspec.Meta(gt=0)] | None = None
    """How long without news before it counts as quiet; None: told by its rhythm."""
    enabled: bool = True
    options: Mapping[str, Any] = {}
    note: Annotated[str, msgspec.Meta(max_length=500)] = ""
    """Licence or terms, for people."""


@dataclass(frozen=True, slots=True)
class SourceState:
    """A source as the last poll left it. received = published + unchanged + rejected."""

    source: str
    kind: str
    url: str = ""
    etag: str = ""
    last_modified: str = ""
    failures: int = 0
    received: int = 0
    published: int = 0
    unchanged: int = 0
    rejected: int = 0
    polled_at: datetime | None = None
    last_success_at: datetime | None = None
    last_new_at: datetime | None = None
    rhythm_s: float | None = None
    """Mean time between two new items, the latest counting most."""
    last_error: str = ""
    next_due_at: datetime | None = None

    def counted(self, *, published: int = 0, unchanged: int = 0, rejected: int = 0) -> SourceState:
        return replace(
            self,
            received=self.received + published + unchanged + rejected,
            published=self.published + published,
            unchanged=self.unchanged + unchanged,
            rejected=self.rejected + rejected,
        )


class Condition(StrEnum):
    OK = "ok"
    QUIET = "quiet"
    """It answers, and has had nothing new for much longer than its rhythm."""
    FAILING = "failing"
    DEAD = "dead"
    """It has failed for long."""
    OVERDUE = "overdue"
    """It should have been asked, and nobody did: no worker runs."""
    PAUSED = "paused"
    NEVER_POLLED = "never_polled"


TROUBLED: Final = frozenset({Condition.QUIET, Condition.DEAD, Condition.OVERDUE})
"""What somebody should be told of. A source that fails for less than long is tried again by itself."""


@dataclass(frozen=True, slots=True)
class Registered:
    """A polled source with all that is known of it. `lease_owner` asks it now, until `lease_until` at the latest."""

    source: Source
    state: SourceState
    added_at: datetime
    lease_owner: str = ""
    lease_until: datetime | None = None

    def condition(self, now: datetime) -> Condition:
        """How well the source is; the first that holds, from the worst reason to look at it to none."""
        state = self.state
        if not self.source.enabled:
            return Condition.PAUSED
        if state.next_due_at is not None and now - state.next_due_at > OVERDUE_AFTER and not self.leased(now):
            return Condition.OVERDUE
        if state.polled_at is None:
            return Condition.NEVER_POLLED
        if state.failures:
            failing_for = now - (state.last_success_at or self.added_at)
            dead = state.failures >= FAILURES_MIN and failing_for >= FAILS_FOR
            return Condition.DEAD if dead else Condition.FAILING
        silent_for = now - (state.last_new_at or self.added_at)
        return Condition.QUIET if silent_for > quiet_after(self.source, state.rhythm_s) else Condition.OK

    def leased(self, now: datetime) -> bool:
        return self.lease_until is not None and self.lease_until > now


def quiet_after(source: Source, rhythm_s: float | None) -> timedelta:
    if source.quiet_after_s is not None:
        return timedelta(seconds=source.quiet_after_s)
    if rhythm_s is None:
        return QUIET_AFTER_UNKNOWN
    expected = timedelta(seconds=min(QUIET_RHYTHMS * rhythm_s, QUIET_AFTER_MAX.total_seconds()))
    return max(QUIET_AFTER_MIN, expected)


def host_of(url: str) -> str:
    """The host of a web address in lower case; empty for what is no web address, or carries a user name."""
    found = _URL.fullmatch(url)
    return found["host"].lower().rstrip(".") if found and len(url) <= URL_CHARS_MAX else ""
