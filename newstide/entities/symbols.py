"""Symbols as stories print them: `$TSLA`, `(NYSE: GE)`, `AAPL.O`, `0700.HK`, `600519.SH`, `600519`. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

_EXCHANGES: Final = {
    "US": "NYSE NASDAQ NASQ NYQ NASDAQGS NASDAQGM NASDAQCM AMEX NYSEMKT US N O OQ K A 美股 纽交所 纳斯达克",
    "SSE": "SSE SHSE SHA SH SS CH-SH 沪 上交所",
    "SZSE": "SZSE SHE SZ 深 深交所",
    "BSE": "BJ BJSE 北交所",
    "HKEX": "HKEX HKG SEHK HKSE HK 港股 港交所",
    "LSE": "LSE LON L LN",
    "TSE": "TYO T JP",
    "XETRA": "XETRA ETR DE GY GR",
    "EPA": "EPA PA FP",
    "SWX": "SWX VTX S VX",
    "BIT": "BIT MI IM",
    "BME": "BME MC",
    "TSX": "TSX TO CN",
    "ASX": "ASX AX AU",
    "NSE": "NSE NS",
    "KRX": "KRX KS",
    "TWSE": "TWSE TPE TW",
}
_EXCHANGE_OF: Final = {word: exchange for exchange, words in _EXCHANGES.items() for word in words.split()}
_WORDS: Final = "|".join(sorted(map(re.escape, _EXCHANGE_OF), key=len, reverse=True))
_SYMBOL: Final = r"[A-Z]{1,6}(?:[.\-/][A-Z])?|\d{3,6}"
_FORMS: Final = re.compile(
    rf"(?<![\w$])\$(?P<cash>[A-Za-z]{{1,6}}(?:\.[A-Za-z])?)(?![\w$])"
    rf"|(?<![A-Za-z0-9])(?P<named>{_WORDS})\s?[:：]\s?(?P<listed>{_SYMBOL})(?![A-Za-z0-9])"
    rf"|(?<![A-Za-z0-9.])(?P<before>{_SYMBOL})\.(?P<suffix>{_WORDS})(?![A-Za-z0-9])"
    rf"|(?<![A-Za-z0-9])(?P<side>sh|sz|SH|SZ)(?P<sided>\d{{6}})(?!\d)"
    rf"|(?<=[(（])\s?(?P<inside>[A-Z]{{2,5}}(?:\.[A-Z])?|\d{{5,6}})\s?(?=[)）])"
    rf"|(?<![\w.])(?P<share>[A-Z]{{1,4}}\.[AB])(?![\w.])"
    rf"|(?<![A-Za-z0-9.,%+\-])(?P<bare>\d{{6}})(?![A-Za-z0-9.,%+\-元股万亿吨手张点年人户台辆套份])"
)
_GLANCE: Final = re.compile(r"\$[A-Za-z]|[(（]\s?[A-Z\d]|[A-Z\d]{2}\.[A-Z]|[A-Z沪深港所股]\s?[:：]\s?[A-Z\d]|\d{6}")
_DOTTED: Final = re.compile(r"\.(?<=[A-Z\d]{2}\.)[A-Z]")
_COLON: Final = re.compile(r":(?<=[A-Z]:)\s?[A-Z\d]")


class Symbol(NamedTuple):
    """A symbol as found: `exchange` is None where the text does not say. `sure` when its form can be nothing else."""

    exchange: str | None
    symbol: str
    start: int
    end: int
    sure: bool


def found_in(text: str) -> Iterator[Symbol]:
    """Everything in the text that has the form of a symbol, from left to right. Whether it is one, a listing says."""
    for match in _FORMS.finditer(text):
        kind = match.lastgroup
        if kind == "cash":
            yield Symbol("US", match["cash"].upper(), *match.span(), sure=True)
        elif kind == "listed":
            exchange = _EXCHANGE_OF[match["named"]]
            yield Symbol(exchange, _padded(match["listed"], exchange), *match.span(), sure=True)
        elif kind == "suffix":
            exchange = _EXCHANGE_OF[match["suffix"]]
            yield Symbol(exchange, _padded(match["before"], exchange), *match.span(), sure=True)
        elif kind == "sided":
            yield Symbol("SSE" if match["side"].lower() == "sh" else "SZSE", match["sided"], *match.span(), sure=True)
        elif kind == "share":
            yield Symbol("US", match["share"], *match.span(), sure=True)
        else:
            symbol = match["inside"] or match["bare"]
            market = exchange_of_code(symbol) if symbol.isdigit() else "US"
            yield Symbol(market, symbol, *match.span(), sure=kind == "inside" and symbol.isdigit())


def may_hold(text: str) -> bool:
    """Whether it is worth looking: nearly all headlines hold no symbol, and a glance costs less than the search."""
    if text.isascii() and not ("$" in text or "(" in text):
        return ("." in text and _DOTTED.search(text) is not None) or (":" in text and _COLON.search(text) is not None)
    return _GLANCE.search(text) is not None


def normal(symbol: str) -> tuple[str | None, str]:
    """Exchange and symbol of what a source gave by itself: `AAPL`, `US:AAPL`, `AAPL.O`, `600519`, `0700.HK`."""
    text = symbol.strip().lstrip("$").upper()
    for match in _FORMS.finditer(text):
        if match.span() == (0, len(text)):
            single = next(found_in(text))
            return single.exchange, single.symbol
    return (exchange_of_code(text) if text.isdigit() else "US"), text


def exchange_of_code(code: str) -> str | None:
    """The Chinese exchange that a bare code belongs to by its first digits; None where they name none."""
    if len(code) == 5:
        return "HKEX"
    if len(code) != 6:
        return None
    if code.startswith(("60", "68", "900")):
        return "SSE"
    if code.startswith(("00", "30", "200")):
        return "SZSE"
    return "BSE" if code.startswith(("43", "83", "87", "88", "92")) else None


def _padded(symbol: str, exchange: str) -> str:
    """As listings write it: Hong Kong's codes have five digits, shares of a class a dot."""
    if exchange == "HKEX" and symbol.isdigit():
        return symbol.zfill(5)
    return symbol.replace("/", ".").replace("-", ".") if exchange == "US" else symbol
