"""The words that travel: what is on the bus and what the store takes. Frozen; times are aware and UTC."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, Literal

import msgspec

Language = Literal["en", "zh", "und"]
Label = Literal["negative", "neutral", "positive", "unsure"]

SCHEMA: Final = 2
"""The integer schema of both messages. A reader takes its own and the one before. 2 added `withdrawn`, `entities`,
`novelty` and `supersedes`: a reader of 1 would take a withdrawal for news, so it must be brought up to date first."""

SENTIMENTS: Final = ("negative", "neutral", "positive")
"""Class order of every probability vector, everywhere."""


TIER_DEFAULT: Final = 2
"""Of a source that no setting names: 1 is trusted more, 3 less."""


Utc = Annotated[datetime, msgspec.Meta(tz=True)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Probability = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]


class NewsItem(msgspec.Struct, frozen=True, kw_only=True):
    """One revision of one story as it was received; a line of `news.raw`."""

    story_id: Name
    """Hex SHA-256 prefix of source and the publisher's id or URL; see `story_id_of`."""
    revision: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
    """1 for the first text seen of a story; +1 for each later, different text."""
    content_hash: Name
    source: Name
    title: str
    body: str = ""
    url: str = ""
    language: Language = "und"
    published_at: Utc
    """The publisher's time, or the time of receipt where that could not be believed (see `flags`)."""
    received_at: Utc
    symbols: tuple[str, ...] = ()
    """Symbols that the source itself gave."""
    flags: tuple[str, ...] = ()
    """What was noticed on the way in: `date_suspect`, `text_cleaned`, `body_truncated` ..."""
    withdrawn: bool = False
    """The publisher takes the story back: this revision says nothing, and what was said before no longer holds."""
    original_title: str = ""
    original_body: str = ""
    """As they came, where cleaning took out more than white space: of the title anything, of the body what nobody
    sees. The beginning alone, and empty where there is nothing to show. They travel on the bus; no table holds them."""
    schema: int = SCHEMA


class Novelty(msgspec.Struct, frozen=True, kw_only=True):
    """What was known, when a revision was first scored, of stories that tell the same. Never changed afterwards.

    Windows are of publication. What was published later but received earlier counts as well: it was known.
    """

    cluster_id: Name
    """The id of the story that its cluster began with."""
    copies: Annotated[int, msgspec.Meta(ge=0)]
    """Stories that told it before this one; 0: it is the first. A further copy is heat, never a second event."""
    independent_sources: Annotated[int, msgspec.Meta(ge=1)]
    """Sources that told it in words of their own, this one among them if it does. A verbatim copy confirms nothing."""
    first_seen_at: Utc
    """When the first of the cluster was published."""
    similar_12h: int = 0
    similar_24h: int = 0
    similar_3d: int = 0
    similar_5d: int = 0
    similar_7d: int = 0
    """Similar stories published in so long before it."""
    days_since_similar: float | None = None
    """Since the last similar one was published; None when there was none within `novelty.LOOK_BACK`."""


ScoreKey = tuple[str, int, str]
"""Story id, revision, model version: what is stored exactly once."""


