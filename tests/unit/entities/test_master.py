"""The starter list, the table, others' lists, and what an import decides."""

from collections import Counter
from dataclasses import asdict
from datetime import date

import pytest

from newstide.entities import listings, merging, starter, table
from newstide.entities.folding import fold_name
from newstide.entities.listings import Row
from newstide.entities.vocabulary import Entity, Kind, Listing, Name, version_of

MASTER = starter.entities()
SSE = (
    "code,region,name,exchange,type\n600519,SH,贵州茅台,SSE,stock\n"
    "600001,SH,*ST星辰科,SSE,stock\n600002,SH,某基金,SSE,fund\n"
)
US = (
    "code,region,name,exchange,type\nAAPL,US,Apple Inc. Common Stock,NASDAQ,stock\n"
    "QQZW,US,Quixotic Widgets Inc. Warrant,NASDAQ,stock\n"
    "QQZ,US,Quixotic Widgets Inc. Class A Common Stock,NASDAQ,stock\n"
)


def test_the_starter_list_is_large_and_in_both_languages() -> None:
    kinds = Counter(entity.kind for entity in MASTER)
    assert kinds[Kind.COMPANY] >= 600
    assert sum(kinds.values()) - kinds[Kind.COMPANY] >= 60
    assert len({entity.entity_id for entity in MASTER}) == len(MASTER)
    without = [e.entity_id for e in MASTER if {n.language for n in e.names} != {"en", "zh"}]
    assert len(without) <= 5, without


def test_no_symbol_of_the_starter_list_is_two_companies_at_once() -> None:
    held = Counter((each.exchange, each.symbol) for e in MASTER for each in e.listings if each.valid_to is None)
    assert [key for key, count in held.items() if count > 1] == []


def test_strong_names_of_the_starter_list_mean_one_entity() -> None:
    owners: dict[str, set[str]] = {}
    for entity in MASTER:
        for name in entity.names:
            if not name.weak:
                owners.setdefault(fold_name(name.text), set()).add(entity.entity_id)
    assert {form: who for form, who in owners.items() if len(who) > 1} == {}


def test_a_table_is_read_as_it_is_written() -> None:
    text = "\n".join(["\t".join(table.COLUMNS), *map(table.write, MASTER)])
    assert [entity for _, entity in table.read(text)] == list(MASTER)


@pytest.mark.parametrize(
    "row",
    [
        "Acme\tcompany\tAcme\t\t\t\t",
        "acme\tplanet\tAcme\t\t\t\t",
        "acme\tcompany\t\t\t\t\t",
        "acme\tcompany\tAcme|Acme\t\t\t\t",
        "acme\tcompany\tAcme\t\tusa\t\t",
        "acme\tcompany\tAcme\t\t\t\tMARS:ACM",
        "acme\tcompany\tAcme\t\t\t\tACM",
        "acme\tcompany\tAcme@2020-13-01..\t\t\t\t",
        f"acme\tcompany\t{'x' * 65}\t\t\t\t",
        "acme\tcompany\tAc\x00me\t\t\t\t",
        "acme\tcompany\tAcme\t\t\tte\x1bch\t",
        "acme\tcompany\tAcme@2020-01-01..2020-01-01\t\t\t\t",
        "acme\tcompany\tAcme\t\t\t\tUS:ACM@2020-01-02..2020-01-01",
        "acme\tcompany",
    ],
)
def test_what_is_no_entity_is_refused_with_its_reason(row: str) -> None:
    with pytest.raises(table.NoEntity, match="."):
        table.entity_of(row.split("\t"))


def test_dates_of_a_table() -> None:
    entity = table.entity_of(
        "acme\tcompany\tAcme|~Zap@..2020-02-01\t极点@2021-01-01..\tUS\t\tUS:ACM@2019-01-01..".split("\t")
    )
    assert entity.names[1] == Name(text="Zap", language="en", weak=True, valid_to=date(2020, 2, 1))
    assert entity.names[2].valid_from == date(2021, 1, 1)
    assert entity.listings == (Listing(exchange="US", symbol="ACM", valid_from=date(2019, 1, 1)),)


