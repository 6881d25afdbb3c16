"""The planner's promises: time runs forwards, history ends at the start, rounds never collide, arguments decide."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.scenario import OPENS_AT, Planned, load, plan
from ingest.scenario.day import DAY_ENDS_AT, DAY_STARTS_AT
from newstide.errors import UsageError

STORIES = load()
BY_ID = {story.id: story for story in STORIES}
STARTED_AT = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)


def play(*, seed: int = 7, number: int = 0, pace: float = 60.0, opens_at: timedelta = OPENS_AT) -> tuple[Planned, ...]:
    return plan(STORIES, started_at=STARTED_AT, opens_at=opens_at, pace=pace, seed=seed, round=number)


@given(
    seed=st.integers(0, 2**32),
    number=st.integers(0, 40),
    pace=st.floats(0.5, 5_000),
    opens_at=st.integers(0, 39_599).map(lambda s: DAY_STARTS_AT + timedelta(seconds=s)),
)
def test_time_never_runs_backwards_and_every_story_is_planned_once(
    seed: int, number: int, pace: float, opens_at: timedelta
) -> None:
    planned = play(seed=seed, number=number, pace=pace, opens_at=opens_at)
    assert sorted(item.story.id for item in planned) == sorted(BY_ID)
    for before, after in pairwise(planned):
        assert before.due_at <= after.due_at
        assert before.published_at <= after.published_at
    assert all(item.due_at >= STARTED_AT and item.published_at <= item.due_at for item in planned)
    assert all(item.due_at.tzinfo is UTC and item.published_at.tzinfo is UTC for item in planned)


def test_history_is_due_at_once_keeps_the_pace_and_ends_at_the_start() -> None:
    planned = play()
    history = [item for item in planned if item.story.at < OPENS_AT]
    live = planned[len(history) :]
    assert history
    for item in history:
        assert item.due_at == STARTED_AT
        assert item.published_at == STARTED_AT - (OPENS_AT - item.story.at) / 60 < STARTED_AT
    for item in live:
        assert item.due_at == item.published_at == STARTED_AT + (item.story.at - OPENS_AT) / 60
    assert STARTED_AT - history[-1].published_at < timedelta(minutes=2)


def test_the_plan_is_decided_by_its_arguments() -> None:
    assert play(number=2) == play(number=2)
    assert play(seed=1, number=2) != play(seed=2, number=2)
    assert [i.story.id for i in play(number=1)] != [i.story.id for i in play(number=2)]


def test_rounds_follow_one_another_and_do_not_collide() -> None:
    rounds = [play(number=number) for number in range(4)]
    for before, after in pairwise(rounds):
        assert before[-1].due_at <= after[0].due_at
        assert after[0].due_at - before[-1].due_at < timedelta(seconds=10)
    whole_day = (DAY_ENDS_AT - DAY_STARTS_AT) / 60
    assert rounds[3][-1].due_at - rounds[2][-1].due_at == pytest.approx(whole_day, abs=timedelta(seconds=10))
    ids = [{(item.story.source, item.publisher_id) for item in items} for items in rounds]
    assert len(set().union(*ids)) == sum(map(len, ids))
    urls = [{item.url for item in items} for items in rounds]
    assert len(set().union(*urls)) == sum(map(len, urls))


def test_two_runs_do_not_collide() -> None:
    later = plan(STORIES, started_at=STARTED_AT + timedelta(seconds=1), pace=60, seed=7)
    assert {item.publisher_id for item in later}.isdisjoint(item.publisher_id for item in play())


def test_the_story_lines_keep_their_times_and_loose_stories_move_a_little() -> None:
    begins_at = STARTED_AT + (DAY_ENDS_AT - OPENS_AT) / 60
    moved = 0
    for item in play(number=1, pace=60):
        shift = abs(item.due_at - begins_at - (item.story.at - DAY_STARTS_AT) / 60) * 60
        if item.story.arc not in {"quiet", "background"} or item.story.copy_of or item.story.revises:
            assert shift < timedelta(minutes=1)
        assert shift < timedelta(minutes=16)
        moved += shift > timedelta(minutes=1)
    assert moved > 50


@pytest.mark.parametrize("number", [0, 1, 5])
def test_an_edit_is_a_later_revision_of_the_same_story(number: int) -> None:
    planned = {item.story.id: item for item in play(number=number)}
    for item in planned.values():
        assert item.revision == (2 if item.story.revises else 1)
        if item.story.revises:
            first = planned[item.story.revises]
            assert (first.publisher_id, first.url) == (item.publisher_id, item.url)
            assert first.due_at <= item.due_at


@pytest.mark.parametrize("number", [1, 9])
def test_a_copy_never_comes_before_what_it_copies(number: int) -> None:
    planned = {item.story.id: item for item in play(number=number)}
    for item in planned.values():
        assert item.story.copy_of is None or planned[item.story.copy_of].due_at <= item.due_at


def test_a_start_in_another_zone_is_told_in_utc() -> None:
    local = plan(STORIES, started_at=datetime.fromisoformat("2026-03-02T22:00:00+08:00"), pace=60, seed=7)
    assert local == play()


def test_nonsense_is_refused() -> None:
    for bad in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(UsageError):
            play(pace=bad)
    for bad_time in (timedelta(hours=7), DAY_ENDS_AT):
        with pytest.raises(UsageError):
            play(opens_at=bad_time)
    with pytest.raises(UsageError):
        play(number=-1)
    with pytest.raises(UsageError):
        plan(STORIES, started_at=STARTED_AT.replace(tzinfo=None), pace=1, seed=1)
