"""From records to stories, and what cannot be one. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from newstide.bus.port import Record
from newstide.codec import BadLine, decode_stories
from newstide.messages import Reason, Reject, ScoredStory, Tally


@dataclass(slots=True)
class Work:
    """What a turn holds against the rules, each with the partition that it came by."""

    stories: list[tuple[int, ScoredStory]] = field(default_factory=list)
    rejected: list[tuple[int, Reject]] = field(default_factory=list)


def decode(records: Sequence[Record], topic: str, now: datetime) -> Work:
    """Never raises on content."""
    work = Work()
    for record in records:
        good, bad = decode_stories(record.value)
        for line, story in good:
            if _datable(story):
                work.stories.append((record.partition, story))
            else:
                bad.append(BadLine(line, record.value or b"", Reason.NO_TIME, "a time beyond the calendar"))
        work.rejected += [(record.partition, refuse(record, topic, line, now)) for line in bad]
    return work


def refuse(record: Record, topic: str, line: BadLine, now: datetime) -> Reject:
    return Reject(
        stage="alert",
        origin=f"{topic}/{record.partition}",
        position=record.offset,
        line=line.line,
        reason=line.reason,
        detail=line.detail,
        raw=line.raw,
        at=now,
    )


def _datable(story: ScoredStory) -> bool:
    """Whether its times exist in UTC, with some room on both sides for windows."""
    try:
        years = [t.astimezone(UTC).year for t in (story.item.published_at, story.item.received_at)]
    except OverflowError:
        return False
    return all(2 <= year < 9_999 for year in years)


def tally(work: Work) -> dict[int, Tally]:
    stored = Counter(partition for partition, _ in work.stories)
    dead = Counter(partition for partition, _ in work.rejected)
    return {p: Tally(stored=stored[p], dead=dead[p]) for p in sorted(stored.keys() | dead.keys())}
