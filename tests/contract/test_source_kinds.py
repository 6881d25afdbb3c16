"""What every kind of source promises, and what each reads in a document of its own."""

import json
from dataclasses import dataclass
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.entry import Entry
from ingest.kinds.catalogue import KINDS, gaps_s, problem_of, rate_key_of
from ingest.kinds.port import Document, WrongOptions
from newstide.sources import Source, host_of

ATOM = """<?xml version="1.0" encoding="ISO-8859-1" ?>
<feed xmlns="http://www.w3.org/2005/Atom"><title>Latest Filings</title>
<entry><title>8-K - Arbora Corp (0000320193) (Filer)</title>
<link rel="alternate" href="https://www.sec.gov/Archives/edgar/data/320193/0000320193-26-000011-index.htm"/>
<summary type="html"> &lt;b&gt;Filed:&lt;/b&gt; 2026-03-02 &lt;b&gt;AccNo:&lt;/b&gt; 0000320193-26-000011</summary>
<updated>2026-03-02T08:15:00-05:00</updated><category scheme="https://www.sec.gov/" term="8-K"/>
<id>urn:tag:sec.gov,2008:accession-number=0000320193-26-000011</id></entry>
<entry><title>4 - Doe Jane (0001234567) (Reporting)</title>
<id>urn:tag:sec.gov,2008:accession-number=0000320193-26-000012</id>
<updated>2026-03-02T08:16:00-05:00</updated></entry>
<entry><title>4 - Arbora Corp (0000320193) (Issuer)</title>
<id>urn:tag:sec.gov,2008:accession-number=0000320193-26-000012</id>
<updated>2026-03-02T08:16:00-05:00</updated></entry></feed>"""
FLASH_ITEM = {
    "id": 7, "title": "", "text": "【快讯】央行降准0.5个百分点", "when": "2026-03-02 16:35:00",
    "stocks": [{"c": "600519"}, {"c": None}, {"c": "000858"}],
}  # fmt: skip
FLASH = {"data": {"list": [FLASH_ITEM, "no object"]}}
FLASH_OPTIONS: Final = {
    "items": "data.list", "id": "id", "title": "title", "body": "text", "date": "when", "zone": "+08:00",
    "symbols": "stocks.*.c", "url_template": "https://flash.example/a/{id}",
}  # fmt: skip
COMPANY = {
    "name": "Arbora Corp",
    "tickers": ["ARB"],
    "filings": {
        "recent": {
            "accessionNumber": ["0000320193-26-000011", "0000320193-26-000010"],
            "form": ["8-K", "4"],
            "filingDate": ["2026-03-02", "2026-03-01"],
            "acceptanceDateTime": ["2026-03-02T13:15:00.000Z", "2026-03-01T13:15:00.000Z"],
            "primaryDocDescription": ["CURRENT REPORT", ""],
        }
    },
}
ARTICLE = {"url": "https://press.example/1", "title": "Arbora to buy Bolt", "seendate": "20260302T081500Z"}
ARTICLES = {"articles": [ARTICLE | {"language": "English", "domain": "press.example"}]}
RSS = (
    b"<rss version='2.0'><channel><ttl>15</ttl>"
    + b"<item><guid isPermaLink='false'>1</guid><title>Arbora rises</title></item></channel></rss>"
)


@dataclass(frozen=True)
class Sample:
    """A document of a kind with options to read it by, and what its first entry must be."""

    kind: str
    body: bytes
    expected: Entry
    count: int
    options: dict[str, Any]
    url: str = "https://api.example/x"


