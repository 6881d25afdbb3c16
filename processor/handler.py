"""What the consume loop calls: score, announce, write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
from newstide.store import novelty, retention, writes
from newstide.store.database import Database, Transaction
from processor.novelty import judge, renumbered, tellings_of
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


@dataclass(frozen=True, slots=True)
class Readers:
    """Who is asked about a story: the model, the names, and a candidate that scores beside."""

    scorer: Scorer
    linker: Linker = field(default_factory=lambda: Linker(()))
    shadow: Shadow | None = None


class ScoreStories:
    """The handler of `news.raw`; see `newstide.consume.port.Handler`."""

    def __init__(
        self, settings: Settings, readers: Readers, producer: Producer, database: Database, service: Service
    ) -> None:
        self._topic_raw, self._topic_scored = settings.bus.topic_raw, settings.bus.topic_scored
        self._token_budget = settings.model.token_budget
        self._tiers, self._keep = settings.rollups.tiers, settings.rollups.keep
        self._scorer, self._linker, self._shadow = readers.scorer, readers.linker, readers.shadow
        self._producer, self._database, self._service = producer, database, service
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
        labelled = label(received, said, self._scorer, self._service.clock.now(), self._tiers)
        return [
            each._replace(story=replace(each.story, entities=entities, entities_version=self._linker.version))
            for each, entities in zip(labelled, about, strict=True)
        ]

    def give_up(self, record: Record, reason: Reason, detail: str) -> Work:
        return Work(rejected=[refuse_record(record, self._topic_raw, reason, detail, self._service.clock.now())])

    def announce(self, work: Work) -> None:
        self._look_up(work)
        stories = [story for _, story in work.scored]
        if stories:
            self._producer.publish(self._topic_scored, announcements(stories, self._partitions_out))

    def _look_up(self, work: Work) -> None:
        """Tell the stories what is known of their like. As late as can be: what another processor stores between this
        and our commit is not seen (docs/novelty.md, "The race")."""
        started_s = self._service.clock.monotonic()
        if not work.scored:
            return
        with self._database.transaction() as connection:
            held = novelty.held(connection, [story.item.story_id for _, story in work.scored])
        scored = renumbered(work.scored, held)
        tellings = tellings_of([story.item for _, story in scored])
        with self._database.transaction() as connection:
            own = {h.novelty.cluster_id for revisions in held.values() for h in revisions if h.novelty is not None}
            known = novelty.around(connection, tellings, own)
        work.scored, work.judged = judge(scored, tellings, held, known)
        self._service.metrics.observe("processor_novelty_seconds", self._service.clock.monotonic() - started_s)

    def write(self, transaction: Transaction, work: Work, now: datetime) -> Mapping[int, Tally]:
        in_shadow, work = work.shadow, self._without_conflicts(transaction, work, now)
        stories = [story for _, story in work.scored]
        new = writes.add_stories(transaction, stories, now)
        kept = {(story.item.story_id, story.item.revision) for story in stories}
        judged = [said for said in work.judged if (said[1].telling.story_id, said[1].telling.revision) in kept]
        novelty.add(transaction, judged, now)
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
        return Work(kept, work.rejected + refused, judged=work.judged)
