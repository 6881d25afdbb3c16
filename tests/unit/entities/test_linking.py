"""From text to entities: boundaries, symbols, evidence, dates, and bounds."""

import time
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newstide.entities import starter
from newstide.entities.context import LINKED
from newstide.entities.linking import BODY_CHARS_MAX, HITS_MAX, LINKS_MAX, Linker
from newstide.entities.vocabulary import Entity, Kind, Listing, Name

LINKER = starter.linker(starter.entities())


def ids(title: str, body: str = "", given: tuple[str, ...] = (), on: date | None = None) -> set[str]:
    return {link.entity_id for link in LINKER.link(title, body, given, on)}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Boeing's jet deliveries rise", {"boeing"}),
        ("Boeings are not what they were", set()),
        ("Ex-Goldman Sachs banker joins KKR", {"goldman-sachs", "kkr"}),
        ("McDonalds and Macys report", {"mcdonalds", "macys"}),
        ("Procter and Gamble raises prices", {"pg"}),
        ("Coca-Cola comments on ruling", {"coca-cola"}),
        ("SAP sees growth", {"sap"}),
        ("the chp incident", set()),
        ("NVIDIA BEATS ESTIMATES", {"nvidia"}),
        ("nvidia beats estimates", {"nvidia"}),
        ("BP and Bp", {"bp"}),
        ("H&M sales fall", {"hm"}),
    ],
)
def test_word_boundaries_and_spellings(text: str, wanted: set[str]) -> None:
    assert ids(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("$TSLA up 5%", {"tesla"}),
        ("$tsla up 5%", {"tesla"}),
        ("raised $5 million", set()),
        ("General Motors (NYSE: GM)", {"gm"}),
        ("shares of BRK.B", {"berkshire"}),
        ("Ford (F.N) recalls", {"ford"}),
        ("Tencent (0700.HK) rises", {"tencent"}),
        ("贵州茅台(600519)涨停", {"kweichow-moutai"}),
        ("600519.SH 涨停", {"kweichow-moutai"}),
        ("sz000651 跌停", {"gree"}),
        ("（00700）回购", {"tencent"}),
        ("Plan (IPO) and (CEO)", set()),
        ("An order of 600519 units", set()),
    ],
)
def test_symbols(text: str, wanted: set[str]) -> None:
    assert ids(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("财政部下达资金", {"mof-china"}),
        ("中国财政部下达资金", {"mof-china"}),
        ("土耳其财政部下达资金", set()),
        ("美财政部长讲话", set()),
        ("救市 证监会出手", {"csrc"}),
        ("广东省发改委核准项目", set()),
        ("发改委核准项目", {"ndrc"}),
        ("英国5年期国债收益率升至1%", set()),
        ("国债收益率升至3%", {"china-govt-bond"}),
        ("蒙古国央行宣布加息", set()),
        ("美联储宣布加息", {"fed"}),
        ("石油期货上涨", {"crude-oil"}),
        ("墨菲石油公司上涨", set()),
        ("俄罗斯天然气公司上涨", set()),
        ("广东电网招标", set()),
        ("东电宣布招标", {"tepco"}),
        ("苹果、谷歌被起诉", {"apple", "alphabet"}),
        ("苹果、香蕉被抽查", set()),
        ("起诉华为、小米和三星", {"huawei", "xiaomi", "samsung-electronics"}),
        ("白云山：子公司证书被收回", {"baiyunshan"}),
        ("游客登上白云山", set()),
    ],
)
def test_chinese_names_are_judged_by_what_stands_beside_them(text: str, wanted: set[str]) -> None:
    assert ids(text) == wanted


def test_spans_point_into_the_original_text() -> None:
    title, body = "Ｔｅｓｌａ and Nestlé’s deal", "Shares of “Te\u200bsla” rose. 騰訊控股 fell."
    for candidate in LINKER.candidates(title, body):
        source = title if candidate.field == "title" else body
        assert source[candidate.start : candidate.end] == candidate.text
    assert ids(title, body) == {"tesla", "nestle", "tencent"}


def test_a_weak_name_needs_evidence_of_any_kind() -> None:
    assert ids("Target and others") == set()
    assert ids("Target and others", given=("TGT",)) == {"target"}
    assert ids("Target and others", given=("US:TGT",)) == {"target"}
    assert ids("Target and others", "The Target Corp store in Ohio.") == {"target"}
    assert ids("Regulators fine Target again") == {"target"}
    assert ids("Target raises outlook") == {"target"}
    assert ids("They move the target again", given=("TGT",)) == set()


def test_symbols_of_the_source_alone_link_nothing() -> None:
    assert ids("Markets wrap", given=("AAPL", "TSLA")) == set()


def test_reasons_are_given_for_what_is_and_is_not_linked() -> None:
    found = {each.entity_id: each for each in LINKER.candidates("Visa and Mastercard settle")}
    assert found["mastercard"].score >= LINKED and found["mastercard"].reason == "full name"
    assert found["visa"].score < LINKED and found["visa"].reason


def test_names_and_symbols_have_dates() -> None:
    assert ids("$FB rises", on=date(2020, 1, 2)) == {"meta-platforms"}
    assert ids("$FB rises", on=date(2024, 1, 2)) == set()
    assert ids("$META rises", on=date(2024, 1, 2)) == {"meta-platforms"}
    assert ids("Meta reports profit", on=date(2020, 1, 2)) == set()
    assert ids("Meta reports profit", on=date(2024, 1, 2)) == {"meta-platforms"}


def test_two_who_are_called_the_same_are_nobody_without_evidence() -> None:
    pair = [
        Entity(
            entity_id=f"acme-{n}",
            kind=Kind.COMPANY,
            names=(Name(text="Acme Tools", language="en"),),
            listings=(Listing(exchange="US", symbol=f"ACM{n}"),),
        )
        for n in "AB"
    ]
    linker = Linker(pair)
    assert linker.link("Acme Tools profit rises") == ()
    assert linker.listed("US", "ACMA") == ["acme-A"]


def test_the_longest_name_wins_and_its_beginning_where_it_ends_in_a_word() -> None:
    assert ids("Merck KGaA outlook") == {"merck-kgaa"}
    assert ids("Delta Air Lines profit") == {"delta-air"}


@given(st.text(max_size=200), st.text(max_size=200))
def test_no_text_makes_it_raise_and_the_same_text_has_the_same_links(title: str, body: str) -> None:
    first = LINKER.link(title, body)
    LINKER.link(body, title)
    assert LINKER.link(title, body) == first
    for link in first:
        assert 0 < link.relevance <= 1 and LINKED <= link.score <= 1


def test_a_hostile_body_is_bounded() -> None:
    began_s = time.perf_counter()
    links = LINKER.link("x", "Apple target visa " * 100_000)
    assert time.perf_counter() - began_s < 5
    assert len(LINKER.candidates("x", "Boeing " * 10_000)) == HITS_MAX
    assert len(links) <= LINKS_MAX
    assert LINKER.link("x", " " * BODY_CHARS_MAX + "Boeing") == ()


def test_a_version_is_of_the_content_and_not_of_the_order() -> None:
    some = starter.entities()[:5]
    assert Linker(some).version == Linker(some[::-1]).version != Linker(some[:4]).version
