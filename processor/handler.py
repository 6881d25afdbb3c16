"""What the consume loop calls: score, announce, write."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from newstide.bus.port import Producer, Record
from newstide.errors import ModelInvalid
from newstide.messages import Reason, Tally
from newstide.service import Service
from newstide.settings import Settings
from newstide.store import novelty, retention, writes
from newstide.store.database import Database, Transaction
from processor.novelty import judge, renumbered, tellings_of
from processor.pipeline import Received, Work, announcements, decode, refuse, refuse_record, tally
from processor.reading import Reader
from processor.shadow import Shadow


class ScoreStories:
    """The handler of `news.raw`; see `newstide.consume.port.Handler`."""

    def __init__(
        self,
        settings: Settings,
        reading: Callable[[], Reader],
        producer: Producer,
        database: Database,
        service: Service,
        shadow: Shadow | None = None,
    ) -> None:
        """`reading` says at the beginning of each turn who reads in it."""
        self._topic_raw, self._topic_scored = settings.bus.topic_raw, settings.bus.topic_scored
        self._keep = settings.rollups.keep
        self._reading, self._producer, self._database = reading, producer, database
        self._service, self._shadow = service, shadow
        self._partitions_out = producer.partitions(self._topic_scored)

    def prepare(self, records: Sequence[Record]) -> Work:
        clock = self._service.clock
        received, rejected = decode(records, self._topic_raw, clock.now())
        reader = self._reading()
        started_s = clock.monotonic()
        work = self._score(received, reader)
        self._service.metrics.observe("processor_score_seconds", clock.monotonic() - started_s)
        return Work(work.scored, rejected + work.rejected, self._shadow.score(work.scored) if self._shadow else [])

    def _score(self, received: Sequence[Received], reader: Reader) -> Work:
        """Together; where the model fails, in halves, until the story that it fails on stands alone."""
        if not received:
            return Work()
        try:
            return Work(reader.read(received, self._service.clock.now()))
        except ModelInvalid as error:
            if len(received) == 1:
                return Work(
                    rejected=[
                        refuse(received[0], self._topic_raw, Reason.SCORER_FAILED, error.why, self._service.clock.now())
                    ]
                )
        middle = len(received) // 2
        first, second = self._score(received[:middle], reader), self._score(received[middle:], reader)
        return Work(first.scored + second.scored, first.rejected + second.rejected)

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
