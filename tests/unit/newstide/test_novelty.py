"""What is taken for the same story, and what that makes of it: the decisions alone."""

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newstide.novelty.cluster import (
    COMPARED_MAX,
    JOIN_WITHIN,
    LOOK_BACK,
    SIMILARITY_MIN,
    Neighbourhood,
    Telling,
    parted_by,
)
from newstide.novelty.guard import broken_by
from newstide.novelty.signature import BANDS, ROWS, signatures, similarity
from newstide.novelty.text import TEXT_CHARS_MAX, canonical, undressed
from newstide.text import model_input

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
PAIRS = Path(__file__).resolve().parents[2] / "data" / "novelty" / "pairs.tsv"


def telling(
    number: int, title: str, *, hours: float = 0, source: str = "wire", revision: int = 1, withdrawn: bool = False
) -> Telling:
    text = undressed(model_input(title))
    (bands,) = signatures([canonical(text)])
    return Telling(f"s{number:04}", revision, text, bands, source, NOON + timedelta(hours=hours), withdrawn)


def authored() -> list[dict[str, str]]:
    with PAIRS.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


# --- the text -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("UPDATE 3-Acme to buy Bolt for $2.30 bln -sources", "Acme to buy Bolt for $2.3 billion"),
        ("CORRECTED-(OFFICIAL)-UPDATE 1-Acme sees profit up 10 pct", "Acme sees profit up 10 percent"),
        ("Acme's second-quarter profit rises", "Acme 2nd-qtr profit rises - Reuters"),
        ("【快讯】山岭科技：第一季度净利润增长15%", "山岭科技：一季度净利润增长１５％"),
        ("U.S. senators question Acme", "US senators question Acme: WSJ"),
        ("Acme to cut three thousand jobs", "Acme to cut 3 thousand jobs"),
    ],
)
def test_dressing_and_spelling_do_not_matter(one: str, other: str) -> None:
    assert canonical(undressed(model_input(one))) == canonical(undressed(model_input(other)))


@given(st.text(max_size=2_000))
def test_any_text_has_a_signature_and_is_like_itself(text: str) -> None:
    text = undressed(model_input(text))
    assert len(text) <= TEXT_CHARS_MAX
    plain = canonical(text)
    assert canonical(plain) is not None
    assert similarity(plain, plain) == 1.0
    assert all(-(2**63) <= key < 2**63 for key in signatures([plain])[0])
    assert broken_by(text, text) in (None, "column")


@given(st.lists(st.text(max_size=80), max_size=8))
def test_a_signature_does_not_depend_on_its_batch(texts: list[str]) -> None:
    assert signatures(texts) == [signatures([text])[0] for text in texts]


def test_a_signature_never_changes() -> None:
    """The database holds these numbers: another rensa, or other constants, would find nothing of what is in it."""
    (bands,) = signatures([canonical("Arbora beats estimates")])
    assert len(bands) == BANDS
    assert bands[:2] == (FIRST_BAND, SECOND_BAND)


FIRST_BAND, SECOND_BAND = -958_263_757_042_272_624, 1_771_456_564_547_448_077


def test_bands_meet_as_often_as_the_formula_says() -> None:
    """1 - (1 - s^r)^b over pairs of known similarity, within the spread of 400 draws."""
    met, expected = 0, 0.0
    for n in range(400):
        one, other = f"alpha{n} beta{n} gamma{n} delta{n}", f"alpha{n} beta{n} gamma{n} omega{n}"
        s = similarity(one, other)
        expected += 1 - (1 - s**ROWS) ** BANDS
        a, b = signatures([one, other])
        met += any(x == y for x, y in zip(a, b, strict=True))
    assert abs(met - expected) < 4 * (400 * 0.25) ** 0.5


# --- the guard ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pair", authored(), ids=lambda pair: pair["one"][:40])
def test_authored_pairs(pair: dict[str, str]) -> None:
    one, other = (undressed(model_input(pair[side])) for side in ("one", "other"))
    assert (parted_by(one, other) is None) == (pair["verdict"] == "same")
    assert parted_by(one, other) == parted_by(other, one)


def test_the_guard_is_what_parts_the_authored_pairs() -> None:
    """They are near-duplicates by their letters: without the guard most of them would be one story."""
    pairs = [p for p in authored() if p["verdict"] == "different"]
    alike = [similarity(*(canonical(undressed(model_input(p[s]))) for s in ("one", "other"))) for p in pairs]
    assert len(pairs) >= 60
    assert sum(s >= SIMILARITY_MIN for s in alike) > len(pairs) / 2


