"""What the engine remembers of stories: one window for each subject that a rule measures. Pure.

Times are whole microseconds since 1970: additions are exact, so a story leaves a window at one moment and no other.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from newstide.alerting.firing import Evidence
from newstide.index.moments import NAMES, Moments, Opinion, contribution, values
from newstide.messages import EntityOpinion, ScoredStory

MICROS: Final = 1_000_000
"""Of a second."""
ENTRIES_MAX: Final = 5_000
"""Of one subject: the oldest go first. Three stories a minute over a day; what has more of them has them sooner."""
EVIDENCE_MAX: Final = 5
TITLE_CHARS_MAX: Final = 300
URL_CHARS_MAX: Final = 1_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_ZERO: Final = (0,) * len(NAMES)


def micros(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND


def moment(us: int) -> datetime:
    return _EPOCH + us * _MICROSECOND


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A story as it counts for one subject; the opinion is the one towards it."""

    evidence: Evidence
    received_at: datetime
    relevance: float
    p: tuple[float, float, float]
    copy: bool

    @property
    def at_us(self) -> int:
        return micros(self.evidence.published_at)

    @property
    def moments(self) -> Moments:
        return contribution(Opinion(*self.p, self.evidence.label), self.copy, self.relevance)


def seen_of(story: ScoredStory, towards: EntityOpinion | None) -> Seen:
    """The story for the whole stream, or for one of its entities."""
    item, novelty = story.item, story.novelty
    said: ScoredStory | EntityOpinion = story if towards is None else towards
    evidence = Evidence(
        story_id=item.story_id,
        revision=item.revision,
        title=item.title[:TITLE_CHARS_MAX],
        url=item.url[:URL_CHARS_MAX],
        source=item.source,
        published_at=item.published_at,
        score=said.score,
        label=said.label,
        model_version=story.model_version,
        cluster_id=novelty.cluster_id if novelty else item.story_id,
        copies=novelty.copies if novelty else 0,
    )
    return Seen(
        evidence=evidence,
        received_at=item.received_at,
        relevance=1.0 if towards is None else towards.relevance,
        p=(said.p_negative, said.p_neutral, said.p_positive),
        copy=story.is_copy,
    )


class Window:
    """The stories of one subject in the order of publication, with running sums: any stretch is one subtraction."""

    def __init__(self) -> None:
        self._order: list[tuple[int, str]] = []
        self._seen: dict[str, Seen] = {}
        self._sums: list[tuple[int, ...]] = [_ZERO]

    def __len__(self) -> int:
        return len(self._order)

    def get(self, story_id: str) -> Seen | None:
        return self._seen.get(story_id)

    def revision_of(self, story_id: str) -> int:
        """Of the story that is held; 0 where none is."""
        held = self._seen.get(story_id)
        return held.evidence.revision if held else 0

    def put(self, seen: Seen) -> None:
        """Take a story in, in the place of its earlier revision where there is one."""
        story_id = seen.evidence.story_id
        self.drop(story_id)
        key = (seen.at_us, story_id)
        self._seen[story_id] = seen
        if not self._order or key > self._order[-1]:
            self._order.append(key)
            self._sums.append(_plus(self._sums[-1], seen))
        else:
            insort(self._order, key)
            self._sum_from(bisect_left(self._order, key))

    def drop(self, story_id: str) -> bool:
        """Whether it was there."""
        seen = self._seen.pop(story_id, None)
        if seen is None:
            return False
        place = bisect_left(self._order, (seen.at_us, story_id))
        del self._order[place]
        self._sum_from(place)
        return True

    def _sum_from(self, place: int) -> None:
        del self._sums[place + 1 :]
        for _, story_id in self._order[place:]:
            self._sums.append(_plus(self._sums[-1], self._seen[story_id]))

    def forget(self, until_us: int) -> list[str]:
        """Let go of what was published until then, and of the oldest past ENTRIES_MAX; returns their ids."""
        place = max(self._upto(until_us), len(self._order) - ENTRIES_MAX)
        gone = [story_id for _, story_id in self._order[:place]]
        if gone:
            del self._order[:place], self._sums[:place]
            for story_id in gone:
                del self._seen[story_id]
        return gone

    def _upto(self, us: int) -> int:
        return bisect_right(self._order, us, key=lambda key: key[0])

    def between(self, after_us: int, until_us: int) -> Moments:
        """Of stories published after `after_us` and until `until_us`."""
        low, high = self._sums[self._upto(after_us)], self._sums[self._upto(until_us)]
        return Moments(*(b - a for a, b in zip(low, high, strict=True)))

    def within(self, after_us: int, until_us: int) -> Iterator[Seen]:
        for _, story_id in self._order[self._upto(after_us) : self._upto(until_us)]:
            yield self._seen[story_id]

    def first_after(self, us: int) -> int | None:
        """When the first story after that moment was published."""
        place = self._upto(us)
        return self._order[place][0] if place < len(self._order) else None

    def last_until(self, us: int) -> int | None:
        """When the last story until that moment was published."""
        place = self._upto(us)
        return self._order[place - 1][0] if place else None


def _plus(sums: tuple[int, ...], seen: Seen) -> tuple[int, ...]:
    return tuple(a + b for a, b in zip(sums, values(seen.moments), strict=True))
