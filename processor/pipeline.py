"""From records to scored stories, in steps without a clock, a model or a store. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, NamedTuple

import msgspec

from newstide.bus.port import Outgoing, Record
from newstide.codec import BadLine, decode_items, encode, pack
from newstide.messages import (
    TIER_DEFAULT,
    NewsItem,
    Novelty,
    Reason,
    Reject,
    ScoredStory,
    ScoreKey,
    Tally,
    partition_of,
)
from newstide.novelty.cluster import Member
from newstide.scoring.port import Opinions, Probabilities, Scorer, label_of, topic_of
from newstide.text import model_input

UNSTORABLE: Final = {0: None} | {code: "\ufffd" for code in range(0xD800, 0xE000)}
"""NUL and lone surrogates: what a database cannot hold as text."""


_TEXTS: Final = ("story_id", "content_hash", "source", "title", "body", "url")

Rejected = tuple[int, Reject]
"""A reject, and the partition that it came by."""


@dataclass(frozen=True, slots=True)
class Received:
    """A story, and the place in the log that it came from."""

    partition: int
    offset: int
    line: int
    item: NewsItem


class Labelled(NamedTuple):
    """A story with what the model says of it, and how it was received."""

    received: Received
    story: ScoredStory


@dataclass(slots=True)
class Work:
    """What a turn is to store: every story of its records is in here exactly once."""

    scored: list[Labelled] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    shadow: list[ScoredStory] = field(default_factory=list)
    """What a candidate says of the scored ones; neither announced nor counted."""
    judged: list[tuple[Novelty, Member]] = field(default_factory=list)
    """What is to be kept of those whose novelty is new."""


def decode(records: Sequence[Record], topic: str, now: datetime) -> tuple[list[Received], list[Rejected]]:
    """The stories in the records, and what cannot be one. Never raises on content."""
    good: list[Received] = []
    bad: list[Rejected] = []
    for record in records:
        items, lines = decode_items(record.value)
        bad += [(record.partition, _reject(topic, record.partition, record.offset, line, now)) for line in lines]
        for number, item in items:
            received = Received(record.partition, record.offset, number, storable(item))
            if not (received.item.withdrawn or model_input(received.item.title, received.item.body)):
                bad.append(refuse(received, topic, Reason.EMPTY_TEXT, "there is nothing to read in it", now))
            elif not datable(received.item):
                bad.append(refuse(received, topic, Reason.NO_TIME, "a time beyond the calendar", now))
            else:
                good.append(received)
    return good, bad


def refuse(received: Received, topic: str, reason: Reason, detail: str, now: datetime) -> Rejected:
    """A story that was read but can go no further, written out again as it came."""
    line = BadLine(received.line, encode(received.item), reason, detail)
    return received.partition, _reject(topic, received.partition, received.offset, line, now)


def refuse_record(record: Record, topic: str, reason: Reason, detail: str, now: datetime) -> Rejected:
    """A record set aside as it is, not looked into."""
    line = BadLine(-1, record.value or b"", reason, detail)
    return record.partition, _reject(topic, record.partition, record.offset, line, now)


def _reject(topic: str, partition: int, offset: int, line: BadLine, now: datetime) -> Reject:
    return Reject(
        stage="process",
        origin=f"{topic}/{partition}",
        position=offset,
        line=line.line,
        reason=line.reason,
        detail=line.detail,
        raw=line.raw,
        at=now,
    )


def storable(item: NewsItem) -> NewsItem:
    """The story without what a database refuses; flagged when anything had to go."""
    fields: dict[str, object] = {name: getattr(item, name).translate(UNSTORABLE) for name in _TEXTS}
    fields |= {name: tuple(text.translate(UNSTORABLE) for text in getattr(item, name)) for name in ("symbols", "flags")}
    if all(fields[name] == getattr(item, name) for name in fields):
        return item
    return msgspec.structs.replace(msgspec.structs.replace(item, **fields), flags=(*item.flags, "text_cleaned"))


def datable(item: NewsItem) -> bool:
    """Whether its times exist in UTC: the last hours of the year 9999 west of Greenwich can be written, never read."""
    try:
        return all(time.astimezone(UTC) for time in (item.published_at, item.received_at))
    except OverflowError:
        return False


def texts_of(received: Iterable[Received]) -> list[str]:
    """What the model is to read. Of a withdrawal nothing: it has no opinion of what no longer holds."""
    return ["" if r.item.withdrawn else model_input(r.item.title, r.item.body) for r in received]


def label(
    received: Sequence[Received], opinions: Opinions, scorer: Scorer, now: datetime, tiers: Mapping[str, int]
) -> list[Labelled]:
    """Stories with what the model says of them; `opinions` has a row for each, in order, and more may follow.

    `tiers` is by source.
    """
    return [
        Labelled(
            r,
            ScoredStory(
                item=r.item,
                model_version=scorer.version,
                tokenizer_hash=scorer.tokenizer_hash,
                p_negative=float(row[0]),
                p_neutral=float(row[1]),
                p_positive=float(row[2]),
                label=label_of(row, confidence),
                scored_at=now,
                topic=topic_of(topics, scorer.topics, topic_confidence),
                p_topic=_largest(topics),
                tier=tiers.get(r.item.source, TIER_DEFAULT),
            ),
        )
        for r, row, topics, confidence, topic_confidence in zip(received, *opinions, strict=False)
    ]


def _largest(topics: Probabilities) -> float | None:
    """None where all are equal: nothing was said. At most 1, which a float32 softmax may miss by a rounding."""
    return None if topics.min() == topics.max() else min(1.0, float(topics.max()))


def announcements(scored: Iterable[ScoredStory], partitions: int) -> list[Outgoing]:
    """Records of `news.scored`: packed by partition, each story in the partition of its id."""
    lines: dict[int, list[tuple[str, bytes]]] = {}
    for story in scored:
        partition = partition_of(story.item.story_id, partitions)
        lines.setdefault(partition, []).append((story.item.story_id, encode(story)))
    outgoing: list[Outgoing] = []
    for partition, keyed in sorted(lines.items()):
        first = 0
        for value, count in pack(line for _, line in keyed):
            outgoing.append(Outgoing(partition, keyed[first][0].encode(), value))
            first += count
    return outgoing


def tally(work: Work, new: Collection[ScoreKey]) -> dict[int, Tally]:
    """What became of the stories of each partition: a story met twice in one batch is stored once."""
    left = set(new)
    counts: dict[int, Counter[str]] = {}
    for received, story in work.scored:
        key = story.key
        counts.setdefault(received.partition, Counter())["stored" if key in left else "duplicates"] += 1
        left.discard(key)
    for partition, _ in work.rejected:
        counts.setdefault(partition, Counter())["dead"] += 1
    return {partition: Tally(**count) for partition, count in counts.items()}
