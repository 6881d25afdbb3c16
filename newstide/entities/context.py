"""Whether a name means its entity where it stands: evidence beside the name, weighed. Pure.

A name that can mean nothing else needs no evidence; a weak one starts low and is lifted by what surrounds it. The
weights are ours, set on headlines of 2015 to 2018 (docs/linking.md); what is below `LINKED` is not linked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

Style = Literal["sentence", "title", "upper", "lower"]
"""How a text uses capitals: only in a sentence do they say something about a single word."""

LINKED: Final = 0.6
SURE: Final = 0.98
"""Of a full name; nothing that is read from text alone is certain."""
ALIAS: Final = 0.95
WEAK: Final = 0.3
"""Of a weak name without evidence."""
SUPPORT: Final = 0.65
"""The same entity is named beyond doubt elsewhere in the story, or by the source."""
CAPITAL: Final = 0.35
"""A capital in the middle of a sentence."""
VERB: Final = 0.3
"""A capital at the beginning, with what looks like a verb after it."""
AFTER: Final = 0.4
BEFORE: Final = 0.3
AGAINST: Final = -0.3
"""It stands where a person's name stands, or in the name of somebody else."""
_AROUND_CHARS: Final = 40

_COMPANY_AFTER: Final = re.compile(
    r"(?:'s?)? +(?:inc|corp|co|company|companies|plc|ltd|llc|lp|sa|ag|nv|group|holdings?|motors?|shares?|stocks?|"
    r"shareholders?|investors?|ceo|cfo|coo|chief|chairman|chairwoman|boards?|exec|execs|executives?|president|founder|"
    r"management|profits?|revenues?|earnings|quarterly|q[1-4]|results|outlook|guidance|says?|said|sees|posts?|reports?|"
    r"reported|unveils?|launche?s|announces?|announced|raises|cuts|names|appoints|hires|fires|sues|sued|wins|"
    r"loses|plans|"
    r"expects|agrees|adds|buys|sells|acquires|beats|misses|tops|warns|recalls|faces|settles|pays|files|denies|confirms|"
    r"considers|explores|seeks|offers|signs|completes|prices \$|issues|declares|elects|unit|subsidiary|spokes\w+|"
    r"rivals?|suppliers?|ratings?|credit rating|employees|workers|dividend|ipo|buyback|stake|merger|takeover|nyse|"
    r"nasdaq|downgraded|upgraded|"
    r"in (?:talks|final|exclusive|advanced|deal|pact)|closer? to|won't|mulls|moves|asks|taps|leads|could|would|may|"
    r"to (?:buy|sell|cut|pay|acquire|invest|raise|launch|open|close|build|hire|lay|start|stop|add|offer|expand|report|"
    r"recall|replace|spend|release|unveil|settle|shut|take|merge|spin|split|pull|end|axe|shed|move|get|roll|test))\b"
)
_COMPANY_BEFORE: Final = re.compile(
    r"(?:shares (?:of|in)|stake in|unit of|maker|giants?|chain|retailers?|automakers?|carmakers?|carrier|insurer|"
    r"lender|"
    r"miner|drugmaker|ceo of|rivals?|versus|vs|sues|buys|acquires|acquire|upgrades?|downgrades?|owner|parent|"
    r"operator|firm|"
    r"subsidiary|brief|invests in|partners with|merger with|deal with|bid for|acquisition of|purchase of) +$"
)
_MARKET_AFTER: Final = re.compile(
    r" +(?:prices?|futures?|rises?|falls?|rose|fell|gains?|slips?|eases?|edges?|jumps?|drops?|climbs?|holds?|steady|"
    r"steadies|hits?|slides?|extends?|rall\w+|surges?|soars?|tumbles?|sinks?|rebounds?|retreats?|firms|firmer|weakens?|"
    r"weaker|strengthens?|stronger|dips?|near|below|above|output|supply|supplies|demand|imports?|exports?|stockpiles?|"
    r"inventories|production|traders?|markets?|bulls?|bears?|glut|rout|rally|selloff|"
    r"exporters?|importers?|shipments?|sales|bonds|yields?|closes?|ends?|opens?|up|down|set for|"
    r"heads? for|on track|higher|lower|against|vs|versus|mixed|flat|little changed|at (?:one|two|\d|a|record))\b"
)
_MARKET_BEFORE: Final = re.compile(
    r"(?:spot|comex|lme|nymex|price of|prices of|demand for|imports of|exports of|supply of|precious metals?|metals|"
    r"forex|bets on|bullish on|bearish on|as|while|weak|weaker|strong|stronger|cheap|firm|firmer|versus|vs|against the|"
    r"against|lower|higher|rising|falling|us|u\.s\.|brent|crude) +(?:the +)?$"
)
_BANK_AFTER: Final = re.compile(
    r"(?:'s?)? +(?:chair\w*|rate|rates|minutes|officials?|hikes?|raises|cuts|holds|keeps|leaves|meeting|policy|"
    r"policymakers?|"
    r"says?|said|sees|signals?|stays|to (?:raise|hold|cut|keep|hike|buy|sell)|bets|hawks?|doves?|statement|decision|"
    r"speakers?|governors?|president|view|stress|taper\w*|balance sheet|probe\w*|charges?|fines?|files|sues|"
    r"commissioner|filing|'s)\b"
)
_HAN_AFTER: Final = re.compile(
    r"的?(?:股份|集团|公司|汽车|银行|证券|保险|手机|科技|控股|股价|ceo|董事长|总裁|创始人|高管|财报|业绩|营收|净利|市值|股东|发布会|"
    r"宣布|发布|公告|回应|推出|表示|旗下|拟|将|完成|收购|上市|概念|产业链|供应商|新机|系统|平台|起诉|被诉|遭|股票|股|"
    r"期货|现货|价格|期价|大涨|大跌|收涨|收跌|走强|走弱|上涨|下跌|涨|跌|指数|升破|跌破|突破|开盘|收盘|兑|汇率|"
    r"降准|降息|加息|逆回购|开展|公开市场|行长|今日|今天|涉嫌|获得|持股|减持|增持|退出|介入|率先|否认|承认|内部|官网|商店|"
    r"首次|发售|试点|研发|破产|召回|裁员|高管|应用|用户|人寿|影业|地产|置业|院线|产险|财险|寿险|周[一二三四五六日]|"
    r"\d{1,2} ?(?:pro|max|系列|手机|青春))"
    r"|[ 　]*(?:\d{4,6}|[a-z]{2,})"
)
_HAN_BEFORE: Final = re.compile(
    r"(?:持有|控股|投资|入股|起诉|减持|增持|股东|旗下|巨头|巨头的|公司|做空|看好|加仓|买入|卖出|国际|现货|做多|兑|增持了)$"
)
_COLONS: Final = frozenset("：:")
_ANDS: Final = frozenset("、和与及")
_PERSON_BEFORE: Final = re.compile(
    r"(?:\b(?:ceo|cfo|coo|mr|mrs|ms|dr|sir|judge|justice|senator|sen|rep|gov|governor|minister|secretary|coach|premier|"
    r"president|congressman|attorney|economist|named|analyst)\.?) +$"
)
_NAME_AFTER: Final = re.compile(
    r" +(?:corp|inc|ltd|limited|co|company|mining|resources|minerals|royalty|group|holdings|bancorp|energy|plc|llc)\b"
)
_VERB: Final = re.compile(r" +(?!this|his|its|news|was|is|has|as)[a-z]{3,}(?<!s)s\b")
_WORD: Final = re.compile(r"[A-Za-z]{4,}")


