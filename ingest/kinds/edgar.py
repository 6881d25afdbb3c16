"""SEC EDGAR: the latest filings of all (Atom), or those of one company (JSON).

The SEC asks automated readers to name a contact in their user agent and to stay within 10 requests a second, and
refuses with 403 who does not: https://www.sec.gov/os/accessing-edgar-data.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

import msgspec

from ingest.entry import Entry, Parsed
from ingest.kinds.listing import listed
from ingest.kinds.paths import NoJson, at, load, text_of
from ingest.kinds.port import Document, Kind, failed
from ingest.parse import parse as parse_feed

GAP_S: Final = 2.0
"""From the end of a poll to the next. With all redirects a poll is 6 requests, so even then 10 a second are far."""

_LATEST: Final = "/cgi-bin/browse-edgar?action=getcurrent&owner=include&output=atom"
_TITLE: Final = re.compile(
    r"(?P<form>.{1,30}?) - (?P<who>.{1,300}?) \((?P<cik>\d{1,10})\) \((?P<role>[A-Za-z ]{1,20})\)"
)
_ACCESSION: Final = re.compile(r"\d{10}-\d{2}-\d{6}")
_ABOUT: Final = frozenset({"Filer", "Issuer", "Subject"})
"""Roles of the company that a filing is about. It is listed once more for each who reports, and is left out there."""


class Filings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`form` as the SEC writes it, such as 8-K; empty for all. `cik`: one company's filings."""

    form: Annotated[str, msgspec.Meta(pattern=r"\A[A-Z0-9/-]{0,12}\Z")] = ""
    cik: Annotated[str, msgspec.Meta(pattern=r"\A\d{0,10}\Z")] = ""
    count: Annotated[int, msgspec.Meta(ge=1, le=100)] = 40


def ask(url: str, filings: Filings) -> str:
    """`url` is the service: https://www.sec.gov, or https://data.sec.gov for one company."""
    if filings.cik:
        return f"{url.rstrip('/')}/submissions/CIK{filings.cik:0>10}.json"
    return f"{url.rstrip('/')}{_LATEST}&type={filings.form.replace('/', '%2F')}&count={filings.count}"


def parse(document: Document, filings: Filings) -> Parsed:
    return _of_company(document, filings) if filings.cik else _latest(document)


def _latest(document: Document) -> Parsed:
    parsed = parse_feed(document.body, document.content_type, document.url)
    return msgspec.structs.replace(parsed, entries=tuple(e for entry in parsed.entries if (e := _filing(entry))))


def _filing(entry: Entry) -> Entry | None:
    """An entry of the list; None where it stands there for somebody that the filing is not about.

    One filing has one number and an entry for each party, under the same id: they would be edits of one another.
    """
    title, number = _TITLE.fullmatch(entry.title.strip()), _ACCESSION.search(entry.id)
    if title is None or number is None:
        return entry
    if title["role"] not in _ABOUT:
        return None
    return msgspec.structs.replace(
        entry,
        id=f"{number[0]}/{int(title['cik'])}",
        title=f"{title['who']} files {title['form']}",
        language="en",
    )


def _of_company(document: Document, filings: Filings) -> Parsed:
    try:
        whole = load(document.body)
    except NoJson as error:
        return failed("not_a_feed", str(error))
    recent = at(whole, "filings.recent")
    if not isinstance(recent, dict) or not isinstance(recent.get("accessionNumber"), list):
        return failed("not_a_feed", "there is no list at filings.recent.accessionNumber")
    names = [name for name, column in recent.items() if isinstance(column, list)]
    count = len(recent["accessionNumber"])
    rows = [{name: recent[name][n] for name in names if n < len(recent[name])} for n in range(count)]
    wanted = [row for row in rows if filings.form in ("", row.get("form"))][: filings.count]
    who, symbols = text_of(at(whole, "name")), at(whole, "tickers")
    given = tuple(text_of(symbol)[:64] for symbol in symbols[:32]) if isinstance(symbols, list) else ()
    return listed(wanted, lambda row: _row(row, who, int(filings.cik), given))


def _row(row: dict[str, Any], who: str, cik: int, symbols: tuple[str, ...]) -> Entry:
    number, told = text_of(row.get("accessionNumber")), text_of(row.get("primaryDocDescription"))
    form = text_of(row.get("form"))
    folder = f"https://www.sec.gov/Archives/edgar/data/{cik}/{number.replace('-', '')}"
    return Entry(
        id=f"{number}/{cik}",
        url=f"{folder}/{number}-index.htm" if _ACCESSION.fullmatch(number) else "",
        title=f"{who} files {form}",
        body=told if told not in ("", form) else "",
        published=text_of(row.get("acceptanceDateTime") or row.get("filingDate")),
        language="en",
        symbols=symbols,
    )


EDGAR: Final = Kind("edgar", Filings, ask, parse, rate_key="edgar", gap_s=GAP_S, needs_contact=True)