def encoded(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()


SAMPLES: Final = {
    "feed": Sample("feed", RSS, Entry(id="1", title="Arbora rises"), 1, {}),
    "json": Sample(
        "json",
        encoded(FLASH),
        Entry(
            id="7",
            url="https://flash.example/a/7",
            body="【快讯】央行降准0.5个百分点",
            published="2026-03-02T16:35:00+08:00",
            symbols=("600519", "000858"),
        ),
        1,
        FLASH_OPTIONS,
    ),
    "gdelt": Sample(
        "gdelt",
        encoded(ARTICLES),
        Entry(
            id="https://press.example/1",
            url="https://press.example/1",
            title="Arbora to buy Bolt",
            published="20260302T081500Z",
            language="en",
        ),
        1,
        {"query": '"central bank" sourcelang:english'},
    ),
    "edgar": Sample(
        "edgar",
        encoded(COMPANY),
        Entry(
            id="0000320193-26-000011/320193",
            url="https://www.sec.gov/Archives/edgar/data/320193/000032019326000011/0000320193-26-000011-index.htm",
            title="Arbora Corp files 8-K",
            body="CURRENT REPORT",
            published="2026-03-02T13:15:00.000Z",
            language="en",
            symbols=("ARB",),
        ),
        2,
        {"cik": "320193"},
        "https://data.sec.gov",
    ),
}


@pytest.fixture(params=sorted(KINDS))
def sample(request: pytest.FixtureRequest) -> Sample:
    return SAMPLES[request.param]


# --- every kind ---------------------------------------------------------------------------------------------------


def test_a_document_becomes_entries(sample: Sample) -> None:
    parsed = KINDS[sample.kind].read(Document(sample.body, "", sample.url), sample.options)
    assert parsed.entries[0] == sample.expected
    assert len(parsed.entries) == sample.count


def test_the_address_stays_on_the_sources_host_and_can_be_asked(sample: Sample) -> None:
    source = Source(name="s", url=sample.url, kind=sample.kind, options=sample.options)
    assert problem_of(source) == ""
    assert host_of(KINDS[sample.kind].address(sample.url, sample.options)) == host_of(sample.url)
    assert rate_key_of(source) in (sample.kind, host_of(sample.url))


def test_unknown_and_wrong_options_are_refused_by_name(sample: Sample) -> None:
    kind = KINDS[sample.kind]
    with pytest.raises(WrongOptions, match="itmes"):
        kind.read_options(sample.options | {"itmes": "x"})
    for name in sample.options:
        with pytest.raises(WrongOptions, match=f"kind {sample.kind}"):
            kind.read_options(sample.options | {name: {"a": ["b"]}})


@pytest.mark.parametrize(
    "body", [b"", b"  \n", b"<html><body>Log in</body></html>", b"too many requests", b"{", b"\xff\xfe\x00"]
)
def test_what_is_no_news_is_said_to_be_none(sample: Sample, body: bytes) -> None:
    parsed = KINDS[sample.kind].read(Document(body, "text/html"), sample.options)
    assert parsed.entries == ()
    assert parsed.failed or (sample.kind == "gdelt" and not body.strip()), "GDELT says nothing where nothing was found"


@pytest.mark.parametrize(
    ("kind", "document"),
    [("json", {"data": {"list": [{"text": "x"}] * 1_200}}), ("gdelt", {"articles": ARTICLES["articles"] * 1_200})],
)
def test_a_list_longer_than_any_real_one_is_cut(kind: str, document: Any) -> None:
    parsed = KINDS[kind].read(Document(encoded(document)), SAMPLES[kind].options)
    assert len(parsed.entries) == 1_000 and [problem.kind for problem in parsed.problems] == ["truncated"]


@given(document=st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["data", "list", "articles", "filings", "recent", "accessionNumber", "form", "tickers", "items",
                         "url", "title", "text", "when", "stocks", "c", "id"]), inner, max_size=5),
    max_leaves=30,
), name=st.sampled_from(sorted(KINDS)))  # fmt: skip
def test_no_shape_of_json_is_an_exception(document: Any, name: str) -> None:
    KINDS[name].read(Document(json.dumps(document).encode()), SAMPLES[name].options)


@given(body=st.binary(max_size=300), name=st.sampled_from(sorted(KINDS)))
def test_no_bytes_are_an_exception(body: bytes, name: str) -> None:
    KINDS[name].read(Document(body), SAMPLES[name].options)


def test_each_kind_has_a_gap_and_the_two_that_ask_for_one_keep_theirs() -> None:
    assert gaps_s(0.0) == {"feed": 0.0, "json": 0.0, "edgar": 2.0, "gdelt": 5.0}


# --- one by one ---------------------------------------------------------------------------------------------------


def test_a_filing_is_told_once_and_of_whom_it_is_about() -> None:
    parsed = KINDS["edgar"].read(Document(ATOM.encode(), "application/atom+xml"), {"form": "8-K"})
    told = [(entry.id, entry.title) for entry in parsed.entries]
    assert told == [
        ("0000320193-26-000011/320193", "Arbora Corp files 8-K"),
        ("0000320193-26-000012/320193", "Arbora Corp files 4"),
    ]


