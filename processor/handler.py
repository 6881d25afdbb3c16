"""What the consume loop calls: score, announce, write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np

from newstide.bus.port import Producer, Record
from newstide.errors import ModelInvalid
from newstide.messages import Reason, Tally
from newstide.scoring.batching import score_all
from newstide.scoring.port import Opinions, Scorer
from newstide.service import Service
from newstide.settings import Settings
from newstide.store import retention, writes
from newstide.store.database import Transaction
from processor.pipeline import Received, Work, announcements, decode, label, refuse, refuse_record, tally, texts_of
from processor.shadow import Shadow


class ScoreStories:
    """The handler of `news.raw`; see `newstide.consume.port.Handler`."""

    def __init__(
        self, settings: Settings, scorer: Scorer, producer: Producer, service: Service, shadow: Shadow | None = None
    ) -> None:
        self._topic_raw, self._topic_scored = settings.bus.topic_raw, settings.bus.topic_scored
        self._token_budget = settings.model.token_budget
        self._tiers, self._keep = settings.rollups.tiers, settings.rollups.keep
        self._scorer, self._producer, self._service, self._shadow = scorer, producer, service, shadow
        self._partitions_out = producer.partitions(self._topic_scored)

    def prepare(self, records: Sequence[Record]) -> Work:
        clock = self._service.clock
        received, rejected = decode(records, self._topic_raw, clock.now())
        started_s = clock.monotonic()
        work = self._score(received)
        self._service.metrics.observe("processor_score_seconds", clock.monotonic() - started_s)
        return Work(work.scored, rejected + work.rejected, self._shadow.score(work.scored) if self._shadow else [])

    def _score(self, received: Sequence[Received]) -> Work:
        """Together; where the model fails, in halves, until the story that it fails on stands alone."""
        if not received:
            return Work()
        now = self._service.clock.now
        try:
            return Work(label(received, self._opinions(received), self._scorer, now(), self._tiers))
        except ModelInvalid as error:
            if len(received) == 1:
                return Work(rejected=[refuse(received[0], self._topic_raw, Reason.SCORER_FAILED, error.why, now())])
        middle = len(received) // 2
        first, second = self._score(received[:middle]), self._score(received[middle:])
        return Work(first.scored + second.scored, first.rejected + second.rejected)

    def _opinions(self, received: Sequence[Received]) -> Opinions:
        opinions = score_all(self._scorer, texts_of(received), self._token_budget)
        if not np.isfinite(opinions.sentiment).all():
            raise ModelInvalid("the model answered with something that is no number", why="NaN or infinity")
        return opinions

    def give_up(self, record: Record, reason: Reason, detail: str) -> Work:
        return Work(rejected=[refuse_record(record, self._topic_raw, reason, detail, self._service.clock.now())])

    def announce(self, work: Work) -> None:
        stories = [story for _, story in work.scored]
        if stories:
            self._producer.publish(self._topic_scored, announcements(stories, self._partitions_out))

    def write(self, transaction: Transaction, work: Work, now: datetime) -> Mapping[int, Tally]:
        in_shadow, work = work.shadow, self._without_conflicts(transaction, work, now)
        stories = [story for _, story in work.scored]
        new = writes.add_stories(transaction, stories, now)
        writes.add_rejects(transaction, [reject for _, reject in work.rejected])
        if self._shadow is not None:
            self._shadow.write(transaction, in_shadow, stories, now)
        retention.prune(transaction, now, self._keep)
        for story in stories:
            latency_s = max(0.0, (now - story.item.received_at).total_seconds())
            self._service.metrics.observe("processor_latency_seconds", latency_s)
        return tally(work, new)

    def _without_conflicts(self, transaction: Transaction, work: Work, now: datetime) -> Work:
        """A text under a revision that another text has already is set aside, to be looked at."""
        verdicts = writes.in_conflict(transaction, [story for _, story in work.scored])
        detail = "another text was stored as this revision of the story"
        refused = [
            refuse(labelled.received, self._topic_raw, Reason.REVISION_CONFLICT, detail, now)
            for labelled, conflicts in zip(work.scored, verdicts, strict=True)
            if conflicts
        ]
        kept = [labelled for labelled, conflicts in zip(work.scored, verdicts, strict=True) if not conflicts]
        return Work(kept, work.rejected + refused)
