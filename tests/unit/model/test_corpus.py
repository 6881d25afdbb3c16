"""Our own corpus: how a line is read, what no line may be, and what the whole must be."""

from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.corpus import check, read
from newstide.errors import DataInvalid
from newstide.topics import TOPICS

EN, ZH = "en\twire\tearnings\t+\t-\t{Acme:+} profit rises", "zh\tflash\tearnings\t-\t-\t{甲公司:-}利润下降"


def items_of(folder: Path, *lines: str) -> list[read.Item]:
    path = folder / "some.tsv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return list(read.read(path))


def test_a_line_is_read(tmp_path: Path) -> None:
    (item,) = items_of(
        tmp_path, "en\tnote\tmergers\tx\topposite\tWhy {Acme:+} gains and {Beta Ltd:-} loses, {C:0} aside"
    )
    assert item.text == "Why Acme gains and Beta Ltd loses, C aside"
    assert [(m.name, m.label) for m in item.mentions] == [("Acme", 2), ("Beta Ltd", 0), ("C", 1)]
    assert all(item.text[m.start : m.start + len(m.name)] == m.name for m in item.mentions)
    assert (item.language, item.style, item.topic, item.label, item.case) == ("en", "note", "mergers", None, "opposite")
    assert (item.file, item.line, item.counterpart, item.partner) == ("some.tsv", 1, False, False)


def test_lines_that_hang_together_are_one_group(tmp_path: Path) -> None:
    lines = (
        ZH,
        f"={EN}",
        f"~{ZH.replace('下降', '上升')}",
        f"={EN.replace('rises', 'falls')}",
        EN.replace("Acme", "Beta"),
    )
    *pair, other = items_of(tmp_path, *lines)
    assert len({item.group for item in pair}) == 1 and other.group != pair[0].group
    assert [item.counterpart for item in pair] == [False, True, False, True]
    assert [item.partner for item in pair] == [False, False, True, False]
    assert len({item.part for item in pair}) == 1


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("en\twire\tearnings\t+\tAcme rises", "5 fields"),
        (f"{EN}\tmore", "7 fields"),
        ("", "1 fields"),
        (EN.replace("wire", "poem"), "'poem'"),
        (EN.replace("earnings", "weather"), "'weather'"),
        (EN.replace("\t+", "\t++"), "'++'"),
        (EN.replace("\t-\t", "\thard\t"), "'hard'"),
        (EN.replace("en", "fr", 1), "'fr'"),
        (EN.replace("en", "zh", 1), "not the language"),
        (ZH.replace("zh", "en"), "not the language"),
        (EN.replace(":+", ""), "mention"),
        (EN.replace("+}", "?}"), "mention"),
        (EN.replace("}", ""), "mention"),
        (EN.replace("en", "", 1), "''"),
        (EN.replace("\t+", "\tx"), "two names"),
        (EN.replace("\t+", "\tx") + " and {Beta:+}", "two names"),
    ],
)
def test_a_line_that_is_none_is_refused_with_its_place(tmp_path: Path, line: str, why: str) -> None:
    with pytest.raises(DataInvalid, match="some.tsv, line 2 is not a corpus line") as caught:
        items_of(tmp_path, EN, line, EN)
    assert why in str(caught.value.why)


@pytest.mark.parametrize("mark", "=~")
def test_a_first_line_refers_to_nothing(tmp_path: Path, mark: str) -> None:
    with pytest.raises(DataInvalid, match="line 1"):
        items_of(tmp_path, mark + EN)


def test_the_corpus_is_what_was_asked_for() -> None:
    items = read.items()
    assert check.check(items, None) == []
    told = check.summary(items)
    assert told["texts"]["zh"] >= 3_000 and told["texts"]["en"] >= 1_500
    assert told["counterparts"] >= 1_000 and told["hard_share"] >= 1 / 3
    assert set(told["topics"]) == set(TOPICS) and set(told["cases"]) == set(read.CASES)
    assert len({item.text for item in items}) == len(items)


def test_a_fifth_is_for_the_test_and_no_group_is_torn() -> None:
    items, parts = read.items(), defaultdict(set)
    for item in items:
        parts[item.group].add(item.part)
    assert all(len(found) == 1 for found in parts.values())
    for language in ("en", "zh"):
        shares = Counter(item.part for item in items if item.language == language)
        assert 0.17 < shares["test"] / shares.total() < 0.23
        assert 0.03 < shares["validation"] / shares.total() < 0.07


def test_what_a_bad_corpus_is_told(tmp_path: Path) -> None:
    found = check.check(items_of(tmp_path, EN), None)
    assert {finding.kind for finding in found} == {"size", "balance"}
    assert {finding.where for finding in found} == {"zh", "en", "counterparts", "hard cases", "cases"}


def test_near_duplicates_are_found_across_groups_alone(tmp_path: Path) -> None:
    twins = (EN.replace("rises", f"rises sharply in the {word} quarter") for word in ("first", "third"))
    one, other = items_of(tmp_path, *twins)
    (finding,) = check._within([one, other])
    assert (finding.kind, finding.where) == ("duplicate", "some.tsv:1") and "some.tsv:2" in finding.what
    assert list(check._within([one, replace(other, group=one.group)])) == []


def test_overlap_is_found_however_it_is_written(tmp_path: Path) -> None:
    (ours,) = items_of(tmp_path, EN.replace("rises", "rises again in the first quarter"))
    copies = ["ACME PROFIT RISES AGAIN IN THE FIRST QUARTER!", "Ａｃｍｅ profit rises again in the first quarter"]
    others = [*copies, "Beta loses a quarter of its staff", "", "."]
    found = list(check.overlap([ours], (("set", text) for text in others)))
    assert [finding.what.startswith("is in set as") for finding in found] == [True, True]


def similar_by_force(items: list[read.Item], text: str) -> list[str]:
    sought = check.shingles(text)
    sets = [(item, check.shingles(item.text)) for item in items]
    return [i.text for i, each in sets if len(sought & each) / len(sought | each) > check.NEAR_DUPLICATE]


def test_the_index_finds_what_a_search_of_all_pairs_finds() -> None:
    sample = list(read.items()[::40])
    index = check._Index(sample)
    asked = [item.text for item in sample] + [item.text[: len(item.text) * 3 // 4] for item in sample]
    assert sum(len(similar_by_force(sample, text)) for text in asked) > 1.5 * len(sample)
    for text in asked:
        assert [item.text for item in index.similar(check.shingles(text))] == similar_by_force(sample, text)


@given(st.lists(st.text("ab", min_size=1, max_size=12), min_size=1, max_size=12), st.text("ab", max_size=12))
def test_the_index_misses_nothing(texts: list[str], asked: str) -> None:
    base = read.items()[0]
    items = [replace(base, text=text) for text in texts]
    found = check._Index(items).similar(check.shingles(asked))
    assert [item.text for item in found] == similar_by_force(items, asked)
