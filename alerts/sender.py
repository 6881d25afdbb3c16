"""The loop that empties the outbox: claim, send, mark. It carries, and decides nothing.

What is claimed is sent outside of any transaction, by a pool, each to another receiver. Killed between sending and
marking, a sender leaves a lease behind; when it ends another one sends the same again under the same id.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from datetime import timedelta
from typing import Final

from alerts.channels.port import GRACE_S, Carrier, Parcel
from newstide.alerting.channel import ChannelKind
from newstide.alerting.rendering import kind_word, payload, render, render_digest
from newstide.alerting.retrying import Attempt, Verdict, follows
from newstide.clock import Clock
from newstide.errors import StoreUnavailable
from newstide.service import Service
from newstide.store import sending
from newstide.store.database import Database
from newstide.store.outbox import delivery_id_of
from newstide.store.sending import Job

IDLE_S: Final = 0.2
"""Between two looks at an empty outbox: what is due leaves within a second."""
BACK_OFF_S: Final = 2.0
"""While the database is away."""
GAUGE_EVERY_S: Final = 5.0
MARKS_MAX: Final = 20
"""Tries to write down what an attempt came to, two seconds apart: by then the lease is nearly over."""


class Sender:
    """One of any number. Runs in the thread that calls `run`, with a pool beside it."""

    def __init__(
        self,
        database: Database,
        carriers: Mapping[ChannelKind, Carrier],
        service: Service,
        dashboard: str,
        workers: int,
    ) -> None:
        self._database, self._carriers, self._service = database, carriers, service
        self._dashboard, self._workers = dashboard, workers
        self._under_way: set[Future[None]] = set()
        self._stopped_s: float | None = None
        self._told_s = float("-inf")

    def run(self, *, drain: bool = False) -> None:
        """Until the service is asked to stop; with `drain` until nothing is due any more."""
        with ThreadPoolExecutor(self._workers, thread_name_prefix="send") as pool:
            while not self._service.stop.is_set():
                self._service.tick()
                claimed = self._turn(pool)
                if drain and not claimed and not self._under_way:
                    break
                if self._under_way:
                    wait(self._under_way, 0 if claimed else IDLE_S, FIRST_COMPLETED)
                elif not claimed:
                    self._service.wait(IDLE_S)

    def _turn(self, pool: ThreadPoolExecutor) -> int:
        self._under_way = {each for each in self._under_way if not each.done()}
        free = self._workers - len(self._under_way)
        if not free:
            return 0
        try:
            jobs = sending.claim(self._database, self._service.instance, self._service.clock.now(), free)
            self._gauge()
        except StoreUnavailable as error:
            self._service.ready.clear()
            self._service.metrics.count("dependency_errors", dependency="store")
            self._service.log.warning("store_away", what=error.what, why=error.why)
            self._service.wait(BACK_OFF_S)
            return 0
        self._service.ready.set()
        self._under_way |= {pool.submit(self._deliver, job) for job in jobs}
        return len(jobs)

    def _gauge(self) -> None:
        clock = self._service.clock
        if clock.monotonic() - self._told_s < GAUGE_EVERY_S:
            return
        self._told_s, now = clock.monotonic(), clock.now()
        found = sending.waiting(self._database, now)
        age_s = (now - found.oldest_due_at).total_seconds() if found.oldest_due_at else 0.0
        self._service.metrics.set("delivery_outbox_messages", found.count)
        self._service.metrics.set("delivery_outbox_age_seconds", age_s)

    def _cancelled(self) -> bool:
        """Whether what is under way must end now: some seconds after we were asked to stop."""
        if not self._service.stop.is_set():
            return False
        now_s = self._service.clock.monotonic()
        self._stopped_s = now_s if self._stopped_s is None else self._stopped_s
        return now_s - self._stopped_s > GRACE_S

    def _deliver(self, job: Job) -> None:
        clock, carrier = self._service.clock, self._carriers[job.channel.kind]
        begun_s, now = clock.monotonic(), clock.now()
        if job.number == 1:
            wait_s = max(timedelta(0), now - job.due_at).total_seconds()
            self._service.metrics.observe("delivery_wait_seconds", wait_s)
        try:
            attempt = self._attempt(job, carrier)
        except Exception as error:  # a fault of ours in one message must not hold up all others
            attempt = Attempt(False, detail=f"newstide failed ({type(error).__name__})")
            self._service.log.error("attempt_failed", delivery=job.delivery_id, error=type(error).__name__)
        following = follows(attempt, job.step, clock.now(), random.random())  # noqa: S311 - not a secret
        outcome = following.verdict.value
        for _ in range(MARKS_MAX):
            with suppress(StoreUnavailable):
                if not sending.mark(self._database, job, attempt, following, clock.now(), rest_s=carrier.rest_s):
                    outcome = "fenced"
                break
            self._service.wait(BACK_OFF_S)
        self._service.metrics.observe("delivery_attempt_seconds", clock.monotonic() - begun_s)
        self._service.metrics.count("delivery_attempts", outcome=outcome)
        tell = self._service.log.info if following.verdict is Verdict.SENT else self._service.log.warning
        where = {"owner": job.channel.owner, "channel": job.channel.name, "delivery": job.delivery_id}
        tell("attempt", **where, number=job.number, outcome=outcome, status=attempt.status, detail=attempt.detail)

    def _attempt(self, job: Job, carrier: Carrier) -> Attempt:
        if not job.firings:
            return Attempt(True, detail="nothing is left to tell")  # it was erased meanwhile
        return carrier.carry(job.channel, parcel_of(job, self._dashboard, self._service.clock), self._cancelled)


def parcel_of(job: Job, dashboard: str, clock: Clock) -> Parcel:
    first, now = job.firings[0], clock.now()
    if job.is_digest:
        message = render_digest(job.firings, job.left_out, job.channel.language, dashboard)
    else:
        message = render(first, job.channel.language, dashboard)
    answers = first.answers if not job.is_digest else ""
    return Parcel(
        delivery_id=job.delivery_id,
        at=now,
        message=message,
        payload=payload("digest" if job.is_digest else kind_word(first), job.firings, job.left_out, now, dashboard),
        answers_id=delivery_id_of(answers, job.channel.owner, job.channel.name) if answers else "",
    )
