"""The polling loop: sources that are due are taken, asked and read side by side, and settled one after the other.

Workers share the sources: each is asked by whoever holds its lease. To settle a poll: judge what is new, make sure of
the lease, publish, and after the acknowledgement write cursor, memory, counts and rejects in one transaction that the
lease guards. A crash in between publishes the same again: a duplicate downstream, never a loss. While the bus or the
store is away the loop waits with the poll in hand, asks nobody, and no cursor moves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, TypeVar

from ingest.articles import Articles, with_bodies, without_body
from ingest.asking import ask
from ingest.fetch import Fetcher
from ingest.holding import Holding
from ingest.kinds.catalogue import KINDS, gaps_s
from ingest.novelty import Judged, judge
from ingest.polled import Polled, next_state, normalised
from ingest.publish import COMMAND_PATIENCE_S, Outlets, connected, until_done
from newstide.errors import Fenced, Retryable, SourceUnavailable, UsageError
from newstide.outbound.guard import Guard
from newstide.service import Service
from newstide.settings import Settings
from newstide.sources import Condition
from newstide.store import leases, registry, sources
from newstide.store.leases import Claiming, Leased
from newstide.store.writes import add_rejects

POLLS_MAX: Final = 4
"""At once, each of another host. Four slow publishers must all be slow at once to hold up the others; their documents
are all that is in memory while the bus is away."""
TURN_S: Final = 1.0
LOOK_EVERY_S: Final = 15.0
"""Between two counts of the conditions of all sources, for the metrics."""

T = TypeVar("T")


@dataclass(slots=True)
class FeedsSummary:
    """Counts of one run. received = published + unchanged + rejected; polls that were lost to another worker are
    counted as `fenced` alone."""

    polls: int = 0
    failed: int = 0
    fenced: int = 0
    received: int = 0
    published: int = 0
    unchanged: int = 0
    rejected: int = 0


def run_feeds(settings: Settings, service: Service, *, once: bool = False) -> FeedsSummary:
    """Poll the sources of the registry until the service stops, or with `once` each of them once, whoever asks it.

    Raises UsageError when `once` and there is none to poll, SourceUnavailable when `once` and every one failed.
    """
    guard = Guard.of(allow_private_addresses=settings.ingest.allow_private_addresses)
    fetcher, articles = Fetcher(settings.ingest.user_agent, guard), Articles.of(settings, guard)
    with connected(settings, service, COMMAND_PATIENCE_S if once else None) as outlets:
        claiming = Claiming(
            owner=service.instance,
            gaps_s=gaps_s(settings.ingest.host_gap_s),
            lease_s=settings.ingest.lease_s,
            limit=POLLS_MAX,
            unasked_since=service.clock.now() if once else None,
        )
        loop = FeedLoop(claiming, fetcher, articles, outlets, service)
        if once and not loop.unasked():
            fix = "newstide sources add URL, or newstide sources starter --enable"
            raise UsageError("there is no source to poll", why="none is enabled", fix=fix)
        loop.run()
    if once and loop.summary.failed and loop.summary.failed == loop.summary.polls:
        raise SourceUnavailable(
            f"none of {loop.summary.polls} sources could be read",
            why=loop.last_error,
            fix="newstide sources list shows each",
        )
    return loop.summary


@dataclass(slots=True)
class FeedLoop:
    claiming: Claiming
    fetcher: Fetcher
    articles: Articles
    outlets: Outlets
    service: Service
    summary: FeedsSummary = field(default_factory=FeedsSummary)
    last_error: str = ""
    _running: dict[Future[Polled], Leased] = field(default_factory=dict)
    _looked_s: float = float("-inf")

    def run(self) -> None:
        """Turns until stopped; with `claiming.unasked_since`, until every source was asked."""
        holding = Holding(self.outlets.database, self.service, self.claiming.lease_s)
        self.service.ready.set()
        try:
            # In this order: what is given back is asked by another worker at once, so our own polls must be over.
            with holding.kept(), ThreadPoolExecutor(POLLS_MAX, thread_name_prefix="poll") as pool:
                while not self.service.stop.is_set() and (self._running or self.unasked()):
                    self._turn(pool, holding)
        except Retryable:
            if not self.service.stop.is_set():  # stopped while something was away: the cursors stand where they stood
                raise

    def unasked(self) -> bool:
        """Whether there is anything left to do: always, unless each source is to be asked once."""
        since, database = self.claiming.unasked_since, self.outlets.database
        return since is None or self._patiently(lambda: leases.unasked(database, KINDS, since)) > 0

    def _turn(self, pool: ThreadPoolExecutor, holding: Holding) -> None:
        self.service.tick()
        self._look()
        free = POLLS_MAX - len(self._running)
        wanted = replace(self.claiming, limit=free)
        for leased in self._patiently(lambda: holding.claim(wanted)) if free else ():
            now = self.service.clock.now()
            task = pool.submit(self._ask, leased, now)
            self._running[task] = leased
        if not self._running:
            self.service.wait(TURN_S)
            return
        done, _ = wait(self._running, timeout=TURN_S, return_when=FIRST_COMPLETED)
        for task in done:
            if self.service.stop.is_set():
                return  # it may have been cut short by the stop, which is no failure of the source
            leased = self._running.pop(task)
            try:
                self._settle(leased, task.result(), holding)
            except Fenced as error:
                self.summary.fenced += 1
                self.service.metrics.count("ingest_leases_lost")
                self.service.log.warning("lease_lost", source=leased.source.name, why=error.what)
            holding.forget([leased.source.name])

    def _ask(self, leased: Leased, now: datetime) -> Polled:
        """In a thread of the pool: one poll, and the pages of new headlines where they are wanted."""
        cancelled = self.service.stop.is_set
        polled = ask(leased.source, leased.state, self.fetcher, now, cancelled)
        if leased.source.name not in self.articles.names or polled.error:
            return polled
        items, _ = normalised(polled)
        try:
            known = sources.seen(self.outlets.database, leased.source.name, list({item.story_id for item in items}))
        except Retryable:  # the store is away: what is new cannot be told, and headlines alone are news too
            return polled
        return replace(polled, bodies=self.articles.bodies(without_body(items, known), now, cancelled))

    def _settle(self, leased: Leased, polled: Polled, holding: Holding) -> None:
        """See the module: judge, publish, then one transaction. Raises Fenced when another worker has the source."""
        name, database = leased.source.name, self.outlets.database
        items, rejects = normalised(polled)
        ids = list({item.story_id for item in items})
        known = self._patiently(lambda: sources.seen(database, name, ids)) if ids else {}
        judged = with_bodies(judge(items, known), polled.bodies)
        if judged.publish:
            if not self._patiently(lambda: holding.confirm(leased)):
                raise Fenced(f"the source {name} is asked by another worker")
            self.outlets.publisher.publish(judged.publish)
        state = next_state(leased.state, polled, judged, len(rejects))

        def save() -> None:
            with database.transaction() as connection:
                leases.settle(connection, leased, state, self.service.clock.now())
                add_rejects(connection, rejects)
                if judged.texts:
                    sources.remember(connection, name, judged.texts, polled.at)

        self._patiently(save)
        self._count(polled, judged, len(rejects))

    def _patiently(self, work: Callable[[], T]) -> T:
        return until_done(work, self.service, self.outlets.publisher.patience_s)

    def _look(self) -> None:
        """Count the sources by condition now and then; every worker tells of all of them."""
        now_s = self.service.clock.monotonic()
        if now_s - self._looked_s < LOOK_EVERY_S:
            return
        self._looked_s = now_s
        with suppress(Retryable):
            now = self.service.clock.now()
            found = Counter(each.condition(now) for each in registry.load_all(self.outlets.database))
            for condition in Condition:
                self.service.metrics.set("ingest_sources", found[condition], condition=condition)

    def _count(self, polled: Polled, judged: Judged, rejected: int) -> None:
        name, summary = polled.source.name, self.summary
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
            self.service.log.warning("poll_failed", source=name, why=polled.error)
        else:
            problems = ", ".join(problem.kind for problem in polled.parsed.problems)
            self.service.log.info("polled", source=name, outcome=polled.outcome, problems=problems, **counts)
