"""A rule as data: about whom, what is measured, when it is said and how long it stays quiet. Pure; stored as JSON.

`reading` makes rules of text, `writing` text of rules, `naming` knows the entities. docs/alerts.md has the language.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Final, Literal

import msgspec

from newstide.alerting.firing import Severity
from newstide.messages import Label

SECOND: Final = 1
MINUTE: Final = 60
HOUR: Final = 3_600
DAY: Final = 86_400
WINDOW_S_MAX: Final = 14 * DAY
"""Of one measure: two weeks. What moves slower is a trend, and stands on the dashboard."""
QUIET_S_MAX: Final = 30 * DAY
"""Of `for` and `cooldown`."""
CLAUSES_MAX: Final = 16
"""Of one rule, over all its alternatives: what a person can still read."""
TEXT_CHARS_MAX: Final = 2_000
"""Of a rule as it is written."""
PHRASE_CHARS_MAX: Final = 200
NUMBER_MAX: Final = 1e9

Slug = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$")]
"""What rules and watchlists are called."""
NameText = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class SubjectKind(StrEnum):
    EVERYTHING = "everything"
    ENTITY = "entity"
    WATCHLIST = "watchlist"
    """Each of its members apart."""
    SECTOR = "sector"
    """Each entity of it apart."""
    TOPIC = "topic"
    SOURCE = "source"
    SYSTEM = "system"
    """newstide itself."""


class Subject(msgspec.Struct, frozen=True):
    """`name` is an entity's id, a watchlist, a sector, a topic, a source; of everything and the system it is empty."""

    kind: SubjectKind
    name: Annotated[str, msgspec.Meta(max_length=64)] = ""


class Measure(StrEnum):
    """What a clause compares. The words are the language's own, and stored: never rename one."""

    SCORE = "score"
    """Confidence-weighted mean of the window, [-1, 1] (index.formulas.estimate)."""
    CHANGE = "change"
    """That mean less the one of as long a window before it."""
    NEGATIVE_SHARE = "negative share"
    """Stories labelled negative / stories, 0-1."""
    STORIES = "stories"
    """Independent ones."""
    COPIES = "copies"
    """Repeats: heat."""
    VOLUME = "volume"
    """Stories / expected ones (index.baseline)."""
    VOLUME_Z = "volume z"
    """The same in standard deviations (Anscombe 1948)."""
    SURPRISE = "surprise"
    """Distance of the mean from the subject's own usual, in standard errors (index.surprise)."""
    LAG = "lag"
    """Of the system: records on the bus that a consumer has not read."""
    DEAD_LETTERS = "dead letters"
    """Of the system: set aside within the window."""
    SILENCE = "silence"
    """Of the system: seconds since a source was last read with success, each source apart."""
    TROUBLE = "trouble"
    """Of the system: 1 for a polled source that is dead, quiet or overdue (newstide.sources), 0 for another."""
    DRIFT = "drift"
    """Of the system: how far the shares of the labels of the window lie from those of four weeks before, 0-1."""
    UNDELIVERED = "undelivered"
    """Of the system: messages that wait for a receiver, or were given up."""


OF_SYSTEM: Final = frozenset({
    Measure.LAG, Measure.DEAD_LETTERS, Measure.SILENCE, Measure.TROUBLE, Measure.DRIFT, Measure.UNDELIVERED
})  # fmt: skip
WITHOUT_WINDOW: Final = frozenset({Measure.LAG, Measure.SILENCE, Measure.TROUBLE, Measure.UNDELIVERED})
"""Measures of a moment."""
COUNTS: Final = frozenset({Measure.STORIES, Measure.COPIES, Measure.VOLUME, Measure.VOLUME_Z})
"""Measures of how much there is. A rule is looked at when a story comes, so it would never see that none does."""
SHARES: Final = frozenset({Measure.NEGATIVE_SHARE, Measure.DRIFT})
"""Between 0 and 1; written as a percentage."""
DURATIONS: Final = frozenset({Measure.SILENCE})
"""Measured in seconds; written as a length of time."""

