"""How well a source is, told from what is known of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newstide.sources import (
    FAILS_FOR,
    FAILURES_MIN,
    OVERDUE_AFTER,
    QUIET_AFTER_MAX,
    QUIET_AFTER_MIN,
    QUIET_AFTER_UNKNOWN,
    TROUBLED,
    Condition,
    Registered,
    Source,
    SourceState,
    host_of,
    quiet_after,
)

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
WIRE = Source(name="wire", url="https://wire.example/feed")
STATE = SourceState(
    source="wire",
    kind="feed",
    polled_at=NOW - timedelta(minutes=5),
    last_success_at=NOW - timedelta(minutes=5),
    last_new_at=NOW - timedelta(hours=1),
    next_due_at=NOW + timedelta(minutes=1),
)
MOMENT = timedelta(seconds=1)


def told(state: SourceState = STATE, source: Source = WIRE, **more: object) -> Condition:
    found = Registered(source, state, NOW - timedelta(days=200))
    return replace(found, **more).condition(NOW)  # type: ignore[arg-type]


def test_the_conditions_and_where_each_begins() -> None:
    assert told() is Condition.OK
    assert told(source=msgspec.structs.replace(WIRE, enabled=False)) is Condition.PAUSED
    assert told(SourceState(source="wire", kind="feed", next_due_at=NOW)) is Condition.NEVER_POLLED
    assert told(replace(STATE, failures=1)) is Condition.FAILING
    gone = replace(STATE, failures=FAILURES_MIN, last_success_at=NOW - FAILS_FOR)
    assert told(gone) is Condition.DEAD
    assert told(replace(gone, last_success_at=NOW - FAILS_FOR + MOMENT)) is Condition.FAILING
    assert told(replace(gone, failures=FAILURES_MIN - 1)) is Condition.FAILING, (
        "it is asked once a day: too few to tell"
    )
    silent = replace(STATE, rhythm_s=60.0, last_new_at=NOW - QUIET_AFTER_MIN - MOMENT)
    assert told(silent) is Condition.QUIET
    assert told(replace(silent, last_new_at=NOW - QUIET_AFTER_MIN)) is Condition.OK, "a long weekend"
    late = replace(STATE, next_due_at=NOW - OVERDUE_AFTER - MOMENT)
    assert told(late) is Condition.OVERDUE
    assert told(late, lease_until=NOW + MOMENT) is Condition.OK, "somebody asks it right now"
    assert told(replace(late, next_due_at=NOW - OVERDUE_AFTER)) is Condition.OK


def test_dead_and_quiet_are_told_apart_and_both_are_told_of() -> None:
    """It failed and had nothing new: that it fails is the reason."""
    both = replace(STATE, failures=9, last_success_at=NOW - timedelta(days=40), last_new_at=NOW - timedelta(days=40))
    assert told(both) is Condition.DEAD
    assert {Condition.DEAD, Condition.QUIET, Condition.OVERDUE} == TROUBLED


def test_a_source_that_never_answered_dies_by_its_age() -> None:
    never = replace(STATE, failures=FAILURES_MIN, last_success_at=None)
    assert told(never) is Condition.DEAD
    assert told(never, added_at=NOW - MOMENT) is Condition.FAILING


def test_when_silence_is_long() -> None:
    assert quiet_after(WIRE, None) == QUIET_AFTER_UNKNOWN
    assert quiet_after(WIRE, 86_400.0) == timedelta(days=20)
    assert quiet_after(WIRE, 1e9) == QUIET_AFTER_MAX
    assert quiet_after(msgspec.structs.replace(WIRE, quiet_after_s=3_600.0), 1e9) == timedelta(hours=1)


@given(st.floats(1, 1e9), st.floats(1, 1e9))
def test_a_slower_source_may_be_silent_for_longer(one_s: float, other_s: float) -> None:
    slow, fast = max(one_s, other_s), min(one_s, other_s)
    assert QUIET_AFTER_MIN <= quiet_after(WIRE, fast) <= quiet_after(WIRE, slow) <= QUIET_AFTER_MAX


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://WIRE.example./feed?a=b#c", "wire.example"),
        ("http://127.0.0.1:8000/f", "127.0.0.1"),
        ("http://[::1]/f", "[::1]"),
        ("https://me:pw@wire.example/", ""),
        ("https://me@wire.example/", ""),
        ("file:///etc/passwd", ""),
        ("https:///x", ""),
        ("https://a b/", ""),
        ("https://wire.example/ x", ""),
        ("https://wire.example\\@evil.example/", ""),
        ("https://wire.example/" + "x" * 2_000, ""),
    ],
)
def test_hosts(url: str, host: str) -> None:
    assert host_of(url) == host


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "../a"},
        {"name": "a" * 65},
        {"name": "a\n"},
        {"every_s": 0.5},
        {"every_s": 1e9},
        {"tier": 4},
        {"language": "fr"},
        {"evry_s": 3},
        {"kind": "../x"},
        {"quiet_after_s": -1},
    ],
)
def test_what_is_no_source(wrong: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"name": "a", "url": "https://a.example/"} | wrong, Source)
