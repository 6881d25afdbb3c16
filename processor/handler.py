"""What the consume loop calls: score, announce, write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import accumulate

import numpy as np
from msgspec.structs import replace

from newstide.bus.port import Producer, Record
from newstide.entities.linking import Linker
from newstide.errors import ModelInvalid
from newstide.messages import Reason, Tally
from newstide.scoring.batching import score_encoded
from newstide.scoring.port import Scorer
from newstide.service import Service
from newstide.settings import Settings
from newstide.store import writes
from newstide.store.database import Transaction
from processor.pipeline import (
    Labelled,
    Received,
    Work,
    announcements,
    decode,
    label,
    refuse,
    refuse_record,
    tally,
    texts_of,
)
from processor.shadow import Shadow
from processor.subjects import links_of, opinions_of, questions


class ScoreStories:
    """The handler of `news.raw`; see `newstide.consume.port.Handler`."""

    def __init__(  # noqa: PLR0917 - its surroundings, each given once
        self,
        settings: Settings,
        scorer: Scorer,
        producer: Producer,
        service: Service,
        shadow: Shadow | None = None,
        linker: Linker | None = None,
    ) -> None:
        self._topic_raw, self._topic_scored = settings.bus.topic_raw, settings.bus.topic_scored
        self._token_budget = settings.model.token_budget
        self._scorer, self._producer, self._service, self._shadow = scorer, producer, service, shadow
        self._linker = linker or Linker(())
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
        try:
            return Work(self._labelled(received))
        except ModelInvalid as error:
            if len(received) == 1:
                return Work(
                    rejected=[
                        refuse(received[0], self._topic_raw, Reason.SCORER_FAILED, error.why, self._service.clock.now())
                    ]
                )
        middle = len(received) // 2
        first, second = self._score(received[:middle]), self._score(received[middle:])
        return Work(first.scored + second.scored, first.rejected + second.rejected)

    def _labelled(self, received: Sequence[Received]) -> list[Labelled]:
        """One run of the model over what is asked of these stories: of each as a whole, and for those it is about."""
        links = [links_of(each.item, self._linker) for each in received]
        asked = [questions(each.item, found) for each, found in zip(received, links, strict=True)]
        passes = self._scorer.encode(texts_of(received))
        passes += self._scorer.encode_pairs([question for some in asked for question in some])
        said = score_encoded(self._scorer, passes, self._token_budget)
        if not np.isfinite(said.sentiment).all():
            raise ModelInvalid("the model answered with something that is no number", why="NaN or infinity")
        rows = accumulate(map(len, asked), initial=len(received))
        about = [opinions_of(found, said, row) for found, row in zip(links, rows, strict=False)]
        labelled = label(received, said, self._scorer, self._service.clock.now())
        return [
            each._replace(story=replace(each.story, entities=entities, entities_version=self._linker.version))
            for each, entities in zip(labelled, about, strict=True)
        ]

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
