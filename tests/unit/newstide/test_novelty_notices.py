"""Chinese notices of one company in other words: the subject, what is told, and figures by what they measure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newstide.novelty.cluster import parted_by
from newstide.novelty.figures import agree, contradict, figures_of
from newstide.novelty.guard import facts_of
from newstide.novelty.notices import OVERLAP_MIN, Notice, one_subject, overlap, subject_key
from newstide.novelty.signature import signatures
from newstide.novelty.text import canonical, is_chinese, undressed
from newstide.text import model_input

WORDS = (
    "山岭科技 ： 公司 股东 拟 减持 不超 2% 股份 净利 同比 增 近 超 5亿元 4.87亿元 12000万元 未 完成 终止 重组 ， "
    "2018年 涨停 10派5元 五成"
)
headlines = st.lists(st.sampled_from(WORDS.split()), min_size=1, max_size=12).map("".join)


def notice(title: str) -> Notice | None:
    return facts_of(undressed(model_input(title))).notice


def test_the_two_halves_of_a_pair_find_each_other_by_the_company() -> None:
    texts = ["山岭科技：三季报净利预增65%-80%", "山岭科技一分公司停产整顿 前三季业绩预增"]
    one, other = signatures([canonical(undressed(text)) for text in texts])
    assert one[0] == other[0]


@pytest.mark.parametrize(
    "title", ["北向资金净流入达30亿元", "山岭科技午后跌超1%", "央行：拟增加投放", "Arbora beats estimates", "", "5月"]
)
def test_the_tape_and_reporters_are_no_subject(title: str) -> None:
    assert subject_key(canonical(undressed(model_input(title)))) == 0


def test_a_subject_key_never_changes() -> None:
    """The database holds it, as a signed number of 64 bits."""
    assert subject_key("山岭科技 净利增 5%") == (ord("山") << 42) + (ord("岭") << 21) + ord("科")


@given(st.text(max_size=200))
def test_any_text_has_a_key_that_the_database_can_hold(text: str) -> None:
    assert 0 <= subject_key(canonical(text)) < 2**63


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("山岭科技：拟增持", "山岭科技拟增持股份", True),
        ("山岭科技年报：净利增5%", "山岭科技2018年净利增5%", True),
        ("ST山岭：股东减持", "*ST山岭股东减持", True),
        ("山岭科技：拟增持", "湖光股份：拟增持山岭科技", False),
        ("北京山岭股东减持", "北京山河股东减持", False),
        ("山岭财政部：拟减税", "山岭财政部：拟加税", False),
    ],
)
def test_one_subject(one: str, other: str, same: bool) -> None:
    assert one_subject(notice(one), notice(other)) is same
    assert one_subject(notice(other), notice(one)) is same


@given(st.permutations(["分公司停产整顿", "股东拟减持股份", "净利同比增5%", "中标1.2亿元项目"]))
def test_the_order_of_clauses_does_not_matter(clauses: list[str]) -> None:
    told = "山岭科技：分公司停产整顿，股东拟减持股份，净利同比增5%，中标1.2亿元项目"
    again = f"山岭科技：{'，'.join(clauses)}"
    one, other = notice(told), notice(again)
    assert one is not None
    assert other is not None
    assert overlap(one, other) > 2 * OVERLAP_MIN
    assert parted_by(told, again) is None


@given(headlines, headlines)
def test_it_does_not_matter_which_came_first(one: str, other: str) -> None:
    one, other = (undressed(model_input(text)) for text in (one, other))
    assert parted_by(one, other) == parted_by(other, one)
    assert parted_by(one, one) is None


@given(st.integers(1, 99_999_999), st.sampled_from(["元", "股"]))
def test_a_sum_is_one_in_whatever_unit_it_is_written(ten_thousands: int, measure: str) -> None:
    whole, part = divmod(ten_thousands, 10_000)
    assert canonical(f"减持{ten_thousands}万{measure}") == canonical(f"减持{whole}.{part:04}亿{measure}")
    assert canonical(f"减持{ten_thousands:,}0,000{measure}") == canonical(f"减持{ten_thousands}万{measure}")


@given(st.text(alphabet="0123456789.,万亿元股%倍超近多余至-成qh季月年个", max_size=40))
def test_figures_are_read_from_anything_and_never_contradict_themselves(text: str) -> None:
    figures = figures_of(canonical(text))
    assert not contradict(figures, figures)
    assert all(agree(figure, figure) for figure in figures)


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("超5亿元", "5.35亿元", True),
        ("超5亿元", "6亿元", False),
        ("近5亿元", "4.87亿元", True),
        ("近5亿元", "4.1亿元", False),
        ("近23倍", "2293.33%", True),
        ("逾40%", "43%", True),
        ("降近三成", "降29.63%", True),
        ("不超5亿元", "5.35亿元", False),
        ("14.6亿元", "14.63亿元", True),
        ("2亿元", "2.13亿元", False),
        ("5亿元", "5亿股", False),
        ("1季度", "2季度", False),
    ],
)
def test_figures_that_can_both_be_true(one: str, other: str, both: bool) -> None:
    (first,), (second,) = (figures_of(canonical(text)) for text in (one, other))
    assert agree(first, second) is both
    assert agree(second, first) is both


def test_figures_make_no_text_foreign() -> None:
    assert is_chinese("净利 95·46% 125·4% 2018 12 31")
    assert not is_chinese("ihs markit 高级经济学家 joe hayes pmi")
    assert not is_chinese("")
