"""Bytes of strangers to text: byte-order mark, then UTF-8, then what was declared, then a guess. Pure, never raises.

Declarations lie more often than bytes that happen to be valid UTF-8 in another encoding: so UTF-8 is tried before them.
Encodings that hide ASCII in ASCII (UTF-7 and its kind) are never used: they smuggle markup past whoever looks.
"""

from __future__ import annotations

import codecs
import re
from typing import Final, NamedTuple

READ_BYTES_MAX: Final = 4 << 20
"""Of a document. Nearly all real feeds are smaller, and the tolerant parser holds ten times what it reads."""

_HEAD_BYTES: Final = 1_024
"""Where a declaration may stand."""
_SAMPLE_BYTES: Final = 64 << 10
"""Of bytes above ASCII that a guess looks at: plenty to tell two encodings apart."""
_UTF8_PIECE_BYTES: Final = 64 << 10

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# How "<" or "{" and the next ASCII character look in the wide encodings, without a mark.
_WIDE: Final = (
    (re.compile(rb"[<{\[\s]\x00\x00\x00[\x01-\x7f]\x00\x00\x00"), "utf-32-le"),
    (re.compile(rb"\x00\x00\x00[<{\[\s]\x00\x00\x00[\x01-\x7f]"), "utf-32-be"),
    (re.compile(rb"[<{\[\s]\x00[\x01-\x7f]\x00"), "utf-16-le"),
    (re.compile(rb"\x00[<{\[\s]\x00[\x01-\x7f]"), "utf-16-be"),
)
_DECLARED: Final = re.compile(rb"""<\?xml[^>]{0,200}?\sencoding\s*=\s*["']\s*([\w.:-]{1,40})\s*["']""", re.IGNORECASE)
_DECLARED_HTML: Final = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w.:-]{1,40})""", re.IGNORECASE)
_CHARSET: Final = re.compile(r"""charset\s*=\s*["']?\s*([\w.:-]{1,40})""", re.IGNORECASE)
_CONTROLS: Final = dict.fromkeys(c for c in range(32) if c not in (9, 10, 13))
_SURROGATE: Final = r"&#([xX][dD][89a-fA-F][0-9a-fA-F]{2}|5[5-7]\d{3});"
_REFERENCES: Final = re.compile(rf"{_SURROGATE}{_SURROGATE}|&#([xX][0-9a-fA-F]{{1,8}}|[0-9]{{1,10}});")
_XML_DECLARATION: Final = re.compile(r"\s*<\?xml\b[^>]{0,300}?\?>", re.IGNORECASE)

# What a name means in practice: the wider code page that browsers read it as.
_MEANS: Final = {
    "ascii": "cp1252", "iso8859-1": "cp1252", "gb2312": "gb18030", "gbk": "gb18030", "big5": "big5hkscs",
    "shift_jis": "cp932", "euc_kr": "cp949", "iso8859-9": "cp1254", "tis-620": "cp874",
}  # fmt: skip
_HONOURED: Final = re.compile(
    r"utf-8(?:-sig)?|utf-(?:16|32)(?:-[lb]e)?|gb18030|big5(?:hkscs)?|cp(?:437|7\d\d|8(?!75)\d\d|932|949|950|1006|1125|125\d)|"
    r"euc_jp|shift_jis\w*|koi8-[rtu]|iso8859-\d+|mac-\w+|johab|kz1048|ptcp154|hp-roman8"
)
"""As `codecs.lookup` names them. Not among them: UTF-7, HZ, ISO-2022, EBCDIC, and what is no character set."""

_NOT_ASCII: Final = re.compile(rb"[\x80-\xff]+")
_HIGH: Final = re.compile(rb"(?:[\x80-\xff][\x40-\x7e]?)+")
"""Characters of two bytes, the second of which may look like ASCII."""
_COMMON_HAN: Final = frozenset(
    "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定行学法所民得经十三之进着等部度家电力里如水"
    "化高自二理起小物现实加量都两体制机当使点从业本去把性好应开它合还因由其些然前外天政四日那社义事平形相全表间样与关各重新线内数正心反你明看原又么利比或但质气第向道命"
    "这變個們來時會為國對產發經過說開應還實體當點業進從學後無關長問與間機現將說動於報導資場價漲跌億萬元股市金融公司證券銀行投資收盤指數亿万股市金融公司证券银行投资收盘指涨跌"
)
_COMMON_SHARE_MIN: Final = 0.15
"""Of the Han characters of a Chinese text, the most frequent 200 make up a third or more; of a text that was decoded
wrongly, next to none."""


class Decoded(NamedTuple):
    text: str
    encoding: str
    guessed: bool
    """The bytes are not what was declared, or nothing was declared and they are not UTF-8."""
    damaged: bool
    """Some bytes mean nothing in that encoding; U+FFFD stands for them."""


