"""Labels from people: what a line of them means, which of several holds, and which story to ask about next. Pure."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, Final, Literal

import msgspec

from newstide.messages import Label, Language, Name, Utc
from newstide.text import fold, language_of, model_input
from newstide.topics import TOPICS

Sentiment = Literal["negative", "neutral", "positive"]
Why = Literal["disagreement", "unsure", "entropy", "unread"]
"""Why a story is asked about: versions lean apart, one is unsure, the probabilities are so even, none can read it."""

NAME_CHARS_MAX: Final = 64
"""Of a company or an annotator."""
NOTE_CHARS_MAX: Final = 2_000
LINE_BYTES_MAX: Final = 1 << 16
"""Of a line: far more than the 4,096 characters of a text that are read."""
_EVEN: Final = math.log(3)
_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One line of an exchange of labels (NDJSON). A misspelt field is refused: the label would be of something else."""

    story_id: Name | None = None
    text: str | None = None
    """Without it, the text of the latest revision of `story_id`."""
    entity: str | None = None
    """The company that the label is about; without it, the label is about the story."""
    label: Sentiment | None = None
    topic: str | None = None
    """Of the story, whoever `entity` is."""
    annotator: Name | None = None
    note: Annotated[str, msgspec.Meta(max_length=NOTE_CHARS_MAX)] = ""
    model: Name | None = None
    """The version of the model that was corrected."""
    created_at: Utc | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one person says of one text, or of one company in it. `text` and `entity` are in `model_input` form."""

    story_id: str | None
    text: str
    text_hash: str
    language: Language
    entity: str | None
    sentiment: Sentiment | None
    topic: str | None
    annotator: str
    note: str
    model_version: str | None
    created_at: datetime

    @property
    def key(self) -> Key:
        return self.annotator, self.text_hash, self.entity

    @property
    def said(self) -> tuple[str | None, ...]:
        return self.sentiment, self.topic, self.note


Key = tuple[str, str, str | None]
"""Annotator, text hash, entity: of the judgements that share it, the last holds."""


@dataclass(frozen=True, slots=True)
class StoryText:
    """A stored story as the model reads it, and the version that scored it last."""

    text: str
    model_version: str | None


@dataclass(frozen=True, slots=True)
class Given:
    """What a line leaves to its surroundings."""

    annotator: str
    now: datetime


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one model version says of a story. `probabilities`: in the order of SENTIMENTS, sum 1."""

    model_version: str
    probabilities: tuple[float, float, float]
    label: Label

    @property
    def read(self) -> bool:
        """Whether it has read the story: three equal probabilities say that it could not."""
        return len(set(self.probabilities)) > 1

    @property
    def leaning(self) -> int:
        """The index of the largest probability, whether or not it is large enough for a label."""
        return self.probabilities.index(max(self.probabilities))


