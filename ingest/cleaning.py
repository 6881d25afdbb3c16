"""Text of strangers to plain text. Pure, linear in its input, never raises on content."""

from __future__ import annotations

import html
import re
from typing import Final, NamedTuple

# White space that is also a control character separates words; it is no sign of anything.
_SPACE_CONTROLS: Final = re.compile(r"[\t\n\v\f\r\x1c-\x1f\x85\u2028\u2029]")
# What a reader does not see: controls, bidirectional marks, zero-width spaces and joiners of words, tags, byte-order
# marks, lone surrogates, noncharacters. U+200C and U+200D stay: languages and emoji are written with them.
_INVISIBLE: Final = re.compile(
    r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff"
    r"\ufff9-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]"
)
# Elements of HTML by name: "<SRD>" in a headline is a ticker, and must stay.
_INLINE: Final = (
    "a|abbr|acronym|b|bdi|bdo|big|blink|cite|code|data|del|dfn|em|font|i|ins|kbd|mark|nobr|q|rp|rt|ruby|s|samp|small|"
    "span|strike|strong|sub|sup|time|tt|u|var|wbr"
)
_BLOCK: Final = (
    "address|applet|area|article|aside|audio|base|basefont|blockquote|body|br|button|canvas|caption|center|col|colgroup|"
    "datalist|dd|details|dialog|dir|div|dl|dt|embed|fieldset|figcaption|figure|footer|form|frame|frameset|h[1-6]|head|"
    "header|hgroup|hr|html|iframe|image|img|input|label|legend|li|link|main|map|marquee|math|menu|meta|meter|nav|"
    "noframes|noscript|object|ol|optgroup|option|output|p|param|picture|pre|progress|section|select|source|summary|svg|"
    "table|tbody|td|template|textarea|tfoot|th|thead|title|tr|track|ul|video"
)
_HIDDEN: Final = "script|style"
_TAG: Final = re.compile(
    rf"<(/?)(?:({_HIDDEN})|({_BLOCK})|(?:{_INLINE}))(?=[\s/>])[^<>]*(?:>|\Z)|<!\[CDATA\[|\]\]>",
    re.IGNORECASE | re.DOTALL,
)
_ENTITY: Final = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")


class Cleaned(NamedTuple):
    text: str
    altered: bool
    """Something invisible was taken out."""
    cut: bool
    """There was more than the limit."""


def plain_text(raw: str, chars_max: int) -> Cleaned:
    """The readable text of `raw`, of at most `chars_max` characters: no markup, no controls, single spaces.

    Markup may be most of a text, so four times the limit is looked at and the rest is not.
    """
    looked_at = raw[: 4 * chars_max]
    text, altered = _visible(looked_at)  # first: what nobody sees must not hide a tag
    if "<" in text or "&" in text:
        text, again = _visible(without_markup(text))
        altered |= again
    text = " ".join(text.split())
    cut = len(raw) > len(looked_at) or len(text) > chars_max
    return Cleaned(text[:chars_max].rstrip(), altered, cut)


def _visible(text: str) -> tuple[str, bool]:
    if text.isprintable():  # quick, and true whenever nothing invisible is there
        return text, False
    spaced = _SPACE_CONTROLS.sub(" ", text)
    seen = _INVISIBLE.sub("", spaced)
    return seen, len(seen) != len(spaced)


def without_markup(text: str) -> str:
    """Tags and comments gone, the insides of scripts and styles too, entities resolved once, and tags once more.

    Blocks become spaces and inline tags nothing, so that words neither melt together nor fall apart. The second look is
    for what was escaped twice, as many feeds do.
    """
    text = _without_tags(text)
    return _without_tags(_ENTITY.sub(lambda found: html.unescape(found.group()), text)) if "&" in text else text


def _without_comments(text: str) -> str:
    """By search and not by pattern, which would look for the end of each beginning anew."""
    kept, read = [], 0
    while (start := text.find("<!--", read)) >= 0 and (end := text.find("-->", start + 4)) >= 0:
        kept.append(text[read:start])
        read = end + 3
    return "".join(kept) + text[read:]


def _without_tags(text: str) -> str:
    if "<" not in text:
        return text
    text = _without_comments(text)
    kept: list[str] = []
    read, hidden = 0, ""
    for found in _TAG.finditer(text):
        closing, hides, block = found.group(1, 2, 3)
        if not hidden:
            kept.append(text[read : found.start()])
            kept.append(" " if block else "")
        if hides:
            hidden = "" if closing and hides.lower() == hidden else hidden or ("" if closing else hides.lower())
        read = found.end()
    if not hidden:
        kept.append(text[read:])
    return "".join(kept)


def first_sentence(text: str, chars_max: int) -> str:
    """The start of `text` up to the first end of a sentence, of at most `chars_max` characters."""
    found = _SENTENCE_END.search(text[: chars_max + 1])
    return text[: found.end()] if found else text[:chars_max].rstrip()


_SENTENCE_END: Final = re.compile(r"[.!?](?=\s|\Z)|[。！？]")
