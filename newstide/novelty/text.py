"""A headline as it is compared: without its dressing, its numbers written in one way, cut into shingles. Pure."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import Final

from newstide.novelty.words import COMMON, FIRM_ENDS_ZH, SHORT_ZH

TEXT_CHARS_MAX: Final = 300
"""Of a text that is compared. A headline has some 60; of a story without one the start must do."""

_WIRE: Final = (
    "UPDATE|WRAPUP|RPT|REPEAT|REFILE|CORRECTED|CORRECTION|BRIEF|FLASH|URGENT|EXCLUSIVE|INSIGHT|FOCUS|ANALYSIS|BUZZ|COLUMN|"
    "DEALTALK|FACTBOX|GRAPHIC|TIMELINE|SPECIAL REPORT|INTERVIEW|NEWSMAKER|EXPLAINER|TABLE|HIGHLIGHTS|MOVES|MEDIA|"
    "ON THE MOVE|BREAKING|JUST IN|ALERT|ADVISORY|US STOCKS(?: SNAPSHOT)?|CANADA STOCKS|GLOBAL MARKETS|LIVE MARKETS|"
    "TRLPC|LPC|AIRSHOW|AUTOSHOW|CERAWEEK|REUTERS SUMMIT|WIDER IMAGE|YOUR PRACTICE"
)
_PREFIX: Final = re.compile(
    rf"(?:(?:{_WIRE})(?: \d{{1,2}})?(?:[ -]?\(OFFICIAL\))?\s*[-:–—]\s*"
    r"|[\[【(（][^\]】)）]{1,12}[\]】)）]\s*"
    r"|(?:快讯|突发|重磅|独家|更新|更正|最新|速报|早讯|午评|收评|盘中|市场消息|消息)\s*[:：|丨]\s*"
    r"|据?(?:[外俄美英日韩港德法]媒|媒体)(?:报道|称|消息)?\s*[:：，,]\s*"
    r"|[^，。,.]{0,8}\d{1,2}月\d{1,2}日(?:电|讯|消息)\s*[，,:：]?\s*)+",
    re.IGNORECASE,
)
_ATTRIBUTED: Final = (
    "sources?|source says|sources say|reports?|paper|exec|executive|ceo|cfo|officials?|minister|ministry|wsj|ft|bbg|"
    "nyt|cnbc|bloomberg|reuters|dow jones|nikkei|judge|lawyer|poll|memo|filing|analysts?|statement|"
    "spokes(?:man|woman|person)|"
    "media|regulators?|study|survey|data|document|court|letter|market source|state media"
)
_SUFFIX: Final = re.compile(
    r"\s*(?:"
    rf"(?:[-–—]{{1,2}}|:|\||,|\s{{1,2}})\s*(?:{_ATTRIBUTED})(?: [A-Z][\w.]*)?(?:,? citing (?:a )?sources?)?"
    r"|\s[-–—|]{1,2}\s?[A-Z][\w.&']*(?: [A-Z][\w.&']*){0,2}"
    r"|[_|-](?:新浪财经|财联社|东方财富网?|证券时报网?|中国证券网|第一财经|和讯网?|同花顺|腾讯|网易|凤凰网?)\S{0,4}"
    r"|[(（](?:来源|记者|编辑)[^)）]{0,20}[)）]"
    r")\s*$",
    re.IGNORECASE,
)
_KEPT_CHARS_MIN: Final = 6
"""What is taken off an end must leave a headline behind."""

_COUNT: Final = {word: str(n) for n, word in enumerate("two three four five six seven eight nine ten".split(), start=2)}
_ORDINAL: Final = {
    "first": "1", "1st": "1", "second": "2", "2nd": "2", "third": "3", "3rd": "3", "fourth": "4", "4th": "4",
    "一": "1", "二": "2", "三": "3", "四": "4", "1": "1", "2": "2", "3": "3", "4": "4",
}  # fmt: skip
_PERIOD: Final = re.compile(
    r"\b(first|1st|second|2nd|third|3rd|fourth|4th)[ -](quarter|qtr|half)\b"
    r"|\b([1-4])q\b|第?([一二三四1-4])季[度报]?(?=\D|$)|(上|下)半年"
)
_UNIT: Final = {
    "billion": "b", "bln": "b", "bn": "b", "million": "m", "mln": "m", "mn": "m", "mil": "m",
    "trillion": "t", "trln": "t", "tn": "t", "percent": "%", "pct": "%", "per cent": "%", "%": "%", "thousand": "k",
    "万亿": "万亿", "亿": "亿", "万": "万", "倍": "倍",
}  # fmt: skip
_NUMBER: Final = re.compile(
    r"(?<![a-z0-9])(\d[\d,]*(?:\.\d+)?|" + "|".join(_COUNT) + r")"
    r"(?:[ -]?(" + "|".join(sorted(_UNIT, key=len, reverse=True)) + r"))?(?![a-z])"
)
_SHORT: Final = {
    "s africa": "south africa",
    "n american": "north american", "s korea": "south korea", "s korean": "south korean", "n korea": "north korea",
    "dept": "department", "govt": "government", "calif": "california", "intl": "international", "ny": "new york",
    "uk": "british", "britain": "british", "britains": "british", "vs": "versus", "exec": "executive", "co": "company",
    "vw": "volkswagen", "jv": "joint venture", "st": "street", "hq": "headquarters", "usfda": "fda", "secs": "sec",
    "qtrly": "quarterly", "shr": "share", "eps": "earnings per share", "yr": "year", "yrs": "years",
}  # fmt: skip
_SHORT_FORM: Final = re.compile(r"\b(?:" + "|".join(sorted(_SHORT, key=len, reverse=True)) + r")\b")
_SHORT_FORM_ZH: Final = re.compile("|".join(sorted(SHORT_ZH, key=len, reverse=True)))
_DIGITS_ZH: Final = dict(zip("两二三四五六七八九", "223456789", strict=True)) | {"十": "10"}
_COUNTED_ZH: Final = re.compile(
    r"(?<![一二两三四五六七八九十百千])[二两三四五六七八九十](?=[天日个次家名年月周连成倍大轮批期届])"
)
"""A count that is written out: 连续三天. Longer numerals are rare in headlines; 一 is as often no number."""
_MARKED_ZH: Final = re.compile(r"\*?\bst(?=[\u3400-\u9fff])")
"""The mark of a share that may be delisted, which comes and goes before a company's name: *ST皇台."""
_BORDER: Final = re.compile(r"(?<=[a-z])(?=[\u3400-\u9fff])|(?<=[\u3400-\u9fff])(?=[a-z\d])")
_INITIALS: Final = re.compile(r"\b(?:[a-z]\.){2,}(?:[a-z]\b)?")
_POSSESSIVE: Final = re.compile(r"'s?(?![a-z])")
_REST: Final = re.compile(r"[^\w%·]+")
_HAN: Final = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]+")