@dataclass(frozen=True, slots=True)
class Candidate:
    """A stored story with what every model version said of it."""

    story_id: str
    text: str
    opinions: tuple[Opinion, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """A story to ask a person about. `entropy`: 0 one class for certain, 1 all three alike (mean of the versions)."""

    candidate: Candidate
    reason: Why
    entropy: float


class NotALabel(ValueError):
    """A line that holds no usable label; the message says why."""


def text_hash_of(text: str) -> str:
    """128 bits, hex, of a text in `model_input` form: the same for all spellings that the model reads alike."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]


def read_line(raw: bytes) -> Line:
    """Raises NotALabel on anything that is not a line with a label or a topic on a story or a text."""
    if len(raw) > LINE_BYTES_MAX:
        raise NotALabel(f"longer than {LINE_BYTES_MAX:,} bytes")
    try:
        line = msgspec.json.decode(raw, type=Line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise NotALabel(str(error)) from error
    if line.label is None and line.topic is None:
        raise NotALabel("neither `label` nor `topic`")
    if line.story_id is None and line.text is None:
        raise NotALabel("neither `story_id` nor `text`")
    if any("\0" in (name or "") for name in (line.story_id, line.model)):  # no database could look for it
        raise NotALabel("`story_id` or `model` holds a NUL character")
    if line.topic is not None and line.topic not in TOPICS:
        raise NotALabel(f"topic {line.topic!r} is none of {', '.join(TOPICS)}")
    return line


def write_line(judgement: Judgement) -> bytes:
    """The line, without its end, from which `read_line` and `judge` make an equal judgement."""
    return msgspec.json.encode(
        Line(
            story_id=judgement.story_id,
            text=judgement.text,
            entity=judgement.entity,
            label=judgement.sentiment,
            topic=judgement.topic,
            annotator=judgement.annotator,
            note=judgement.note,
            model=judgement.model_version,
            created_at=judgement.created_at,
        )
    )


def judge(line: Line, story: StoryText | None, given: Given) -> Judgement:
    """A line made whole. `story` is the stored story that it names, if there is one. Raises NotALabel."""
    if line.text is None and story is None:
        raise NotALabel(f"there is no story {line.story_id}")
    if line.created_at is not None and not _FIRST <= line.created_at <= given.now:
        raise NotALabel("`created_at` has not come yet, or never was")  # the future would hold against every later word
    text = model_input(line.text) if line.text is not None else story.text if story else ""
    entity = None if line.entity is None else model_input(line.entity)[:NAME_CHARS_MAX].rstrip()
    if not text or entity == "":
        raise NotALabel("there is nothing to read in `text`" if not text else "there is nothing to read in `entity`")
    return Judgement(
        story_id=line.story_id,
        text=text,
        text_hash=text_hash_of(text),
        language=language_of(text),
        entity=entity,
        sentiment=line.label,
        topic=line.topic,
        annotator=fold(line.annotator or "")[:NAME_CHARS_MAX].rstrip() or given.annotator,
        note=fold(line.note),
        model_version=line.model or (story.model_version if story else None),
        created_at=line.created_at or given.now,
    )


def settle(standing: Mapping[Key, Judgement], said: Iterable[Judgement]) -> list[Judgement]:
    """What must be added so that the last of each key holds what is said last; nothing where it does already.

    A judgement older than the one that holds is left out; what it leaves open (label, topic, note) stays as it was.
    Taking the same in again therefore adds nothing.
    """
    last = dict(standing)
    for judgement in sorted(said, key=lambda judgement: judgement.created_at):
        known = last.get(judgement.key)
        if known is None:
            last[judgement.key] = judgement
        elif judgement.created_at >= known.created_at:
            last[judgement.key] = replace(
                judgement,
                sentiment=judgement.sentiment or known.sentiment,
                topic=judgement.topic or known.topic,
                note=judgement.note or known.note,
            )
    return [each for key, each in last.items() if key not in standing or each.said != standing[key].said]


def questions(candidates: Iterable[Candidate], labelled: Collection[str], count: int, seed: int = 0) -> list[Question]:
    """The `count` stories whose label would teach most, the best first.

    Those on which model versions lean apart come first, then those on which one is unsure, then the rest; within each
    the more even probabilities first; those that no model has read come last. Of texts with one hash only the first is
    asked about, and none that is in `labelled`. The seed decides among equals.
    """
    found: dict[str, Question] = {}
    for question in sorted(map(_question, candidates), key=lambda question: _rank(question, seed)):
        text_hash = text_hash_of(question.candidate.text)
        if text_hash not in labelled:
            found.setdefault(text_hash, question)
        if len(found) >= count:
            break
    return list(found.values())


_ORDER: Final[tuple[Why, ...]] = ("disagreement", "unsure", "entropy", "unread")


def _rank(question: Question, seed: int) -> tuple[int, float, str]:
    lot = hashlib.sha256(f"{seed}:{text_hash_of(question.candidate.text)}".encode()).hexdigest()
    return _ORDER.index(question.reason), -question.entropy, lot


def _question(candidate: Candidate) -> Question:
    opinions = [opinion for opinion in candidate.opinions if opinion.read]
    reason: Why = "entropy"
    if not opinions:
        reason = "unread"
    elif len({opinion.leaning for opinion in opinions}) > 1:
        reason = "disagreement"
    elif any(opinion.label == "unsure" for opinion in opinions):
        reason = "unsure"
    return Question(candidate, reason, _entropy([opinion.probabilities for opinion in opinions]))


def _entropy(rows: Sequence[tuple[float, float, float]]) -> float:
    if not rows:
        return 1.0
    mean = [sum(column) / len(rows) for column in zip(*rows, strict=True)]
    return math.fsum(-p * math.log(p) for p in mean if p > 0) / _EVEN
