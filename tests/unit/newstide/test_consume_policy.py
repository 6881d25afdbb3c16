"""What the consume loop decides: pure, so told by examples."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newstide.bus.port import Record
from newstide.consume.policy import (
    RECORDS_A_POLL_MAX,
    REJECT_WINDOW,
    RejectBudget,
    Suspicion,
    fingerprint,
    lines_of,
    records_to_ask,
    take,
)
from newstide.messages import Tally


def record(partition: int, offset: int, lines: int = 1, key: bytes = b"k") -> Record:
    return Record(partition, offset, key, b"\n".join([b"{}"] * lines), 1_000)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 300)), max_size=60),
    st.integers(1, 500),
)
def test_what_is_taken_and_what_is_left_make_the_whole(shape: list[tuple[int, int]], stories_max: int) -> None:
    offsets = [0, 0, 0, 0]
    records = []
    for partition, lines in shape:
        records.append(record(partition, offsets[partition], lines))
        offsets[partition] += 1
    taken, left = take(records, stories_max)
    assert bool(taken) == bool(records), "something is always taken"
    assert len(taken) <= 1 or sum(map(lines_of, taken)) <= stories_max
    for partition in range(4):
        mine = [r.offset for r in taken if r.partition == partition]
        assert mine == list(range(len(mine))), "no gap: what follows a left record is left too"
        assert left.get(partition, offsets[partition]) == len(mine)


def test_a_record_larger_than_a_turn_is_taken_alone() -> None:
    taken, left = take([record(0, 0, 900), record(1, 0)], 256)
    assert [r.partition for r in taken] == [0] and left == {1: 0}


@pytest.mark.parametrize(("lines", "asked"), [([], 256), ([1, 1], 256), ([256], 1), ([64, 64], 4), ([9_999], 1)])
def test_asks_for_as_many_records_as_hold_a_turn(lines: list[int], asked: int) -> None:
    assert records_to_ask(256, [record(0, n, count) for n, count in enumerate(lines)]) == asked


def test_never_asks_for_more_than_can_be_looked_at() -> None:
    assert records_to_ask(1_000_000, []) == RECORDS_A_POLL_MAX


def test_a_fingerprint_tells_records_apart() -> None:
    base = record(0, 5)
    others = [
        base._replace(key=None),
        base._replace(value=None),
        base._replace(timestamp_ms=1),
        base._replace(value=b""),
    ]
    prints = {fingerprint(each) for each in (base, *others)}
    assert len(prints) == 5
    assert fingerprint(base) == fingerprint(base._replace(offset=9, partition=3)), "where it lies is not what it is"
    assert fingerprint(base._replace(key=b"ab", value=b"c")) != fingerprint(base._replace(key=b"a", value=b"bc"))


def test_one_death_is_a_deployment_two_are_suspicious_three_condemn() -> None:
    suspicion = Suspicion()
    suspicion.assigned({0: 1, 1: 2, 2: 3})
    assert set(suspicion.left) == {1, 2} and suspicion.condemned == {2}
    turns = suspicion.split([record(0, 0), record(1, 0), record(1, 1), record(2, 0), record(0, 1)])
    assert [[(r.partition, r.offset) for r in turn] for turn in turns] == [
        [(1, 0)], [(1, 1)], [(2, 0)], [(0, 0), (0, 1)],
    ]  # fmt: skip


def test_suspicion_ends_after_the_longest_batch_there_can_be() -> None:
    suspicion = Suspicion()
    suspicion.assigned({1: 3})
    for offset in range(RECORDS_A_POLL_MAX):
        assert 1 in suspicion.left
        suspicion.survived(record(1, offset))
        assert not suspicion.condemned, "only the record at the offset was condemned"
    assert not suspicion.left


def test_a_run_of_rejects_stops() -> None:
    budget = RejectBudget(ratio_max=0.5, run_max=500)
    assert budget.spent(Tally(dead=499)) is None
    assert "500 stories in a row" in (budget.spent(Tally(dead=1)) or "")


def test_one_good_story_ends_a_run() -> None:
    budget = RejectBudget(ratio_max=1.0, run_max=500)
    for _ in range(20):
        assert budget.spent(Tally(dead=499)) is None
        assert budget.spent(Tally(stored=1)) is None


def test_a_share_of_rejects_stops_once_enough_was_seen() -> None:
    budget = RejectBudget(ratio_max=0.5, run_max=10**6)
    assert budget.spent(Tally(stored=10, dead=90)) is None, "a hundred stories are no verdict"
    said = [budget.spent(Tally(stored=40, dead=60)) for _ in range(REJECT_WINDOW // 100)]
    assert said[-1] is not None and "of the last" in said[-1]


def test_one_percent_of_poison_goes_on_for_ever() -> None:
    budget = RejectBudget(ratio_max=0.5, run_max=500)
    assert all(budget.spent(Tally(stored=99, dead=1)) is None for _ in range(500))