def undressed(text: str) -> str:
    """The headline without what a wire or an outlet puts around it: `UPDATE 2-`, `【快讯】`, ` - Reuters`, ` -sources`.

    `text` is what `newstide.text.model_input` returns. At most TEXT_CHARS_MAX characters, case kept.
    """
    text = text[:TEXT_CHARS_MAX]
    found = _PREFIX.match(text)
    if found and len(text) - found.end() >= _KEPT_CHARS_MIN:
        text = text[found.end() :]
    found = _SUFFIX.search(text)
    if found and found.start() >= _KEPT_CHARS_MIN:
        text = text[: found.start()]
    return text.strip()


@lru_cache(maxsize=16_384)  # a batch and all that it may be compared with; some 10 MB
def canonical(text: str) -> str:
    """Words in lower case, parted by single spaces; numbers in one form.

    `$2.30 bln` and `2.3 billion` are `2·3b`, `pct` and `percent` are `%`, `second-quarter` and `2nd qtr` are `q2`.
    """
    lower = text.lower().replace("’", "'").replace("‘", "'").replace("·", " ")  # which is our decimal point below
    lower = _POSSESSIVE.sub("", lower).replace("'", "")
    if "." in lower:
        lower = _INITIALS.sub(lambda found: found.group().replace(".", ""), lower)
    if any(word in lower for word in ("quarter", "qtr", "half", "q", "季", "半年")):
        lower = _PERIOD.sub(_period, lower)
    chinese = not lower.isascii()
    if chinese:
        if "成" in lower:
            lower = _TENTHS_ZH.sub(lambda found: f"{_TENTHS.get(found[1], found[1])}0%", lower)
        lower = _RANGE_ZH.sub(r"\1\3 \2\3", lower)
        lower = _COUNTED_ZH.sub(lambda found: _DIGITS_ZH[found.group()], lower)
        lower = _MARKED_ZH.sub("", lower)
        lower = _BORDER.sub(" ", _SHORT_FORM_ZH.sub(lambda found: SHORT_ZH[found.group()], lower))
    plain = " ".join(_REST.sub(" ", _NUMBER.sub(_scaled if chinese else _number, lower)).split())
    return _SHORT_FORM.sub(lambda found: _SHORT[found.group()], plain)


