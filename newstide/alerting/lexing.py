"""The words of a rule's text, each with its place, and the error that points at one. Pure."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable
from enum import Enum
from typing import Final, NamedTuple

from newstide.alerting.rules import DAY, HOUR, MINUTE, SECOND, TEXT_CHARS_MAX, BadRule

_WIDE: Final = str.maketrans("：，＜＞＝％“”＂", ':,<>=%"""')
"""Full-width punctuation, as a Chinese keyboard gives it; one character for one, so that places stay."""
_TOKENS: Final = re.compile(r'"(?P<quoted>[^"]*)"|(?P<compare>[<>]=?)|(?P<mark>[,:])|(?P<word>[^\s,:<>="]+)')
_DURATION: Final = re.compile(r"(\d{1,7})([smhdw])")
_NUMBER: Final = re.compile(r"[-+\u2212]?(?:\d{1,16}(?:\.\d{1,20})?|\.\d{1,20})(?:[eE][-+]?\d{1,3})?")
UNITS: Final = {"w": 7 * DAY, "d": DAY, "h": HOUR, "m": MINUTE, "s": SECOND}
SHOWN_CHARS: Final = 60
"""Of the text on each side of what is pointed at."""


class Token(NamedTuple):
    text: str
    start: int
    quoted: bool = False

    @property
    def word(self) -> str:
        """As a keyword is compared; '' for what was quoted, which is none."""
        return "" if self.quoted else self.text.lower()


class NotARule(ValueError):
    """A text that is none: what was expected, and where. `pointed` shows the place with a caret below it."""

    def __init__(self, text: str, at: int, found: str, expected: str) -> None:
        said = f"{found!r}" if found else "the end of the rule"
        super().__init__(f"{said} stands where {expected} was expected")
        self.text, self.at, self.found, self.expected = text, at, found, expected

    @property
    def pointed(self) -> str:
        """Two lines: the text around the place, and a caret."""
        first = max(0, self.at - SHOWN_CHARS)
        before, after = self.text[first : self.at], self.text[self.at : self.at + SHOWN_CHARS]
        columns = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in before)
        return f"{before}{after}\n{' ' * columns}{'^' * max(1, min(len(self.found), SHOWN_CHARS))}"


def tokens(text: str) -> list[Token]:
    """Raises BadRule for a text that is too long or holds what cannot be printed, NotARule for an open quotation."""
    if len(text) > TEXT_CHARS_MAX:
        raise BadRule("text", f"{len(text):,} characters; at most {TEXT_CHARS_MAX:,}")
    if not text.isprintable():
        raise BadRule("text", "holds characters that cannot be printed")
    plain = text.translate(_WIDE)
    found: list[Token] = []
    place = 0
    for match in _TOKENS.finditer(plain):
        _nothing_between(text, plain, place, match.start())
        place = match.end()
        quoted = match["quoted"] is not None
        start = match.start() + quoted
        found.append(Token(text[start : place - quoted], match.start(), True) if quoted else _bare(match))
    _nothing_between(text, plain, place, len(plain))
    return found


def _bare(match: re.Match[str]) -> Token:
    return Token(match.group(), match.start())


def _nothing_between(text: str, plain: str, start: int, end: int) -> None:
    for at in range(start, end):
        if not plain[at].isspace():
            expected = "a closing quotation mark later" if plain[at] == '"' else "a word, a number or a sign"
            raise NotARule(text, at, plain[at], expected)


class Words:
    """The tokens, taken from left to right."""

    def __init__(self, text: str, some: list[Token], place: int = 0) -> None:
        self.text, self._some, self._place = text, some, place

    def peek(self) -> Token:
        """The next one; at the end an empty one."""
        return self._some[self._place] if self._place < len(self._some) else Token("", len(self.text))

    @property
    def ended(self) -> bool:
        return self._place >= len(self._some)

    def take(self) -> Token:
        token = self.peek()
        self._place += 1
        return token

    def took(self, *words: str) -> bool:
        """Take these words, when they are the next."""
        ahead = [token.word for token in self._some[self._place : self._place + len(words)]]
        if ahead != list(words):
            return False
        self._place += len(words)
        return True

    def need(self, *words: str) -> None:
        for word in words:
            if not self.took(word):
                raise self.wrong(f"`{word}`", [word])

    def wrong(self, expected: str, known: Iterable[str] = ()) -> NotARule:
        """The error of the next token; `known` are words of which it may be a misspelling."""
        token = self.peek()
        near = difflib.get_close_matches(token.word, list(known), n=1) if token.word else []
        hint = f" (did you mean {near[0]}?)" if near else ""
        return NotARule(self.text, token.start, token.text, expected + hint)

    def name(self, what: str) -> str:
        token = self.peek()
        if not token.text or token.word in (",", ":"):
            raise self.wrong(what)
        return self.take().text

    def choice(self, of: type[Enum] | Iterable[str], what: str) -> str:
        """One of some words, of which one may be two words long."""
        known = [str(each.value) for each in of] if isinstance(of, type) else list(of)
        for each in sorted(known, key=len, reverse=True):
            if self.took(*each.split()):
                return each
        raise self.wrong(f"{what}: {', '.join(known)}", known)

    def number(self) -> float:
        """Also as a percentage, a hundredth of it."""
        token = self.peek()
        bare = token.word.removesuffix("%")
        if not _NUMBER.fullmatch(bare):
            raise self.wrong("a number")
        self.take()
        value = float(bare.replace("\u2212", "-"))
        return value / 100 if token.word.endswith("%") else value

    def seconds(self) -> int:
        match = _DURATION.fullmatch(self.peek().word)
        if match is None:
            raise self.wrong("a length of time such as 90s, 10m, 6h, 1d or 1w")
        self.take()
        return int(match[1]) * UNITS[match[2]]

    def count(self) -> int:
        token = self.peek()
        if not token.word.isascii() or not token.word.isdigit() or len(token.word) > 6:
            raise self.wrong("a whole number")
        return int(self.take().text)
