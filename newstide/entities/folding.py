"""Text as it is matched against names: one spelling, lower case, every character where it was. Pure.

The spellings are those of `text.model_input` (full width, traditional characters, look-alike letters, invisible
characters), and three more that only matching wants: lower case, no accents, and a blank for brackets, quotes, dashes
and the like, so that a name is free wherever punctuation sets it apart.
"""

from __future__ import annotations

import unicodedata
from typing import Final

from newstide.spelling import HAN_FOLDING, LATIN_FOLDING

_GONE: Final = "\x00"
"""Stands where a character vanishes or becomes several."""
_BLANK: Final = '\t\n\v\f\r\x1c\x1d\x1e\x1f\x85\u2028\u2029"()[]{}<>/\\|_-,;:!?*#@=~^+`'
_DASHES: Final = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u201c\u201d\u00ab\u00bb"
_APOSTROPHES: Final = "\u2018\u2019\u02bc\u00b4"


def _fold_character(character: str) -> str:
    """What one character becomes: none, one or several."""
    if character in _BLANK or character in _DASHES:
        return " "
    if character in _APOSTROPHES:
        return "'"
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Mn"):
        return ""
    folded = unicodedata.normalize("NFKC", character).translate(HAN_FOLDING).translate(LATIN_FOLDING)
    bare = "".join(c for c in unicodedata.normalize("NFKD", folded) if unicodedata.category(c) != "Mn").lower()
    return "".join(" " if c in _BLANK or c in _DASHES or c.isspace() else c for c in bare)


class _Table(dict[int, str]):
    """Folds a character when it is first met. At most one entry for each character that there is."""

    def __missing__(self, code: int) -> str:
        folded = _fold_character(chr(code))
        self[code] = single = folded if len(folded) == 1 else _GONE
        return single


_TABLE: Final = _Table()
_ASCII: Final = bytes(ord(_TABLE[code]) for code in range(128)) + bytes(128)


class Folded:
    """A folded text, with the way back. `at` of a position is its place in the original."""

    __slots__ = ("_back", "text")

    def __init__(self, text: str, back: list[int] | None) -> None:
        self.text, self._back = text, back

    def at(self, position: int) -> int:
        """The place in the original of a place in the folded text, its end included."""
        return position if self._back is None else self._back[position]


def fold(text: str) -> Folded:
    """The text as names are sought in it. Same length and places, but where characters vanish or become several."""
    folded = text.encode().translate(_ASCII).decode() if text.isascii() else text.translate(_TABLE)
    return _spread(text, folded) if _GONE in folded else Folded(folded, None)


def _spread(text: str, folded: str) -> Folded:
    """What stands where `folded` has a mark, put in or left out, with the place of every character."""
    out: list[str] = []
    back: list[int] = []
    first = 0
    place = folded.find(_GONE)
    while place >= 0:
        piece = _fold_character(text[place])
        out += (folded[first:place], piece)
        back += range(first, place)
        back += [place] * len(piece)
        first = place + 1
        place = folded.find(_GONE, first)
    out.append(folded[first:])
    back += range(first, len(text) + 1)
    return Folded("".join(out), back)


def fold_name(name: str) -> str:
    """A name as it stands in a folded text."""
    return fold(" ".join(name.split())).text.strip()
