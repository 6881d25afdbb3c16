"""What the polling loop decides: who is due, what an answer means, where a feed then stands. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

import msgspec

from ingest.entry import Parsed
from ingest.fetch import Fetched, NotModified
from ingest.normalise import Origin, normalise
from ingest.novelty import Judged
from ingest.schedule import next_due_at
from newstide.messages import NewsItem, Reject
from newstide.sections import FeedSettings
from newstide.store.sources import SourceState

KIND: Final = "feed"
ERROR_CHARS_MAX: Final = 500
"""Of an error that is kept and shown; it may hold a stranger's text."""


@dataclass(frozen=True, slots=True)
class Polled:
    """What came of asking a feed once."""

    feed: FeedSettings
    at: datetime
    answer: Fetched | NotModified | None = None
    parsed: Parsed = Parsed(())
    error: str = ""
    retry_after_s: float | None = None

    @property
    def outcome(self) -> str:
        if self.error:
            return "failed"
        return "not_modified" if isinstance(self.answer, NotModified) else "fetched"


def host_of(feed: FeedSettings) -> str:
    return (urlsplit(feed.url).hostname or "").rstrip(".")


def startable(
    waiting: Iterable[FeedSettings], states: Mapping[str, SourceState], busy_hosts: Iterable[str], now: datetime
) -> list[FeedSettings]:
    """The feeds that are due and whose host is not being asked already: one at a time from each host."""
    busy = set(busy_hosts)
    chosen = []
    for feed in waiting:
        due_at = states[feed.name].next_due_at
        if host_of(feed) not in busy and (due_at is None or due_at <= now):
            busy.add(host_of(feed))
            chosen.append(feed)
    return chosen


def starting_state(feed: FeedSettings, known: SourceState | None, *, at_once: bool) -> SourceState:
    """Where a feed stands at the start. A feed that moved is asked anew: its cursor belongs to the old address."""
    if known is None:
        return SourceState(source=feed.name, kind=KIND, url=feed.url)
    if known.url != feed.url:
        return replace(known, kind=KIND, url=feed.url, etag="", last_modified="", failures=0, next_due_at=None)
    return replace(known, next_due_at=None) if at_once else known


def normalised(polled: Polled) -> tuple[list[NewsItem], list[Reject]]:
    """The stories of an answer and what is none. A reject's position is a hash of its bytes: it is kept once."""
    origin = Origin(source=polled.feed.name, place=f"feed {polled.feed.name}", received_at=polled.at)
    items: list[NewsItem] = []
    rejects: list[Reject] = []
    for entry in polled.parsed.entries:
        outcome = normalise(entry, origin, 0)
        if isinstance(outcome, NewsItem):
            items.append(outcome)
            continue
        raw = json.dumps(msgspec.to_builtins(entry)).encode("ascii")  # carries lone surrogates, as they came
        position = int.from_bytes(hashlib.sha256(raw).digest()[:7])
        rejects.append(msgspec.structs.replace(outcome, position=position, raw=raw))
    return items, rejects


def next_state(state: SourceState, polled: Polled, judged: Judged, rejected: int) -> SourceState:
    """Where the feed stands after the poll. The cursor moves only past a document that was read whole."""
    answer, feed = polled.answer, polled.feed
    failures = state.failures + 1 if polled.error else 0
    counted = state.counted(published=len(judged.publish), unchanged=judged.unchanged, rejected=rejected)
    due_at = next_due_at(
        every_s=feed.every_s,
        failures=failures,
        retry_after_s=polled.retry_after_s,
        draw=draw_of(feed.name, polled.at),
        now=polled.at,
    )
    moved = replace(counted, failures=failures, last_error=polled.error, next_due_at=due_at)
    if polled.error:
        return moved
    moved = replace(moved, last_success_at=polled.at)
    if not isinstance(answer, Fetched):
        return moved
    problems = "; ".join(f"{problem.kind}: {problem.detail}" for problem in polled.parsed.problems)
    moved = replace(moved, last_error=printable(problems))
    if not polled.parsed.complete:
        return replace(moved, etag="", last_modified="")
    return replace(moved, etag=answer.etag, last_modified=answer.last_modified)


def draw_of(name: str, at: datetime) -> float:
    """A number in [0, 1) for the jitter: the same for the same feed and moment."""
    return int.from_bytes(hashlib.sha256(f"{name} {at.timestamp()}".encode()).digest()[:7]) / 2**56


def printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text[:ERROR_CHARS_MAX])