def decode(body: bytes, content_type: str = "") -> Decoded:
    """The text of a document, without mark. `content_type` is the HTTP header, which may name a charset."""
    declared = _declared(body, content_type)
    for mark, encoding in _MARKS:
        if body.startswith(mark):
            return _decoded(body[len(mark) :], encoding, guessed=False)
    for pattern, encoding in _WIDE:
        if pattern.match(body):
            return _decoded(body, encoding, guessed=False)
    if is_utf8(body):
        return _decoded(body, "utf-8", guessed=bool(declared) and declared[0] is None)
    chinese = _chinese(body)
    for name in declared:
        # A page of 256 characters takes any bytes: what its name says is no evidence against Chinese ones.
        if name and not (chinese and name == "cp1252") and _strictly(body, name):
            return _decoded(body, name, guessed=name != declared[0])
    return _decoded(body, chinese or _guess(body, declared), guessed=True)


def without_declaration(text: str) -> str:
    """The document without its XML declaration and what stands before it: the encoding it names is no longer true."""
    found = _XML_DECLARATION.match(text)
    return (text[found.end() :] if found else text).lstrip()


def valid_characters(text: str) -> str:
    """Only characters that XML may hold, written out or as references; a pair of surrogates becomes its character."""
    text = text.translate(_CONTROLS)
    return _REFERENCES.sub(_valid_reference, text) if "&#" in text else text


def _valid_reference(found: re.Match[str]) -> str:
    codes = [int(digits[1:], 16) if digits[:1] in "xX" else int(digits) for digits in found.groups() if digits]
    if len(codes) == 2:
        high, low = codes
        return chr(0x10000 + ((high & 0x3FF) << 10) + (low & 0x3FF)) if high < 0xDC00 <= low else ""
    code = codes[0]
    surrogate = 0xD800 <= code <= 0xDFFF
    return "" if code in _CONTROLS or surrogate or code in (0xFFFE, 0xFFFF) or code > 0x10FFFF else found.group()


def is_utf8(body: bytes) -> bool:
    """Looks piece by piece: a text of 15 MiB is not held a second time. A character cut off at the end is no fault."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for start in range(0, len(body), _UTF8_PIECE_BYTES):
            decoder.decode(body[start : start + _UTF8_PIECE_BYTES])
    except UnicodeDecodeError:
        return False
    return True


def _decoded(body: bytes, encoding: str, *, guessed: bool) -> Decoded:
    text = body.decode(encoding, "replace")
    return Decoded(text.lstrip("\ufeff"), encoding, guessed, "\ufffd" in text)


def _declared(body: bytes, content_type: str) -> list[str | None]:
    """The encodings that the header and the document name, in order; None for one that we do not read."""
    names = [found[1] for found in (_CHARSET.search(content_type),) if found]
    head = body[:_HEAD_BYTES].replace(b"\x00", b"")
    names += [found[1].decode("ascii", "replace") for p in (_DECLARED, _DECLARED_HTML) if (found := p.search(head))]
    return [_codec(name) for name in names]


def _codec(name: str) -> str | None:
    try:
        known = codecs.lookup(name).name
    except (LookupError, ValueError):
        return None
    known = _MEANS.get(known, known)
    return known if _HONOURED.fullmatch(known) else None


def _strictly(body: bytes, encoding: str) -> bool:
    try:
        body.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        return False
    return True


def _chinese(body: bytes) -> str:
    """The Chinese encoding in which the bytes make sense; empty when neither does, or they are mostly UTF-8."""
    sample = b" ".join(_HIGH.findall(body)[: _SAMPLE_BYTES // 8])[:_SAMPLE_BYTES]
    if _mostly_utf8(sample):
        return ""
    scores = {name: _common_share(sample.decode(name, "ignore")) for name in ("gb18030", "big5hkscs")}
    best = max(scores, key=lambda name: scores[name])
    return best if scores[best] >= _COMMON_SHARE_MIN else ""


def _guess(body: bytes, declared: list[str | None]) -> str:
    """UTF-8 with faults, else what was declared in spite of faults, else western European, which takes any byte."""
    if _mostly_utf8(body[: 4 * _SAMPLE_BYTES]):
        return "utf-8"
    return next((name for name in declared if name and not name.startswith("utf-")), "cp1252")


def _mostly_utf8(sample: bytes) -> bool:
    high = sum(map(len, _NOT_ASCII.findall(sample)))
    read = "".join(c for c in sample.decode("utf-8", "ignore") if c > "\x7f")
    return 2 * len(read.encode("utf-8")) > high


def _common_share(text: str) -> float:
    han = [c for c in text if "\u3400" <= c <= "\u9fff"]
    return sum(c in _COMMON_HAN for c in han) / len(han) if han else 0.0
