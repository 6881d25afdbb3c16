"""What Chinese companies make known, as headlines tell it: one subject and a few facts, in anybody's words. Pure.

Two outlets tell one notice with other words, in another order, and each leaves something out; what they keep is the
company. The tape (prices, indices, flows of the minute) looks the same every time and is kept out: of it only the
figures differ.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from newstide.novelty.figures import WHEN, Figure, contradict, figures_of, in_common
from newstide.novelty.text import is_chinese
from newstide.novelty.words import (
    COMPANY_ZH,
    NO_COMPANY_ENDS_ZH,
    NO_COMPANY_ZH,
    PLACES_ZH,
    PLAIN_ZH,
    REPORTS_ZH,
    TAPE_ZH,
)

NAME_CHARS: Final = 4
"""Of a company's name that no colon ends."""
NAME_CHARS_MIN: Final = 3
"""Of a name that is looked for within a headline."""
OVERLAP_MIN: Final = 0.3
"""Of two notices of one company within two days: above it nearly all that was read told the same, below 0.25 half."""
UNFIGURED_OVERLAP_MIN: Final = 0.5
"""Where their figures do not say that they are one."""
SHARED_MIN: Final = 3
"""Runs of two characters: a word of four."""
_FIGURE_WEIGHT: Final = 2
"""Of a sum or a share besides its own: two stories of one company on two days seldom have one in common."""
SUBJECT_KEY_CHARS: Final = 3
"""Names of listed companies have three characters or four: their start leads to their other stories."""


def _any_of(words: str) -> str:
    return "|".join(sorted(words.split(), key=len, reverse=True))


_TAPE: Final = re.compile(_any_of(TAPE_ZH))
_COMPANY: Final = re.compile(_any_of(COMPANY_ZH))
_NO_COMPANY: Final = re.compile(_any_of(NO_COMPANY_ZH))
_NO_COMPANY_NAME: Final = re.compile(rf".*(?:{_any_of(NO_COMPANY_ENDS_ZH)})")
_PLACE: Final = re.compile(_any_of(PLACES_ZH))
_HEAD: Final = re.compile(
    rf"(?:\*?st)?\s*([^：:，,。\s\d]{{2,8}}?)(?:发布|披露)?(?:\d{{4}}年度?)?(?:{_any_of(REPORTS_ZH)})?\s*(?:[：:]|公告)",
    re.IGNORECASE,
)
_SPEAKER: Final = re.compile(r"[^：:]{5,40}[：:](?!\d)")
_HAN_HEAD: Final = re.compile(r"[\u4e00-\u9fff]{2}")
_DIGITS: Final = re.compile(r"\d[\d·]*(?:万亿|亿|万|%|倍)?")
_HOLDER: Final = re.compile(r"持股(?:比例)?\s?[\d·]+%\s?(?:以上)?的?股东")
"""Who somebody is, and no figure of the news: 持股5%以上股东拟减持."""
_PLAIN: Final = re.compile(_any_of(PLAIN_ZH))


@dataclass(frozen=True)
class Notice:
    """A headline that may be a company's notice. `named` is the company where a colon ends its name, else empty;
    `plain` the canonical text."""

    named: str
    plain: str

    @cached_property
    def bare(self) -> str:
        return self.plain.replace(" ", "")

    @cached_property
    def figures(self) -> tuple[Figure, ...]:
        return figures_of(_HOLDER.sub(" ", self.plain))

    @property
    def planned(self) -> bool:
        """Whether it is a plan: 拟."""
        return "拟" in self.bare

    @cached_property
    def told(self) -> frozenset[str]:
        """The runs of two characters besides the name, without the words of every notice; each figure is one."""
        said = self.bare.replace(self.named or self.bare[:NAME_CHARS], " ", 1)
        words = _PLAIN.sub(" ", _DIGITS.sub(" ", said)).split()
        runs = [part[n : n + 2] for part in words for n in range(max(1, len(part) - 1))]
        return frozenset([*runs, *_DIGITS.findall(said)])


def is_tape(plain: str) -> bool:
    """Whether a canonical text is of the tape, or of the counts that come daily."""
    return bool(_TAPE.search(plain))


def has_subject(plain: str) -> bool:
    """Whether a canonical text begins with what it tells of: Chinese, not from the tape, and no reporter first."""
    return bool(_HAN_HEAD.match(plain) and is_chinese(plain) and not _NO_COMPANY.match(plain) and not is_tape(plain))


def notice_of(text: str, plain: str) -> Notice | None:
    """The notice in an undressed headline, whose canonical text is `plain`."""
    if not _COMPANY.search(plain) or not has_subject(plain):
        return None
    found = _HEAD.match(text)
    named = found[1].lower() if found and not _NO_COMPANY_NAME.fullmatch(found[1]) else ""
    spoken = found or _SPEAKER.match(text)
    if spoken and not named and not _COMPANY.search(spoken[0]):
        return None
    return Notice(named, plain)


def subject_key(plain: str) -> int:
    """The first SUBJECT_KEY_CHARS characters of such a text as a number of 63 bits; 0 of any other."""
    if not has_subject(plain):
        return 0
    key = 0
    for char in plain.replace(" ", "")[:SUBJECT_KEY_CHARS]:
        key = key << 21 | ord(char)
    return key


def one_subject(one: Notice | None, other: Notice | None) -> bool:
    """Whether both tell of one company."""
    if one is None or other is None:
        return False
    if one.named and other.named:
        shorter, longer = sorted((one.named, other.named), key=len)
        return longer.startswith(shorter) and (shorter == longer or len(shorter) >= NAME_CHARS_MIN)
    named = one.named or other.named
    if named:
        bare = other.bare if one.named else one.bare
        return named in bare if len(named) >= NAME_CHARS_MIN else bare.startswith(named)
    return one.bare[:NAME_CHARS] == other.bare[:NAME_CHARS] and not _PLACE.match(one.bare)


def overlap(one: Notice, other: Notice) -> float:
    """|A ∩ B| / min(|A|, |B|) of what two notices tell: what only one outlet found worth a word parts nothing. 0 where
    fewer than SHARED_MIN runs are shared."""
    same = one.told & other.told
    shared = len(same) + sum(_FIGURE_WEIGHT for run in same if run[-1] in "万亿%")
    return shared / min(len(one.told), len(other.told)) if shared >= SHARED_MIN else 0.0


def in_other_words(one: Notice, other: Notice) -> bool:
    """Whether of two notices of one company the shorter tells little that the longer does not."""
    return overlap(one, other) >= OVERLAP_MIN


def refigured(one: Notice, other: Notice) -> bool:
    """Whether the figures of two notices of one company are those of two events.

    They are where of one measure each has a figure that the other lacks. Where they have no figure in common, as a
    number of shares and a sum, the words must say that it is one: both plan it, or both have done it.
    """
    if contradict(one.figures, other.figures):
        return True
    mine, yours = ([f for f in notice.figures if f.kind not in WHEN] for notice in (one, other))
    if not mine or not yours or in_common(mine, yours):
        return False
    return one.planned != other.planned or overlap(one, other) < UNFIGURED_OVERLAP_MIN
