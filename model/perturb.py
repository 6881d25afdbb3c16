"""Ways to change a headline: some must not change what a model says of it, some must. Pure: same draw, same text.

Five of them (`FOLDED`) change the spelling only, in ways that `newstide.text.model_input` or the lower-casing of the
tokenizer undoes, so that the model reads the very same tokens. A new name and a typo leave the sense alone but not the
tokens. A reversed direction, a negation and an exchange of two names turn the sense around.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from random import Random
from typing import Final

from newstide.messages import Language
from newstide.spelling import HAN_FOLDING, LATIN_FOLDING

Span = tuple[int, int]

_INVISIBLE: Final = "\u200b\u200d\u2060\ufeff\u00ad"
_WIDTH: Final = {
    **{code: code + 0xFEE0 for code in range(0x21, 0x7F)},
    **{code + 0xFEE0: code for code in range(0x21, 0x7F)},
    0x20: 0x3000,
}
# A simplified character with two traditional ones takes the last, right or wrong for the word: the folding knows both.
_TRADITIONAL: Final = {simple: other for other, simple in HAN_FOLDING.items()}
_LOOKS_LIKE: Final = {latin: other for other, latin in LATIN_FOLDING.items()}
# Radicals look like the characters that they are part of: ⼈ (U+2F08) is not 人.
_RADICALS: Final = {
    ord(unicodedata.normalize("NFKC", chr(code)).translate(HAN_FOLDING)): code for code in range(0x2F00, 0x2FD6)
}

NAMES: Final[dict[str, tuple[str, ...]]] = {
    "en": (
        "Siemens",
        "Toyota",
        "Walmart",
        "Nestle",
        "Pemberly Foods",
        "Oracle",
        "Halden Marine",
        "Unilever",
        "Corvane",
        "Bajaj Auto",
        "Vodafone",
        "Marlowe Industries",
    ),
    "zh": (
        "海尔智家",
        "中国石化",
        "万科",
        "恒瑞医药",
        "嘉岭股份",
        "比亚迪",
        "民生银行",
        "丰田汽车",
        "东屿科技",
        "云南白药",
        "联想集团",
        "永泽实业",
    ),
}
"""Whom a story may be about instead: large and small, real and made up, none with a meaning that is good or bad."""

_OPPOSITES: Final = (
    ("beats", "misses"),
    ("tops", "misses"),
    ("rises", "falls"),
    ("rose", "fell"),
    ("up", "down"),
    ("raises", "cuts"),
    ("lifts", "lowers"),
    ("climbs", "drops"),
    ("jumps", "slumps"),
    ("soars", "plunges"),
    ("upgrades", "downgrades"),
    ("narrows", "widens"),
    ("above", "below"),
    ("grew", "shrank"),
    ("increased", "decreased"),
    ("上调", "下调"),
    ("调高", "调低"),
    ("超预期", "不及预期"),
    ("扭亏为盈", "由盈转亏"),
    ("预盈", "预亏"),
    ("收窄", "扩大"),
    ("增长", "下降"),
    ("上涨", "下跌"),
    ("大涨", "大跌"),
    ("高于", "低于"),
    ("增持", "减持"),
    ("大增", "大减"),
    ("走高", "走低"),
    ("涨停", "跌停"),
)
# The first pair with a word decides, so `misses` becomes `beats`.
_REVERSED: Final = {a: b for pair in reversed(_OPPOSITES) for a, b in (pair, pair[::-1])}
_NEGATED: Final = {
    "wins": "fails to win",
    "approves": "refuses to approve",
    "completes": "fails to complete",
    "secures": "fails to secure",
    "repays": "fails to repay",
    "meets": "does not meet",
    "中标": "未中标",
    "获批": "未获批",
    "通过": "未通过",
    "完成": "未能完成",
    "兑付": "未能兑付",
    "达到": "未达到",
}
"""Good news and what it is when it did not happen; the reverse (a default that did not) is no sure good news."""


def swap_name(text: str, name: str, other: str) -> str:
    """The text about another company; every mention is renamed."""
    return text.replace(name, other)


def other_names(name: str, language: Language, count: int, draw: Random) -> list[str]:
    """`count` different names that are not this one."""
    return draw.sample([each for each in NAMES[language] if each != name], count)


def exchange(text: str, first: str, second: str) -> str:
    """The text with two names in each other's place."""
    turned = {first: second, second: first}
    return re.sub("|".join(map(re.escape, turned)), lambda found: turned[found[0]], text)


def reverse(text: str, sense: Sequence[Span]) -> str | None:
    """The text with its direction turned; None unless one known word of direction alone carries the sense."""
    return _replaced(text, sense, _REVERSED)


def negate(text: str, sense: Sequence[Span]) -> str | None:
    """The text saying that the good thing did not happen; None unless one known word alone carries the sense."""
    return _replaced(text, sense, _NEGATED)


def typos(text: str, sense: Sequence[Span], draw: Random) -> str:
    """One or two slips of the hand: a letter or Chinese character dropped, doubled, or changed with the next.

    Never in the spans that carry the sense, nor in figures; never the first letter of a word, nor a word of four.
    """
    places = [
        at
        for found in re.finditer(r"[A-Za-z]{5,}|[\u4e00-\u9fff]{3,}", text)
        for at in range(found.start() + found[0].isascii(), found.end() - 1)
        if text[at] != text[at + 1] and not any(start < at + 2 and at < end for start, end in sense)
    ]
    for at in sorted(draw.sample(places, min(len(places), draw.randint(1, 2))), reverse=True):
        a, b = text[at], text[at + 1]
        text = text[:at] + draw.choice((b, a + a + b, b + a)) + text[at + 2 :]
    return text


def width(text: str, _draw: Random) -> str:
    """Half-width characters become full-width, and the reverse."""
    return text.translate(_WIDTH)


def script(text: str, _draw: Random) -> str:
    """Simplified characters become traditional."""
    return text.translate(_TRADITIONAL)


def invisible(text: str, draw: Random) -> str:
    """After every fourth character or so comes one that nobody sees."""
    return "".join(c + draw.choice(_INVISIBLE) if draw.random() < 0.25 else c for c in text)


def look_alikes(text: str, draw: Random) -> str:
    """Half of the characters that have a twin (Cyrillic or Greek letters, Chinese radicals) become it."""
    twins = _LOOKS_LIKE | _RADICALS
    return "".join(chr(twins.get(ord(c), ord(c))) if draw.random() < 0.5 else c for c in text)


def case(text: str, draw: Random) -> str:
    """All capitals, none, or every letter of its own mind; ASCII alone, for other letters may change their number."""
    change = draw.choice((str.upper, str.lower, lambda c: draw.choice((c.upper(), c.lower()))))
    return "".join(change(c) if c.isascii() else c for c in text)


FOLDED: Final[dict[str, Callable[[str, Random], str]]] = {
    "width": width,
    "script": script,
    "invisible": invisible,
    "look_alikes": look_alikes,
    "case": case,
}


def _replaced(text: str, sense: Sequence[Span], table: dict[str, str]) -> str | None:
    if len(sense) != 1:
        return None
    ((start, end),) = sense
    other = table.get(text[start:end])
    return None if other is None else text[:start] + other + text[end:]