Comparison = Literal["<", "<=", ">", ">="]
Number = Annotated[float, msgspec.Meta(ge=-NUMBER_MAX, le=NUMBER_MAX)]


def compares(value: float, comparison: Comparison, bound: float) -> bool:
    match comparison:
        case "<":
            return value < bound
        case "<=":
            return value <= bound
        case ">":
            return value > bound
        case _:
            return value >= bound


class WindowClause(msgspec.Struct, frozen=True, tag="window"):
    """A number of a stretch of time, compared. While the alert stands, `until` is compared instead of `threshold`."""

    measure: Measure
    comparison: Comparison
    threshold: Number
    window_s: Annotated[int, msgspec.Meta(ge=0, le=WINDOW_S_MAX)]
    """0: of a moment."""
    until: Number | None = None

    def holds(self, value: float | None, standing: bool) -> bool:
        """No data never holds."""
        return value is not None and compares(value, self.comparison, self.bound(standing))

    def bound(self, standing: bool) -> float:
        return self.until if standing and self.until is not None else self.threshold

    @property
    def falling(self) -> bool:
        return self.comparison.startswith("<")


class StoryClause(msgspec.Struct, frozen=True, tag="story"):
    """One story, by itself: all that is given must be so. Label and score are those towards the rule's entity."""

    label: Literal["negative", "neutral", "positive"] | None = None
    topic: Annotated[str, msgspec.Meta(max_length=32)] = ""
    mentions: Annotated[str, msgspec.Meta(max_length=64)] = ""
    """An entity beside the subject."""
    phrase: Annotated[str, msgspec.Meta(max_length=PHRASE_CHARS_MAX)] = ""
    """Words of title or body, in this order; no pattern, so nothing can be slow."""
    comparison: Comparison | None = None
    score: Number | None = None


Clause = WindowClause | StoryClause


class NoData(StrEnum):
    """What becomes of a standing alert, or is said, when there is nothing to measure."""

    RESOLVE = "resolve"
    KEEP = "keep"
    TELL = "tell"
    """As `resolve`, and silence as long as the window after a story is told."""


class Rule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What somebody wants to be told. It holds where all clauses of one alternative do."""

    subject: Subject
    any_of: tuple[tuple[Clause, ...], ...]
    stories_min: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 0
    """Independent ones in the longest window; a copy is none."""
    sources_min: Annotated[int, msgspec.Meta(ge=0, le=1_000)] = 0
    """Sources in the longest window; of a story, that told it in words of their own."""
    for_s: Annotated[int, msgspec.Meta(ge=0, le=QUIET_S_MAX)] = 0
    """It must hold so long before it is said, and be over so long before that is said."""
    cooldown_s: Annotated[int, msgspec.Meta(ge=0, le=QUIET_S_MAX)] = 0
    """Nothing new is said of a subject so long after it was last told."""
    no_data: NoData = NoData.RESOLVE
    severity: Severity = Severity.WARNING

    @property
    def clauses(self) -> Iterator[Clause]:
        return (clause for each in self.any_of for clause in each)

    @property
    def windows(self) -> list[WindowClause]:
        return [clause for clause in self.clauses if isinstance(clause, WindowClause)]

    @property
    def of_story(self) -> bool:
        """Whether one story fires it: such an alert is an event, and is never resolved."""
        return any(isinstance(clause, StoryClause) for clause in self.clauses)

    @property
    def at_once(self) -> bool:
        """Whether it can be answered from the story alone, so that it need not wait for stories that come late."""
        return self.of_story and not self.windows and not self.cooldown_s and self.sources_min < 2

    @property
    def window_s(self) -> int:
        """The longest."""
        return max((clause.window_s for clause in self.windows), default=0)

    @property
    def memory_s(self) -> int:
        """How long a story matters to it: a change looks at two windows."""
        return max((c.window_s * (2 if c.measure is Measure.CHANGE else 1) for c in self.windows), default=0)


class StoredRule(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a rule as it is kept."""

    rule_id: Slug
    version: Annotated[int, msgspec.Meta(ge=1)]
    owner: NameText
    rule: Rule
    text: str
    """Canonical, as `writing` gives it."""
    enabled: bool = True


