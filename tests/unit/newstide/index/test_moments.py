"""Sums merge in any order and any split, and what was added comes out again without a trace."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from newstide.index.formulas import decayed, estimate
from newstide.index.levels import DAY, HOUR, LEVELS, Piece, pieces
from newstide.index.moments import NOTHING, Fact, Moments, Opinion, Place, Towards, contribution, contributions, total

A = contribution(Opinion(0.0, 0.4, 0.6, "positive"))
THIRD = 1 / 3
UNREAD = Opinion(THIRD, THIRD, THIRD, "unsure")


@st.composite
def opinions(draw: st.DrawFn) -> Opinion:
    raw = [draw(st.floats(0.0, 1.0)) for _ in range(3)]
    a, b, c = [value / sum(raw) for value in raw] if sum(raw) > 0 else [THIRD] * 3
    return Opinion(a, b, c, draw(st.sampled_from(("negative", "neutral", "positive", "unsure"))))


stories = st.lists(
    st.tuples(opinions(), st.booleans(), st.floats(0.0, 1.0)).map(lambda given: contribution(*given)), max_size=30
)


@given(stories, st.randoms(use_true_random=False), st.integers(1, 5))
def test_any_order_and_any_split_give_the_same_index(some: list[Moments], random: object, parts: int) -> None:
    shuffled = list(some)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    split = [total(shuffled[part::parts]) for part in range(parts)]
    assert total(split) == total(some)
    assert estimate(total(split)) == estimate(total(some))


@given(st.lists(st.tuples(st.integers(0, 40), stories.map(total)), max_size=12), st.randoms(use_true_random=False))
def test_a_decayed_index_does_not_know_how_its_hours_came(bins: list[tuple[int, Moments]], random: object) -> None:
    merged: dict[int, Moments] = {}
    for age, moments in bins:
        merged[age] = merged.get(age, NOTHING) + moments
    shuffled = list(merged.items())
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert decayed(shuffled, 6.0) == decayed(sorted(merged.items()), 6.0)


@given(stories, stories)
def test_what_is_taken_out_leaves_nothing_behind(kept: list[Moments], revised: list[Moments]) -> None:
    assert total([*kept, *revised]) + -total(revised) == total(kept)


def test_a_share_is_rounded_once_to_a_millionth() -> None:
    # w = (3 x 0.6 - 1) / 2 = 0.4 and s = 0.6: w^2 = 0.16, w s = 0.24, w s^2 = 0.144
    assert Moments(1, 0, 1, 400_000, 160_000, 240_000, 144_000, positive=1) == A
    assert contribution(Opinion(0.0, 0.4, 0.6, "positive"), relevance=0.5).weight == 200_000


def test_a_copy_is_heat_and_an_unread_story_is_a_story() -> None:
    assert contribution(Opinion(0.0, 0.4, 0.6, "positive"), copy=True) == Moments(copies=1)
    assert contribution(UNREAD) == Moments(count=1, unsure=1)
    assert estimate(contribution(UNREAD)) is None, "no data is not zero"


def test_a_story_counts_in_the_stream_and_for_each_entity() -> None:
    towards = Towards("apple", 0.5, Opinion(1.0, 0.0, 0.0, "negative"))
    at = datetime(2026, 3, 2, 12, 0, 59, tzinfo=UTC)
    fact = Fact(at, "en", "wire", 1, "legal", False, Opinion(0.0, 0.4, 0.6, "positive"), (towards,))
    (stream, all_), (place, own) = contributions(fact)
    assert (stream, all_) == (Place("", "legal", "en", 1, "wire"), A)
    assert place == Place("apple", "legal", "en", 1, "")
    assert (own.weight, own.score_sum, own.negative) == (500_000, -500_000, 1)
    assert fact.minute == int(at.timestamp()) // 60


minutes = st.integers(-3 * DAY, 9 * DAY)


@given(minutes, minutes, st.sampled_from((None, 1, 5, 60, 180, 1_440, 2_880)))
def test_pieces_are_exactly_the_stretch(start: int, end: int, step: int | None) -> None:
    found = pieces(start, end, step)
    covered = [minute for piece in found for minute in range(piece.start, piece.end or 0)]
    assert covered == list(range(start, end))
    for piece in found:
        assert piece.level in LEVELS
        assert piece.start % piece.level == 0
        assert (piece.end or 0) % piece.level == 0
        assert step is None or step % piece.level == 0
    assert sum(1 for piece in found if piece.level != DAY) <= 4


def test_pieces_without_an_end() -> None:
    assert pieces(HOUR + 1, None) == [Piece(1, 61, 120), Piece(HOUR, 120, DAY), Piece(DAY, DAY, None)]