def _period(found: re.Match[str]) -> str:
    ordinal, span, short, season, half = found.groups()
    if half:
        return " h1 " if half == "上" else " h2 "
    return f" {'h' if span == 'half' else 'q'}{_ORDINAL[ordinal or short or season]} "


def _number(found: re.Match[str]) -> str:
    digits, unit = found.groups()
    digits = _COUNT.get(digits) or digits.replace(",", "")
    whole, _, part = digits.partition(".")
    part = part.rstrip("0")
    return f" {whole.lstrip('0') or '0'}{'·' + part if part else ''}{_UNIT[unit] if unit else ''} "


def _scaled(found: re.Match[str]) -> str:
    """A number of a Chinese text with the largest unit of which it has one or more: 12000万 is `1·2亿`."""
    digits, unit = found.groups()
    counted = found.string[found.end() : found.end() + 1] in _COUNTED_BY_ZH
    if unit not in _PLACES_ZH or digits in _COUNT or not (unit or counted) or _SCALED.match(digits):
        return _number(found)
    value = Decimal(digits.replace(",", "")).scaleb(_PLACES_ZH[unit])
    larger = next(name for name, places in _PLACES_ZH.items() if value.adjusted() >= places or not places)
    shown = format(value.scaleb(-_PLACES_ZH[larger]).normalize(), "f") if value else "0"
    return f" {shown.replace('.', '·')}{larger or ''} "


_SCALED: Final = re.compile(r"[1-9]\d{0,3}(?!\d|,)")
_PLACES_ZH: Final[dict[str | None, int]] = {"万亿": 12, "亿": 8, "万": 4, None: 0}
_TENTHS: Final = _DIGITS_ZH | {"一": "1"}
_COUNTED_BY_ZH: Final = frozenset("股元人户辆台吨例份")
_TENTHS_ZH: Final = re.compile(
    r"(?<![一二三四五六七八九十\d])([一二两三四五六七八九1-9])成(?![为立功交员果本都长熟型份])"
)
"""下滑超四成 is 下滑超40%."""
_RANGE_ZH: Final = re.compile(r"(\d[\d,]*(?:\.\d+)?)\s?[-~–—至到]\s?(\d[\d,]*(?:\.\d+)?)(万亿|亿|万|%|倍)")
"""1至2亿元 is 1亿元至2亿元."""


def is_chinese(text: str) -> bool:
    """Whether it is to be cut as Chinese: half of its letters or more are; figures are of no language."""
    if text.isascii():
        return False
    rest = _HAN.sub("", text)
    return len(text) - len(rest) >= max(1, sum(map(str.isalpha, rest)))


def firms_in(text: str) -> list[str]:
    """The Chinese companies in a canonical text, each by the two characters before a word that such names end with."""
    return _FIRM_ZH.findall(text)


_FIRM_ZH: Final = re.compile(r"[\u4e00-\u9fff]{2}(?=" + "|".join(FIRM_ENDS_ZH.split()) + ")")


@lru_cache(maxsize=4_096)  # sets weigh more than texts, and the garbage collector walks them
def shingles(text: str) -> frozenset[str]:
    """The runs of characters of a canonical text, two in Chinese and four elsewhere, its telling words five times more.

    Four characters of English say about as much as two of Chinese. A word that is not COMMON (a name, a number) weighs
    more, as an element repeated in a bag does (Leskovec et al., section 3.1.3): earnings headlines are one template,
    and only the company and the figure say which is which.
    """
    text = _LONG_FIGURE.sub(_rounded, text)
    if is_chinese(text):
        bare = text.replace(" ", "")
        runs = [bare[n : n + 2] for n in range(max(1, len(bare) - 1))]
        runs += [f"{mark}{bare[:_SUBJECT_CHARS]}" for mark in _WEIGHT]
    else:
        padded = f" {text} "
        runs = [padded[n : n + 4] for n in range(max(1, len(padded) - 3))]
    telling = (word for word in text.split() if word not in COMMON and word.isascii())
    return frozenset(runs).union(f"{mark}{word}" for word in telling for mark in _WEIGHT)


def _rounded(found: re.Match[str]) -> str:
    return str(int(found[1]) + (found[2] >= "5"))


_LONG_FIGURE: Final = re.compile(r"(?<!\w)(\d{2,12})·(\d)\d*")
"""222.89% and 223% are alike; whether they are the same, the guard says."""
_SUBJECT_CHARS: Final = 3
"""Of a Chinese headline: nothing marks its names, but it begins with its subject, whose name has three or four."""
WEIGHTED: Final = "#"
"""With which an element begins that stands for a word again, and no run of characters does."""
_WEIGHT: Final = tuple(f"{WEIGHTED}{n} " for n in range(1, 6))
