"""What breaks a match: headlines that look alike and tell different things. Pure.

Similarity of text cannot see it: "beats" and "misses" share all but six letters of two headlines, and differ in
everything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from newstide.novelty.text import canonical, is_chinese
from newstide.novelty.words import (
    COLUMNS,
    COMMON,
    DENIALS,
    DENIALS_ZH,
    DIRECTED,
    DIRECTED_ZH,
    NEGATIONS,
    NEGATIONS_ZH,
    NO_NEGATIONS_ZH,
    OFFERED,
    OPPOSITES,
    STAGES,
    TRADE_AXIS,
)

Turn = tuple[int, int]
"""An axis of OPPOSITES and the side of it: +1 or -1."""


def _split(words: str) -> tuple[list[str], list[str]]:
    """The English words of a list, and the Chinese ones."""
    return [w for w in words.split() if w.isascii()], [w for w in words.split() if not w.isascii()]


def _any_of(words: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(sorted(words, key=len, reverse=True)))  # the longest first: 不及预期 before 不


_TURNS: Final[dict[str, Turn]] = {
    word: (axis, sign) for axis, sides in enumerate(OPPOSITES) for side, sign in zip(sides, (1, -1), strict=True)
    for word in side.split()
}  # fmt: skip
_TURNS_ZH: Final = _any_of(word for word in _TURNS if not word.isascii())
_STAGES: Final = {word: number for number, words in enumerate(STAGES) for word in words.split()}
_PRICED: Final = _STAGES["pricing"]
_STAGES_ZH: Final = _any_of(word for word in _STAGES if not word.isascii())
_NEGATION_ZH: Final = _any_of(NEGATIONS_ZH)
_NO_NEGATION_ZH: Final = _any_of(NO_NEGATIONS_ZH)
_DENIAL_ZH: Final = _any_of(DENIALS_ZH)
_DIRECTED_ACT_ZH: Final = _any_of(DIRECTED_ZH)
_COLUMN: Final = re.compile(rf"\b(?:{COLUMNS})", re.IGNORECASE)
_NAME: Final = re.compile(r"(?<![\w&.'’-])\$?[A-Z][\w&.'’-]*")


@dataclass(frozen=True, slots=True)
class Facts:
    """What of a headline must not differ."""

    words: tuple[str, ...]
    numbers: frozenset[str]
    names: tuple[str, ...]
    """Words that seem to name somebody, in lower case, in order."""
    turns: tuple[Turn, ...]
    negated: bool
    denied: bool
    stages: frozenset[int]
    directed: bool
    column: bool
    """It is the title of a column, which tells nothing."""
    chinese: bool


@lru_cache(maxsize=16_384)
def facts_of(text: str) -> Facts:
    """The facts of an undressed headline (case kept)."""
    plain = canonical(text)
    words = tuple(plain.split())
    chinese = is_chinese(plain)
    turns = [_TURNS[word] for word in words if word in _TURNS]
    stages = {_STAGES[word] for word in words if word in _STAGES}
    if OFFERED.isdisjoint(words) and not chinese:
        stages.discard(_PRICED)
    negated, denied = not NEGATIONS.isdisjoint(words), not DENIALS.isdisjoint(words)
    directed = not DIRECTED.isdisjoint(words) and "by" not in words
    if chinese:
        turns += [_TURNS[word] for word in _TURNS_ZH.findall(plain)]
        stages |= {_STAGES[word] for word in _STAGES_ZH.findall(plain)}
        negated = bool(_NEGATION_ZH.search(_NO_NEGATION_ZH.sub(" ", plain)))
        denied = bool(_DENIAL_ZH.search(plain))
        directed = bool(_DIRECTED_ACT_ZH.search(plain))
    return Facts(
        words=words,
        numbers=frozenset(word for word in words if any(c.isdigit() for c in word)),
        names=tuple(name for name in map(canonical, _NAME.findall(text)) if name and name not in COMMON),
        turns=tuple(turns),
        negated=negated,
        denied=denied,
        stages=frozenset(stages),
        directed=directed,
        column=bool(_COLUMN.search(text)),
        chinese=chinese,
    )


def broken_by(one: str, other: str) -> str | None:
    """Why two undressed headlines, however alike, do not tell the same: a word for people; None when nothing is
    seen."""
    a, b = facts_of(one), facts_of(other)
    if a.words == b.words:
        return "column" if a.column else None
    return next((name for name, differs in _CHECKS if differs(a, b)), None)


def _turned(a: Facts, b: Facts) -> bool:
    """Whether on some axis neither tells all that the other does, in its order."""
    for axis in {turn[0] for turn in a.turns} & {turn[0] for turn in b.turns}:
        if axis == TRADE_AXIS and _both_sides(a, b):
            continue
        mine, yours = [s for x, s in a.turns if x == axis], [s for x, s in b.turns if x == axis]
        if not _within(mine, yours) and not _within(yours, mine):
            return True
    return False


def _both_sides(a: Facts, b: Facts) -> bool:
    """Whether they begin with the two parties of one deal, each naming both."""
    if not a.names or not b.names or a.names[0] == b.names[0]:
        return False
    return _named(a.names[0], b.words) and _named(b.names[0], a.words)


def _within(few: list[int], many: list[int]) -> bool:
    left = iter(many)
    return all(sign in left for sign in few)


def _renamed(a: Facts, b: Facts) -> bool:
    if a.chinese or b.chinese:
        return _other_head("".join(a.words), "".join(b.words)) or (a.directed and b.directed and _sides_changed(a, b))
    mine = [name for name in a.names if not _named(name, b.words)]
    yours = [name for name in b.names if not _named(name, a.words)]
    if (mine and yours) or (a.words and b.words and _other_subject(a, b)):
        return True
    return a.directed and b.directed and bool(a.names and b.names) and a.names[0] != b.names[0] and not (mine or yours)


def _other_subject(a: Facts, b: Facts) -> bool:
    """Whether each begins with a word that the other lacks, one of them with a name: `First Bancorp`, `Bridge
    Bancorp`."""
    mine, yours = a.words[0], b.words[0]
    return mine not in b.words and yours not in a.words and not {mine, yours} <= COMMON


def _named(name: str, words: tuple[str, ...]) -> bool:
    """Every word of a name (canonical text may part it) stands in the other headline, or its longer or shorter
    form does."""
    return all(part in words or any(_one_form(part, word) for word in words) for part in name.split())


def _one_form(one: str, other: str) -> bool:
    """`Citi` and `Citigroup`, `Bearde` and `Bearden`: one begins with the other, of four letters or more."""
    return min(len(one), len(other)) >= _FORM_CHARS_MIN and (one.startswith(other) or other.startswith(one))


_FORM_CHARS_MIN: Final = 4


def _other_head(one: str, other: str) -> bool:
    """Whether both begin with something that the other does not hold: in Chinese, where nothing marks a name, the
    subject."""
    return _head(one, other) >= _HEAD_CHARS_MIN and _head(other, one) >= _HEAD_CHARS_MIN


_HEAD_CHARS_MIN: Final = 2


def _head(text: str, other: str) -> int:
    return next((n for n in range(len(text) - 1) if text[n : n + 2] in other), len(text))


def _sides_changed(a: Facts, b: Facts) -> bool:
    one, other = ("".join(facts.words) for facts in (a, b))
    mine, yours = (_DIRECTED_ACT_ZH.split(text)[0] for text in (one, other))
    return mine != yours and _head(one, yours) > 0


_CHECKS: Final[tuple[tuple[str, Callable[[Facts, Facts], bool]], ...]] = (
    ("column", lambda a, b: a.column or b.column),
    ("number", lambda a, b: bool(a.numbers - b.numbers and b.numbers - a.numbers)),
    ("negation", lambda a, b: a.negated != b.negated),
    ("denial", lambda a, b: a.denied != b.denied),
    ("stage", lambda a, b: a.stages != b.stages),
    ("direction", _turned),
    ("name", _renamed),
)
"""The cheapest first: in a batch of results most candidates differ in a figure."""