def test_edgar_addresses() -> None:
    edgar = KINDS["edgar"]
    assert edgar.address("https://www.sec.gov", {"form": "10-K/A", "count": 100}) == (
        "https://www.sec.gov/cgi-bin/browse-edgar?action=getcurrent&owner=include&output=atom&type=10-K%2FA&count=100"
    )
    assert edgar.address("https://data.sec.gov/", {"cik": "320193"}) == (
        "https://data.sec.gov/submissions/CIK0000320193.json"
    )
    assert len(edgar.read(Document(encoded(COMPANY)), {"cik": "320193", "form": "4"}).entries) == 1


def test_gdelt_addresses_and_complaints() -> None:
    gdelt = KINDS["gdelt"]
    address = gdelt.address("https://api.example/doc", {"query": '"a&b" 银行', "records": 10})
    assert address.startswith("https://api.example/doc?query=%22a%26b%22%20%E9%93%B6%E8%A1%8C&mode=artlist&format=json")
    (problem,) = gdelt.read(Document(b"Please limit requests to one every 5 seconds"), {"query": "abc"}).problems
    assert problem.detail == "Please limit requests to one every 5 seconds"


def read_flash(document: Any, **options: Any) -> Entry:
    (entry,) = KINDS["json"].read(Document(encoded(document), url="https://flash.example/list"), options).entries
    return entry


@pytest.mark.parametrize(
    ("date", "options", "published"),
    [
        ("2026-03-02 16:35:00", {"zone": "+08:00"}, "2026-03-02T16:35:00+08:00"),
        ("2026-03-02T16:35:00Z", {"zone": "+08:00"}, "2026-03-02T16:35:00Z"),
        ("2026-03-02 16:35:00", {}, "2026-03-02 16:35:00"),
        ("03/04/2026 16:46", {"zone": "+08:00", "day_first": True}, "2026-04-03T16:46:00+08:00"),
        ("03/04/2026 16:46", {"zone": "+08:00", "day_first": False}, "2026-03-04T16:46:00+08:00"),
        (1772440500, {"zone": "+08:00"}, "1772440500"),
        (1772440500123, {}, "1772440500123"),
        ("yesterday", {"zone": "+08:00"}, "yesterday"),
    ],
)
def test_dates_of_flash_services(date: object, options: dict[str, Any], published: str) -> None:
    assert read_flash([{"t": "x", "d": date}], items="", title="t", date="d", **options).published == published


@pytest.mark.parametrize(
    ("url", "whole"),
    [
        ("/a/1.pdf", "https://flash.example/a/1.pdf"),
        ("//other.example/1", "https://other.example/1"),
        ("https://other.example/1", "https://other.example/1"),
    ],
)
def test_addresses_that_leave_something_out(url: str, whole: str) -> None:
    assert read_flash([{"t": "x", "u": url}], items="", title="t", url="u").url == whole


def test_a_strangers_id_cannot_lead_an_address_elsewhere() -> None:
    hostile = [{"t": "x", "id": "1@evil.example?a=b#c 汉"}]
    entry = read_flash(hostile, items="", title="t", id="id", url_template="https://flash.example/{id}")
    assert entry.url == "https://flash.example/1%40evil.example%3Fa%3Db%23c%20%E6%B1%89"


@pytest.mark.parametrize(
    "wrapped", [b"var ajaxResult=%s", b"var x = %s;", b"jQuery123_4(%s);", b"try{cb(%s);}catch(e){};"]
)
def test_json_within_a_script(wrapped: bytes) -> None:
    body = wrapped.replace(b"%s", b'{"l": [{"t": "x"}]}')
    parsed = KINDS["json"].read(Document(body), {"items": "l", "title": "t"})
    assert [entry.title for entry in parsed.entries] == ["x"]


@pytest.mark.parametrize(
    ("head", "seconds"),
    [
        (b"<rss><channel><ttl>15</ttl>", 900),
        (b"<rss><channel><ttl>0</ttl>", None),
        (b"<rss><channel><item><ttl>15</ttl></item>", None),
        (b"<rdf:RDF><channel><sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>4</sy:updateFrequency>", 900),
        (b"<rss><channel><sy:updatePeriod>daily</sy:updatePeriod>", 86_400),
        (b"<rss><channel><sy:updatePeriod>daily</sy:updatePeriod><sy:updateFrequency>0</sy:updateFrequency>", 86_400),
        ("<rss><channel><ttl>15</ttl>".encode("utf-16"), 900),
        (b"", None),
    ],
)
def test_what_a_feed_says_of_its_own_rhythm(head: bytes, seconds: float | None) -> None:
    assert KINDS["feed"].read(Document(head), {}).ttl_s == seconds