class EntityOpinion(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody whom a story is about, and what a model version says of the story for them."""

    entity_id: Name
    relevance: Probability
    """How much the story is about them; see `newstide.entities.relevance`."""
    link_score: Probability
    """How likely the matched text means them."""
    p_negative: Probability
    p_neutral: Probability
    p_positive: Probability
    """Three equal ones where the model was not asked, or could say nothing."""
    label: Label
    matched: str
    """Characters [start, end) of the title or the body."""
    field: Literal["title", "body"]
    start: Annotated[int, msgspec.Meta(ge=0)]
    end: Annotated[int, msgspec.Meta(ge=0)]

    @property
    def score(self) -> float | None:
        """As `ScoredStory.score`, for the entity."""
        return _score(self.p_negative, self.p_neutral, self.p_positive)


class ScoredStory(msgspec.Struct, frozen=True, kw_only=True):
    """What one model version says of one revision; a line of `news.scored` and a row of the store."""

    item: NewsItem
    model_version: str
    tokenizer_hash: str
    p_negative: Probability
    p_neutral: Probability
    p_positive: Probability
    label: Label
    scored_at: Utc
    topic: str | None = None
    """One of `topics.TOPICS`; None where the model is not sure enough to name one."""
    p_topic: Probability | None = None
    """Of the most probable topic, named or not; None where the model could say nothing."""
    tier: Annotated[int, msgspec.Meta(ge=1, le=3)] = TIER_DEFAULT
    """Of the source, as it was when the story was scored."""
    entities: tuple[EntityOpinion, ...] = ()
    """Whom it is about, most relevant first."""
    entities_version: str = ""
    """The version of the entity master with which they were found; empty where none was sought."""
    novelty: Novelty | None = None
    """None where it was not looked for."""
    supersedes: int | None = None
    """The revision that held until this one; None when it is the first known of its story, or came too late to hold."""
    schema: int = SCHEMA

    @property
    def is_copy(self) -> bool:
        """Whether it repeats an earlier story: it is heat then, and not a second piece of evidence."""
        return self.novelty is not None and self.novelty.copies > 0

    @property
    def key(self) -> ScoreKey:
        return self.item.story_id, self.item.revision, self.model_version

    @property
    def score(self) -> float | None:
        """p_positive - p_negative, in [-1, 1]; None when the model could say nothing.

        That is when there were no words to read, or they were of a language that it has not learned: it then gives
        three equal probabilities, and absent is not zero.
        """
        return _score(self.p_negative, self.p_neutral, self.p_positive)


def _score(p_negative: float, p_neutral: float, p_positive: float) -> float | None:
    return None if p_negative == p_neutral == p_positive else p_positive - p_negative


class Reason(StrEnum):
    """Why an item was refused. The words are stored, shown and counted: never rename one."""

    NOT_JSON = "not_json"
    NOT_UTF8 = "not_utf8"
    WRONG_SHAPE = "wrong_shape"
    UNKNOWN_SCHEMA = "unknown_schema"
    EMPTY_RECORD = "empty_record"
    EMPTY_TEXT = "empty_text"
    TOO_LARGE = "too_large"
    NO_TIME = "no_time"
    SCORER_FAILED = "scorer_failed"
    STORE_REFUSED = "store_refused"
    REVISION_CONFLICT = "revision_conflict"
    CRASHED_REPEATEDLY = "crashed_repeatedly"


class Reject(msgspec.Struct, frozen=True, kw_only=True):
    """One item that cannot go on, with all that is needed to look at it and to send it again.

    `origin` and `position` name the place it came from (topic/partition and offset, or file and line); `line` is the
    line within a packed record, -1 for a whole record. Together with `raw` they are its identity: stored twice, it is
    there once.
    """

    stage: Literal["ingest", "process", "alert"]
    origin: str
    position: int
    line: int = -1
    reason: Reason
    detail: str
    raw: bytes
    at: Utc


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of received stories; received = stored + duplicates + dead, always."""

    stored: int = 0
    duplicates: int = 0
    dead: int = 0

    @property
    def received(self) -> int:
        return self.stored + self.duplicates + self.dead

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.stored + other.stored, self.duplicates + other.duplicates, self.dead + other.dead)


def story_id_of(source: str, publisher_id: str) -> str:
    """The id of a story: 128 bits, hex, of the source's name and what the publisher calls it."""
    return hashlib.sha256(f"{source}\x00{publisher_id}".encode("utf-8", "replace")).hexdigest()[:32]


def content_hash_of(title: str, body: str, *, withdrawn: bool = False) -> str:
    """Equal exactly when title and body are equal, and both texts hold or neither does."""
    mark = "\x00withdrawn" if withdrawn else ""
    return hashlib.sha256(f"{title}\x00{body}{mark}".encode("utf-8", "replace")).hexdigest()[:32]


def partition_of(story_id: str, partitions: int) -> int:
    """The partition of a story: all revisions of one story stay in order, whoever publishes them."""
    try:
        number = int(story_id[:8], 16)
    except ValueError:  # a story of another producer, who calls it otherwise
        number = int(hashlib.sha256(story_id.encode("utf-8", "replace")).hexdigest()[:8], 16)
    return number % partitions
