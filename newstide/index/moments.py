"""What a rollup holds: sums that merge in any order, without a rounding error. Pure.

A story's share of each sum is rounded once, to a millionth, and from there on everything is whole numbers. So merging
is exactly associative, taking a revised story out again leaves nothing behind, and the same rows give the same bytes
whatever order a database adds them up in. 64 bits hold nine million million stories.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from operator import attrgetter
from typing import Final, NamedTuple

import msgspec

from newstide.messages import Label

MICRO: Final = 1_000_000
"""Parts of a unit that the sums count in."""

STREAM: Final = ""
"""The entity of a rollup that counts every story, whatever it is about."""


class Moments(msgspec.Struct, frozen=True):
    """Sums over stories. `count` and the labels are whole stories; weights and scores are in millionths."""

    count: int = 0
    """Stories that are no copy of an earlier one. Only these have a label and a score here."""
    copies: int = 0
    """Repeats of what is counted: heat, not evidence."""
    scored: int = 0
    """Of `count`, those of which the model had an opinion."""
    weight: int = 0
    """Sum of w, the confidence of the opinion times the relevance of the story."""
    weight_squares: int = 0
    """Sum of w^2."""
    score_sum: int = 0
    """Sum of w s, s the score."""
    score_squares: int = 0
    """Sum of w s^2."""
    negative: int = 0
    neutral: int = 0
    positive: int = 0
    unsure: int = 0

    def __add__(self, other: Moments) -> Moments:
        return Moments(*(a + b for a, b in zip(values(self), values(other), strict=True)))

    def __neg__(self) -> Moments:
        return Moments(*(-a for a in values(self)))


NAMES: Final = Moments.__struct_fields__
NOTHING: Final = Moments()
values: Final = attrgetter(*NAMES)
"""All sums of some `Moments`, in the order of NAMES."""


def total(some: Iterable[Moments]) -> Moments:
    sums = [0] * len(NAMES)
    for moments in some:
        for place, value in enumerate(values(moments)):
            sums[place] += value
    return Moments(*sums)


class Opinion(NamedTuple):
    """What the model says, of a story or towards a company."""

    p_negative: float
    p_neutral: float
    p_positive: float
    label: Label

    @property
    def score(self) -> float | None:
        """As `ScoredStory.score`: None where all three are equal."""
        if self.p_negative == self.p_neutral == self.p_positive:
            return None
        return self.p_positive - self.p_negative

    @property
    def confidence(self) -> float:
        """(3 max p - 1) / 2: 0 where all three are equal, 1 where one is certain."""
        return max(0.0, min(1.0, (3 * max(self.p_negative, self.p_neutral, self.p_positive) - 1) / 2))


class Towards(NamedTuple):
    """What a story is for one entity that is linked in it."""

    entity_id: str
    relevance: float
    """0-1."""
    opinion: Opinion


class Fact(NamedTuple):
    """All that the rollups know of a story."""

    published_at: datetime
    language: str
    source: str
    tier: int
    topic: str
    """'' where the model named none."""
    copy: bool
    """Whether it repeats an earlier story."""
    opinion: Opinion
    entities: tuple[Towards, ...] = ()
    withdrawn: bool = False
    """Whether its publisher took it back: it counts nowhere."""

    @property
    def minute(self) -> int:
        return minute_of(self.published_at)


class Place(NamedTuple):
    """What a rollup sums over, besides time. `source` is only known of the whole stream."""

    entity_id: str
    topic: str
    language: str
    tier: int
    source: str


def minute_of(at: datetime) -> int:
    """Whole minutes since 1970, UTC."""
    return int(at.timestamp() // 60)


def contribution(opinion: Opinion, copy: bool = False, relevance: float = 1.0) -> Moments:
    """What one story adds."""
    if copy:
        return Moments(copies=1)
    label = {opinion.label: 1}
    score = opinion.score
    if score is None:
        return Moments(count=1, **label)
    weight = opinion.confidence * relevance
    return Moments(
        count=1,
        scored=1,
        weight=round(weight * MICRO),
        weight_squares=round(weight**2 * MICRO),
        score_sum=round(weight * score * MICRO),
        score_squares=round(weight * score**2 * MICRO),
        **label,
    )


def contributions(fact: Fact) -> Iterator[tuple[Place, Moments]]:
    """What a story adds, and where: to the whole stream, and to each entity by its own opinion and relevance."""
    if fact.withdrawn:
        return
    yield (
        Place(STREAM, fact.topic, fact.language, fact.tier, fact.source),
        contribution(fact.opinion, fact.copy),
    )
    for each in fact.entities:
        yield (
            Place(each.entity_id, fact.topic, fact.language, fact.tier, ""),
            contribution(each.opinion, fact.copy, each.relevance),
        )
