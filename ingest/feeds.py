"""The polling loop: due feeds are fetched and parsed side by side, and settled one after the other.

To settle a poll: judge what is new, publish it, and after the acknowledgement write cursor, memory, counts and rejects
in one transaction. A crash in between publishes the same again: a duplicate downstream, never a loss. While the bus or
the store is away the loop waits with the poll in hand, and no cursor moves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from ingest.fetch import Fetcher, NotModified
from ingest.novelty import Judged, judge
from ingest.polled import Polled, host_of, next_state, normalised, printable, startable, starting_state
from ingest.publish import COMMAND_PATIENCE_S, Outlets, connected, until_done
from ingest.worker import parse_in_worker
from newstide.errors import Retryable, SourceUnavailable, UsageError
from newstide.outbound.guard import Guard
from newstide.sections import FeedSettings
from newstide.service import Service
from newstide.settings import Settings
from newstide.store import sources
from newstide.store.sources import SourceState
from newstide.store.writes import add_rejects

POLLS_MAX: Final = 4
"""At once, each of another host. Four slow publishers must all be slow at once to hold up the others."""
TURN_S: Final = 1.0


@dataclass(slots=True)
class FeedsSummary:
    """Counts of one run. received = published + unchanged + rejected."""

    polls: int = 0
    failed: int = 0
    received: int = 0
    published: int = 0
    unchanged: int = 0
    rejected: int = 0


def run_feeds(settings: Settings, service: Service, *, once: bool = False) -> FeedsSummary:
    """Poll the feeds of the settings until the service stops, or each of them once.

    Raises UsageError when there are none, and SourceUnavailable when `once` and every feed failed.
    """
    feeds = settings.ingest.feeds
    if not feeds:
        fix = "add [[ingest.feeds]] to newstide.toml"
        raise UsageError("there is no feed to poll", why="ingest.feeds is empty", fix=fix)
    guard = Guard.of(allow_private_addresses=settings.ingest.allow_private_addresses)
    fetcher = Fetcher(settings.ingest.user_agent, guard)
    with connected(settings, service, COMMAND_PATIENCE_S if once else None) as outlets:
        loop = FeedLoop(feeds, fetcher, outlets, service, once=once)
        loop.run()
    if once and loop.summary.failed and loop.summary.failed == loop.summary.polls:
        raise SourceUnavailable(
            f"none of {len(feeds)} feeds could be read", why=loop.last_error, fix="newstide status shows each feed"
        )
    return loop.summary


@dataclass(slots=True)
class FeedLoop:
    feeds: Sequence[FeedSettings]
    fetcher: Fetcher
    outlets: Outlets
    service: Service
    once: bool = False
    summary: FeedsSummary = field(default_factory=FeedsSummary)
    last_error: str = ""
    _states: dict[str, SourceState] = field(default_factory=dict)
    _waiting: dict[str, FeedSettings] = field(default_factory=dict)
    _running: dict[Future[Polled], str] = field(default_factory=dict)

    def run(self) -> None:
        """Turns until stopped; with `once`, until each feed was asked."""
        patience_s = self.outlets.publisher.patience_s
        names = [feed.name for feed in self.feeds]
        known = until_done(lambda: sources.load(self.outlets.database, names), self.service, patience_s)
        self._states = {feed.name: starting_state(feed, known.get(feed.name), at_once=self.once) for feed in self.feeds}
        self._waiting = {feed.name: feed for feed in self.feeds}
        self.service.ready.set()
        pool = ThreadPoolExecutor(POLLS_MAX, thread_name_prefix="feed")
        try:
            while not self.service.stop.is_set() and (self._waiting or self._running):
                self._turn(pool)
        except Retryable:
            if not self.service.stop.is_set():  # stopped while something was away: the cursors stand where they stood
                raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _turn(self, pool: ThreadPoolExecutor) -> None:
        self.service.tick()
        now = self.service.clock.now()
        for feed in startable(self._waiting.values(), self._states, self._running.values(), now):
            del self._waiting[feed.name]
            task = pool.submit(poll, feed, self._states[feed.name], self.fetcher, now, self.service.stop.is_set)
            self._running[task] = host_of(feed)
        if not self._running:
            self.service.wait(TURN_S)
            return
        done, _ = wait(self._running, timeout=TURN_S, return_when=FIRST_COMPLETED)
        for task in done:
            del self._running[task]
            polled = task.result()
            if self.service.stop.is_set():
                return  # it may have been cut short by the stop, which is no failure of the feed
            self._settle(polled)
            if not self.once:
                self._waiting[polled.feed.name] = polled.feed

    def _settle(self, polled: Polled) -> None:
        """See the module: judge, publish, then one transaction."""
        name, database = polled.feed.name, self.outlets.database
        patience_s = self.outlets.publisher.patience_s
        items, rejects = normalised(polled)
        ids = list({item.story_id for item in items})
        known = until_done(lambda: sources.seen(database, name, ids), self.service, patience_s) if ids else {}
        judged = judge(items, known)
        self.outlets.publisher.publish(judged.publish)
        state = next_state(self._states[name], polled, judged, len(rejects))

        def save() -> None:
            with database.transaction() as connection:
                add_rejects(connection, rejects)
                if judged.texts:
                    sources.remember(connection, name, judged.texts, polled.at)
                sources.save(connection, state, polled.at)

        until_done(save, self.service, patience_s)
        self._states[name] = state
        self._count(polled, judged, len(rejects))

    def _count(self, polled: Polled, judged: Judged, rejected: int) -> None:
        name, summary = polled.feed.name, self.summary
        counts = {"published": len(judged.publish), "unchanged": judged.unchanged, "rejected": rejected}
        for outcome, count in counts.items():
            self.service.metrics.count("ingest_items", count, source=name, outcome=outcome)
        self.service.metrics.count("ingest_fetches", source=name, outcome=polled.outcome)
        summary.polls += 1
        summary.received += sum(counts.values())
        summary.published += counts["published"]
        summary.unchanged += counts["unchanged"]
        summary.rejected += counts["rejected"]
        if polled.error:
            summary.failed += 1
            self.last_error = f"{name}: {polled.error}"
            self.service.metrics.count("dependency_errors", dependency="source")
            self.service.log.warning("feed_failed", feed=name, why=polled.error)
        else:
            problems = ", ".join(problem.kind for problem in polled.parsed.problems)
            self.service.log.info("feed_polled", feed=name, outcome=polled.outcome, problems=problems, **counts)


def poll(
    feed: FeedSettings, state: SourceState, fetcher: Fetcher, now: datetime, cancelled: Callable[[], bool]
) -> Polled:
    """Ask a feed once and parse what it says; runs in a thread of its own. A failure is a value."""
    try:
        answer = fetcher.fetch(
            feed.url, etag=state.etag, last_modified=state.last_modified, now=now, cancelled=cancelled
        )
    except SourceUnavailable as error:
        why = f"{error.what}: {error.why}" if error.why else error.what
        return Polled(feed, now, error=printable(why), retry_after_s=error.retry_after_s)
    if isinstance(answer, NotModified):
        return Polled(feed, now, answer)
    parsed = parse_in_worker(answer.body, answer.content_type, answer.url, cancelled=cancelled)
    if parsed.failed:
        problem = parsed.problems[0]
        return Polled(feed, now, answer, parsed, error=printable(f"{problem.kind}: {problem.detail}"))
    return Polled(feed, now, answer, parsed)