# --- clusters -----------------------------------------------------------------------------------------------------


def test_copies_are_counted_and_verbatim_ones_confirm_nothing() -> None:
    near = Neighbourhood()
    first, _ = near.judge(telling(1, "Arbora to buy Bolt for $3 bln", source="a"))
    assert (first.cluster_id, first.copies, first.independent_sources) == ("s0001", 0, 1)
    assert first.days_since_similar is None
    second, _ = near.judge(telling(2, "UPDATE 1-Arbora to buy Bolt for $3 billion", hours=6, source="b"))
    third, _ = near.judge(telling(3, "Arbora to buy rival Bolt in $3 bln deal", hours=20, source="c"))
    assert {second.cluster_id, third.cluster_id} == {"s0001"}
    assert (second.copies, second.independent_sources) == (1, 1)
    assert (third.copies, third.independent_sources, third.first_seen_at) == (2, 2, NOON)
    assert (third.similar_12h, third.similar_24h, third.similar_7d) == (0, 2, 2)
    assert third.days_since_similar == pytest.approx(14 / 24)


def test_windows_count_by_publication() -> None:
    near = Neighbourhood()
    for number, hours in enumerate((0, 90, 130, 150, 160)):
        near.judge(telling(number, "Arbora to buy Bolt for $3 bln", hours=hours))
    said, _ = near.judge(telling(9, "Arbora to buy Bolt for $3 bln", hours=167.9))
    counts = (said.similar_12h, said.similar_24h, said.similar_3d, said.similar_5d, said.similar_7d)
    assert counts == (1, 2, 3, 4, 5)


def test_a_headline_without_a_figure_does_not_bring_two_figures_together() -> None:
    near = Neighbourhood()
    near.judge(telling(1, "Arbora first-quarter profit beats estimates on demand"))
    near.judge(telling(2, "Arbora first-quarter profit of $2 bln beats estimates on demand", hours=1))
    other, _ = near.judge(telling(3, "Arbora first-quarter profit of $5 bln beats estimates on demand", hours=2))
    assert other.cluster_id == "s0003"


def test_the_same_words_in_another_week_are_similar_and_no_copy() -> None:
    near = Neighbourhood()
    near.judge(telling(1, "Nikkei opens higher on weak yen"))
    later, _ = near.judge(telling(2, "Nikkei opens higher on weak yen", hours=JOIN_WITHIN / timedelta(hours=1) + 24))
    assert (later.cluster_id, later.copies, later.days_since_similar) == ("s0002", 0, 3.0)
    much_later, _ = near.judge(telling(3, "Nikkei opens higher on weak yen", hours=24 * (LOOK_BACK.days + 4)))
    assert much_later.days_since_similar is None


def test_an_edit_stays_in_its_cluster_and_is_no_copy_of_itself() -> None:
    near = Neighbourhood()
    near.judge(telling(1, "Arbora to buy Bolt for $3 bln"))
    edited, member = near.judge(telling(1, "Arbora to buy Bolt for $4 bln", revision=2), "s0001")
    assert (edited.cluster_id, edited.copies, member.telling.revision) == ("s0001", 0, 2)


def test_a_withdrawn_story_is_nobodys_original() -> None:
    near = Neighbourhood()
    near.judge(telling(1, "Arbora to buy Bolt for $3 bln"))
    near.judge(telling(1, "", revision=2, withdrawn=True), "s0001")
    later, _ = near.judge(telling(2, "Arbora to buy Bolt for $3 bln", hours=1))
    assert (later.cluster_id, later.copies) == ("s0002", 0)


def test_titles_of_columns_are_no_event() -> None:
    near = Neighbourhood()
    near.judge(telling(1, "PRESS DIGEST - Wall Street Journal - May 25"))
    again, _ = near.judge(telling(2, "PRESS DIGEST - Wall Street Journal - May 25"))
    assert again.copies == 0


def test_a_flood_is_compared_with_so_many_only() -> None:
    near = Neighbourhood()
    for number in range(COMPARED_MAX + 50):
        said, _ = near.judge(telling(number, "Arbora to buy Bolt for $3 bln"))
    assert said.copies == COMPARED_MAX + 49, "the cluster counts, not the comparisons"