class Weighed(NamedTuple):
    """How likely a name means its entity, 0 to 1, and what says so."""

    score: float
    reason: str


def style_of(text: str) -> Style:
    """How a text uses capitals. Three quarters of its longer words with one make a title."""
    if text.isupper():
        return "upper"
    if text.islower():
        return "lower"
    words = _WORD.findall(text)
    capitals = sum(word[0].isupper() for word in words)
    return "title" if len(words) >= 3 and capitals > 0.75 * len(words) else "sentence"


def begins(text: str, start: int) -> bool:
    """Whether a sentence or a part of one begins there, so that a capital says nothing."""
    before = text[max(0, start - 4) : start].rstrip(" \"'“‘(（")
    return not before or before[-1] in ".!?:;-|–—"


def follows_capital(text: str, start: int) -> bool:
    """Whether the word before is a name as well (Jim Rogers), and no possessive (Buffett's Berkshire)."""
    before = text[max(0, start - _AROUND_CHARS) : start]
    word = before.rstrip(" ").rpartition(" ")[2]
    return before.endswith(" ") and not before.endswith("  ") and word[:1].isupper() and word.isalpha()


def precedes_capital(text: str, end: int) -> bool:
    """Whether the name goes on with another word of a name (Continental Materials)."""
    return text[end : end + 1] == " " and text[end + 1 : end + 2].isupper()


def company_evidence(text: str, start: int, end: int) -> tuple[float, str]:
    """Of the words around a Latin name in a folded text: is it somebody who acts as companies do?"""
    if _PERSON_BEFORE.search(text[max(0, start - _AROUND_CHARS) : start]):
        return AGAINST, "a person's name"
    return _evidence(_COMPANY_AFTER, _COMPANY_BEFORE, text, start, end)


def is_named_after(text: str, end: int) -> bool:
    """Whether a common noun is the beginning of a company's name (Gold Resource Corp, Sterling Bancorp)."""
    return _NAME_AFTER.match(text, end) is not None


def market_evidence(text: str, start: int, end: int) -> tuple[float, str]:
    """The same for what is traded, and written in lower case: gold, oil, the dollar."""
    if is_named_after(text, end):
        return AGAINST, "part of another name"
    return _evidence(_MARKET_AFTER, _MARKET_BEFORE, text, start, end)


def bank_evidence(text: str, start: int, end: int) -> tuple[float, str]:
    """The same for those who set rates and rules."""
    return _evidence(_BANK_AFTER, _COMPANY_BEFORE, text, start, end)


def han_evidence(text: str, start: int, end: int) -> tuple[float, str]:
    """The same for a Chinese name, which no blank sets apart."""
    return _evidence(_HAN_AFTER, _HAN_BEFORE, text, start, end)


def heads(text: str, start: int, end: int) -> bool:
    """Whether a Chinese headline says by a colon who it is about: 白云山：子公司证书被收回."""
    return start == 0 and text[end : end + 1] in _COLONS


def list_goes_on(text: str, start: int, end: int) -> Iterator[int]:
    """Where, beside a name in a Chinese list, the next name begins and the one before ends: 华为、小米和三星."""
    if text[end : end + 1] in _ANDS:
        yield end + 1
    if text[start - 1 : start] in _ANDS:
        yield start - 1


def verb_evidence(text: str, end: int) -> bool:
    """Whether a name is followed by what looks like a verb of the third person, or is in the possessive."""
    return text.startswith("'s ", end) or _VERB.match(text, end) is not None


def _evidence(after: re.Pattern[str], before: re.Pattern[str], text: str, start: int, end: int) -> tuple[float, str]:
    found = after.match(text, end)
    if found:
        return AFTER, f"followed by {found[0].strip()!r}"
    found = before.search(text[max(0, start - _AROUND_CHARS) : start])
    return (BEFORE, f"preceded by {found[0].strip()!r}") if found else (0.0, "")
