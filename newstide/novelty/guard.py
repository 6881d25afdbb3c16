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

from newstide.novelty import notices
from newstide.novelty.figures import refigured
from newstide.novelty.notices import Notice, is_tape, notice_of, one_subject
from newstide.novelty.signature import similarity
from newstide.novelty.text import canonical, firms_in, is_chinese
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
_STATEMENT: Final = re.compile(r"[^：:]{5,40}[：:](?!\d)(.{6,})")
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
    statement: str
    """What somebody says, where the headline begins with who says it and a colon."""
    column: bool
    """It is the title of a column, which tells nothing."""
    chinese: bool
    notice: Notice | None
    tape: bool
    """It is of the Chinese tape: `newstide.novelty.notices`."""


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
        statement=canonical(said[1]) if (said := _STATEMENT.match(text)) else "",
        column=bool(_COLUMN.search(text)),
        chinese=chinese,
        notice=notice_of(text, plain) if chinese else None,
        tape=chinese and is_tape(plain),
    )


def broken_by(one: str, other: str) -> str | None:
    """Why two undressed headlines, however alike, do not tell the same: a word for people; None when nothing is
    seen."""
    a, b = facts_of(one), facts_of(other)
    if a.words == b.words:
        return "column" if a.column else None
    return next((name for name, differs in _CHECKS if differs(a, b)), None)


def _refigured(a: Facts, b: Facts) -> bool:
    """Whether each has a figure that the other lacks; of one company's notices, a figure of one measure."""
    if a.notice and b.notice and one_subject(a.notice, b.notice):
        return notices.refigured(a.notice, b.notice)
    return refigured(a.numbers, b.numbers)


def _negated(a: Facts, b: Facts) -> bool:
    """Whether one negates; of one company's notices, what the other tells too."""
    if a.negated == b.negated:
        return False
    if not (a.notice and b.notice and one_subject(a.notice, b.notice)):
        return True
    negating, other = (a, b) if a.negated else (b, a)
    plain = _NO_NEGATION_ZH.sub(" ", " ".join(negating.words))
    said = "".join(other.words)
    after = ("".join(plain[found.end() :].split())[:_NEGATED_CHARS] for found in _NEGATION_ZH.finditer(plain))
    return any(part[n : n + 2] in said for part in after for n in range(max(1, len(part) - 1)))


_NEGATED_CHARS: Final = 5
"""After a negation, of which it may be."""


def _staged(a: Facts, b: Facts) -> bool:
    """Whether they tell of different stages; of one company's notices one may tell of more."""
    if a.stages == b.stages:
        return False
    if a.stages and b.stages and (a.stages < b.stages or b.stages < a.stages):
        return not one_subject(a.notice, b.notice)
    return True


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
        one, other = "".join(a.words), "".join(b.words)
        parted = _other_head(one, other) or _other_firm(one, other) or _substituted(one, other)
        return parted or (a.directed and b.directed and _sides_changed(a, b))
    mine = [name for name in a.names if not _named(name, b.words)]
    yours = [name for name in b.names if not _named(name, a.words)]
    if (mine and yours) or (a.words and b.words and _other_subject(a, b)):
        return True
    return a.directed and b.directed and not (mine or yours) and _swapped(a, b)


def _other_subject(a: Facts, b: Facts) -> bool:
    """Whether each begins with a word that the other lacks, one of them with a name: `First Bancorp`, `Bridge
    Bancorp`."""
    mine, yours = a.words[0], b.words[0]
    return not _named(mine, b.words) and not _named(yours, a.words) and not {mine, yours} <= COMMON


def _swapped(a: Facts, b: Facts) -> bool:
    """Whether the two who come first in one headline come in the other order in the other."""
    if not a.names or not b.names or a.names[0] == b.names[0]:
        return False
    first, second = a.names[0].split()[0], b.names[0].split()[0]
    return all(first in words and second in words for words in (a.words, b.words)) and (
        (a.words.index(first) < a.words.index(second)) != (b.words.index(first) < b.words.index(second))
    )


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


def _other_firm(one: str, other: str) -> bool:
    """Whether each has a company, by the word that its name ends with, that the other lacks: 金亚科技, 八菱科技."""
    return any(firm not in other for firm in firms_in(one)) and any(firm not in one for firm in firms_in(other))


def _head(text: str, other: str) -> int:
    return next((n for n in range(len(text) - 1) if text[n : n + 2] in other), len(text))


def _substituted(one: str, other: str) -> bool:
    """Whether one run of characters, and nothing else, stands in the place of another: 四环生物 遭查, 蓝丰生化 遭查."""
    front = next((n for n, (x, y) in enumerate(zip(one, other, strict=False)) if x != y), min(len(one), len(other)))
    back = next((n for n, (x, y) in enumerate(zip(one[:front:-1], other[:front:-1], strict=False)) if x != y), 0)
    mine, yours = one[front : len(one) - back], other[front : len(other) - back]
    if any(char.isdigit() for char in mine + yours):
        return False
    if not _SUBSTITUTE_CHARS_MIN <= min(len(mine), len(yours)) <= max(len(mine), len(yours)) <= _SUBSTITUTE_CHARS_MAX:
        return False
    return not {mine[n : n + 2] for n in range(len(mine) - 1)} & {yours[n : n + 2] for n in range(len(yours) - 1)}


_SUBSTITUTE_CHARS_MIN, _SUBSTITUTE_CHARS_MAX = 3, 6
"""Of a name. Two characters are as often a verb in other words."""


def _said_otherwise(a: Facts, b: Facts) -> bool:
    """Whether one who speaks says two things: of such headlines the name alone is alike."""
    if not a.statement or not b.statement or one_subject(a.notice, b.notice):
        return False
    return similarity(a.statement, b.statement) < _STATEMENT_SIMILARITY_MIN


_STATEMENT_SIMILARITY_MIN: Final = 0.3


def _sides_changed(a: Facts, b: Facts) -> bool:
    one, other = ("".join(facts.words) for facts in (a, b))
    mine, yours = (_DIRECTED_ACT_ZH.split(text)[0] for text in (one, other))
    return mine != yours and _head(one, yours) > 0


_CHECKS: Final[tuple[tuple[str, Callable[[Facts, Facts], bool]], ...]] = (
    ("column", lambda a, b: a.column or b.column),
    ("number", _refigured),
    ("negation", _negated),
    ("denial", lambda a, b: a.denied != b.denied),
    ("stage", _staged),
    ("direction", _turned),
    ("name", _renamed),
    ("statement", _said_otherwise),
)
"""The cheapest first: in a batch of results most candidates differ in a figure."""
