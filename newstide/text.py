"""How a story becomes model input.

Training and serving both call this module and nothing else, so that the two cannot drift: a text is scored in exactly
the form in which the model learned it. Pure: no clock, no files, no environment. Never raises on content; text comes
from strangers (control characters, lone surrogates, megabytes in a headline are all expected).
"""

import re
import unicodedata
from typing import Final

from newstide.messages import Language
from newstide.spelling import one_spelling

# A model reads at most 128 tokens; 1,024 characters hold more than that in any natural text, and the bound keeps a
# 5 MB "headline" from costing more than a real one.
INPUT_CHARS_MAX: Final = 1_024
READ_CHARS_MAX: Final = 4 * INPUT_CHARS_MAX
"""Folding may shorten (white space, invisible characters), so more is read than is kept."""

# White space that is also a control character must become a space, not vanish: "a\nb" is two words.
_SPACE_CONTROLS: Final = re.compile(r"[\t\n\v\f\r\x1c-\x1f\x85\u2028\u2029]")
# Categories Cc, Cf and Cs: controls, zero-width, bidirectional marks, tags, lone surrogates. Written out, because
# scanning the whole character table at import would cost more than all else that the CLI imports.
_INVISIBLE: Final = re.compile(
    r"[\x00-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u202a-\u202e"
    r"\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000110bd\U000110cd\U00013430-\U0001343f"
    r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f]"
)
_URL: Final = re.compile(r"https?://\S+", re.IGNORECASE | re.ASCII)
_HAN: Final = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_LATIN: Final = re.compile(r"[A-Za-z\u00c0-\u024f]")

# A Chinese headline often carries Latin names and tickers, an English one hardly ever Chinese characters; a Chinese
# character says about as much as three Latin letters.
_HAN_WEIGHT: Final = 3
_HAN_SHARE_MIN: Final = 0.3


def fold(text: str) -> str:
    """One spelling for what reads the same: NFKC (full and half width), nothing invisible, single spaces, stripped.

    Pure and idempotent. Does not change case: tickers need it, and the model's own tokenizer lowers it.
    """
    if not (text.isascii() and text.isprintable()):
        text = _INVISIBLE.sub("", _SPACE_CONTROLS.sub(" ", text))
        text = unicodedata.normalize("NFKC", text)
    return " ".join(text.split())


def model_input(title: str, body: str = "") -> str:
    """The text that the model reads: the folded title, or the start of the body when the title holds nothing.

    Traditional characters become simplified ones, and foreign letters that look Latin become Latin. Links are left out,
    for they cost tokens and say nothing about the news. At most `INPUT_CHARS_MAX` characters;
    empty only when both title and body hold nothing readable.
    """
    return _readable(title) or _readable(body)


def language_of(text: str) -> Language:
    """The language by script: `zh` when Chinese characters carry the text, `en` for Latin letters, else `und`."""
    head = text[:READ_CHARS_MAX]
    han = len(_HAN.findall(head)) * _HAN_WEIGHT
    latin = len(_LATIN.findall(head))
    if han + latin == 0:
        return "und"
    return "zh" if han / (han + latin) >= _HAN_SHARE_MIN else "en"


def _readable(raw: str) -> str:
    text = one_spelling(fold(_URL.sub(" ", fold(raw[:READ_CHARS_MAX]))))
    return text[:INPUT_CHARS_MAX].rstrip()