def test_formats_are_known_by_their_first_line() -> None:
    assert listings.format_of(SSE) == "listing"
    assert listings.format_of("\t".join(table.COLUMNS) + "\n") == "table"
    assert listings.format_of("Symbol,Security,GICS Sector,x\n") == "sp500"
    assert listings.format_of(",Symbol,Entity\r\n") == "variants"
    assert listings.format_of("company,category\n") == "industry"
    assert listings.format_of('"company","category"\r\n') == "industry"
    assert listings.format_of("a,b,c\n") is None
    assert listings.format_of("") is None


def test_a_line_that_is_no_csv_is_refused_and_the_next_is_read() -> None:
    """A field beyond the reader's bound, ends of lines of an old Mac, and a quote that is never closed."""
    whole = 'QQZ,US,Quixotic Widgets Inc,NASDAQ,stock\rQQY,US,"Zany Gizmos'
    outcome = imported(f"code,region,name,exchange,type\nAAA,US,{'x' * 200_000},NYSE,stock\n{whole}")
    assert (list(outcome.changes), [refused.line for refused in outcome.refused]) == (["quixotic-widgets"], [2, 4])


def imported(text: str, master: tuple[Entity, ...] = MASTER) -> merging.Outcome:
    kind = listings.format_of(text)
    assert kind is not None
    return merging.add_to(master, listings.read(text, kind, frozenset(starter.words("common_words"))))


def after(outcome: merging.Outcome, master: tuple[Entity, ...] = MASTER) -> tuple[Entity, ...]:
    found = {entity.entity_id: entity for entity in master}
    return tuple((found | {key: change.after for key, change in outcome.changes.items()}).values())


@pytest.mark.parametrize(("text", "counts"), [(SSE, (1, 0, 1, 1)), (US, (1, 0, 1, 1))])
def test_an_import_adds_what_is_new_and_a_second_one_nothing(text: str, counts: tuple[int, ...]) -> None:
    first = imported(text)
    assert (first.added, first.changed, first.unchanged, len(first.refused)) == counts
    again = imported(text, after(first))
    assert (again.added, again.changed, again.changes) == (0, 0, {})


def test_an_import_takes_names_without_the_marks_of_an_exchange() -> None:
    names = {change.after.names[0].text for change in imported(SSE).changes.values()}
    assert names == {"星辰科"}
    (change,) = imported(US).changes.values()
    assert (change.after.entity_id, change.after.names[0].text) == ("quixotic-widgets", "Quixotic Widgets")


def test_lines_are_added_changed_unchanged_or_refused() -> None:
    outcome = imported(US + "bad line\n")
    lines = outcome.added + outcome.changed + outcome.unchanged + len(outcome.refused)
    assert lines == 4
    assert all(refused.why for refused in outcome.refused)


def test_a_table_replaces_and_a_list_only_adds() -> None:
    apple = next(entity for entity in MASTER if entity.entity_id == "apple")
    bare = Entity(entity_id="apple", kind=Kind.COMPANY, names=apple.names[:1])
    assert merging.replace(MASTER, [Row(1, bare)]).changes["apple"] == merging.Change(apple, bare)
    assert merging.add_to(MASTER, [Row(1, bare)]).changes == {}
    with_zh = Entity(
        entity_id="x", kind=Kind.COMPANY, names=(Name(text="苹果集团", language="zh"),), listings=apple.listings
    )
    joined = merging.add_to(MASTER, [Row(1, with_zh)]).changes["apple"].after
    assert joined.names == (*apple.names, *with_zh.names)


def test_companies_of_two_countries_with_one_name_stay_two() -> None:
    row = Row(
        2,
        Entity(
            entity_id="other-whirlpool",
            kind=Kind.COMPANY,
            names=(Name(text="惠而浦", language="zh"),),
            country="CN",
            listings=(Listing(exchange="SSE", symbol="600983"),),
        ),
    )
    assert merging.add_to(MASTER, [row]).added == 1


def test_the_version_follows_every_change() -> None:
    assert version_of(MASTER) == version_of(MASTER[::-1]) != version_of(MASTER[1:])
    assert asdict(merging.Outcome())["added"] == 0


def test_word_lists_hold_no_line_twice() -> None:
    for name in ("decoys", "common_words"):
        assert [word for word, count in Counter(starter.words(name)).items() if count > 1] == []