class BadRule(ValueError):
    """A rule that cannot be: which field, and why."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field}: {why}")
        self.field, self.why = field, why


def checked(rule: Rule) -> Rule:
    """The rule, when it keeps the bounds of its type and means something. Raises BadRule naming the field."""
    try:
        rule = msgspec.convert(msgspec.to_builtins(rule), Rule)
    except msgspec.ValidationError as error:
        why, _, path = str(error).partition(" - at ")
        raise BadRule(path.strip("`").removeprefix("$.") or "rule", why) from error
    _check_shape(rule)
    for clause in rule.clauses:
        if isinstance(clause, WindowClause):
            _check_window(clause, rule.subject.kind is SubjectKind.SYSTEM)
        else:
            _check_story(clause)
    return rule


def _check_shape(rule: Rule) -> None:
    count = sum(1 for _ in rule.clauses)
    if not count or not all(rule.any_of):
        raise BadRule("any_of", "nothing is asked for")
    if count > CLAUSES_MAX:
        raise BadRule("any_of", f"{count} clauses; at most {CLAUSES_MAX}")
    named = rule.subject.kind not in (SubjectKind.EVERYTHING, SubjectKind.SYSTEM)
    if named != bool(rule.subject.name):
        raise BadRule("subject", f"{rule.subject.kind.value} {'needs' if named else 'takes no'} name")
    if not rule.subject.name.isprintable():
        raise BadRule("subject", "holds characters that cannot be printed")
    story = [any(isinstance(clause, StoryClause) for clause in each) for each in rule.any_of]
    if any(story) and not all(story):
        raise BadRule("any_of", "either every alternative asks for a story, or none does")
    if rule.of_story and (rule.for_s or rule.no_data is not NoData.RESOLVE):
        raise BadRule("for_s", "a story is a moment: it takes neither `for` nor `no data`")
    if rule.of_story and any(clause.until is not None for clause in rule.windows):
        raise BadRule("until", "an alert of one story does not stand, so it has no end")
    if rule.stories_min and not rule.windows:
        raise BadRule("stories_min", "there is no window to count stories in")
    if rule.subject.kind is SubjectKind.SYSTEM and (rule.of_story or rule.stories_min or rule.sources_min):
        raise BadRule("subject", "the system has no stories")


def _check_window(clause: WindowClause, system: bool) -> None:
    if (clause.measure in OF_SYSTEM) != system:
        where = "the system alone" if clause.measure in OF_SYSTEM else "news, not of the system"
        raise BadRule("measure", f"{clause.measure.value} is a measure of {where}")
    if (clause.measure in WITHOUT_WINDOW) != (clause.window_s == 0):
        raise BadRule("window_s", f"{clause.measure.value} {'has no' if clause.window_s else 'needs a'} window")
    if clause.until is not None and (
        clause.until < clause.threshold if clause.falling else clause.until > clause.threshold
    ):
        raise BadRule("until", "it must be easier to keep than the threshold is to reach")

    if clause.falling and clause.measure in COUNTS:
        what = f"{clause.measure.value} cannot fall"
        raise BadRule("comparison", f"{what}: a rule is looked at when a story comes; `no data tell` tells silence")


def _check_story(clause: StoryClause) -> None:
    if (clause.comparison is None) != (clause.score is None):
        raise BadRule("score", "a score needs a comparison and a number")
    if not clause.phrase.isprintable():
        raise BadRule("text", "holds characters that cannot be printed")
    if clause.phrase != " ".join(clause.phrase.split()):
        raise BadRule("text", "words stand one blank apart")
    if '"' in clause.phrase:
        raise BadRule("text", "holds a quotation mark")


LABELS: Final[tuple[Label, ...]] = ("negative", "neutral", "positive")
"""Those that a rule may ask for. What the model is unsure of fires nothing."""
