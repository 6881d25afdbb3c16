"""What becomes of a firing for one subscription. The clock, the week and the zone are arguments."""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newstide.alerting.firing import Firing, Kind, Severity
from newstide.alerting.routing import DIGEST_SETTLES, Outcome, Reason, concerns, route
from newstide.alerting.subscription import (
    EVERYONE,
    Mute,
    Quiet,
    Scope,
    Spare,
    Subscription,
    alert_key,
    instant,
    local_day,
    next_local,
    problem_of,
    settled,
)
from tests.firings import firing

LONDON, SHANGHAI = "Europe/London", "Asia/Shanghai"
NIGHT = Quiet(start=time(22), end=time(7))
MONDAY = datetime(2026, 3, 2, 12, tzinfo=UTC)


def subscribed(**more: Any) -> Subscription:
    return Subscription(**{"owner": "ann", "name": "all", "channels": ("hook",), **more})


def mute(spare: Spare, scope: Scope = Scope.EVERYTHING, value: str = "", hours: float | None = None) -> Mute:
    until = None if hours is None else MONDAY + timedelta(hours=hours)
    return Mute(owner="ann", spare=spare, scope=scope, value=value, since=MONDAY, until=until)


def decided(subscription: Subscription, said: Firing, *mutes: Mute, now: datetime = MONDAY, sent: int = 0) -> Any:
    counts = {local_day(now, subscription.zone): sent}
    found = route(subscription, said, now, counts, mutes, now if said.answers else None)
    return found.outcome, found.reason, found.at


def test_it_is_sent_at_once_when_nothing_speaks_against_it() -> None:
    assert decided(subscribed(), firing()) == (Outcome.SEND, Reason.AT_ONCE, MONDAY)


@pytest.mark.parametrize(
    ("wants", "yes"),
    [
        ({}, True),
        ({"owner": "bo"}, False),
        ({"rules": ("r1",)}, True),
        ({"rules": ("r2",)}, False),
        ({"subjects": ("acme",)}, True),
        ({"subjects": ("other",)}, False),
        ({"watchlists": ("mine",)}, True),
        ({"watchlists": ("other", "absent")}, False),
        ({"watchlists": ("other",), "subjects": ("acme",)}, True),
    ],
)
def test_a_subscription_is_concerned_by_owner_rule_and_subject(wants: dict[str, Any], yes: bool) -> None:
    lists = {"mine": ("acme",), "other": ()}
    assert concerns(subscribed(**wants), firing(), lists) is yes
    assert concerns(subscribed(**wants | {"owner": "zoe"}), firing(owner=EVERYONE), lists) is (
        yes or wants == {"owner": "bo"}
    )


def test_severity_decides_what_is_sent_and_what_wakes() -> None:
    assert decided(subscribed(least=Severity.CRITICAL), firing())[:2] == (Outcome.SUPPRESS, Reason.BELOW_SEVERITY)
    asleep = subscribed(quiet=(NIGHT,), wakes=Severity.CRITICAL)
    night = MONDAY.replace(hour=23)
    assert decided(asleep, firing(), now=night)[0] is Outcome.HOLD
    assert decided(asleep, firing(severity=Severity.CRITICAL), now=night)[0] is Outcome.SEND


@pytest.mark.parametrize(
    ("zone", "at", "due"),
    [
        (LONDON, "2026-01-05T23:00", "2026-01-06T07:00"),  # winter: UTC
        (LONDON, "2026-07-06T22:30", "2026-07-07T06:00"),  # summer: an hour ahead
        (LONDON, "2026-03-28T23:00", "2026-03-29T06:00"),  # the night in which clocks go forward is an hour shorter
        (LONDON, "2026-10-24T22:00", "2026-10-25T07:00"),  # and in autumn an hour longer
        (SHANGHAI, "2026-03-02T14:00", "2026-03-02T23:00"),
    ],
)
def test_quiet_hours_are_of_the_local_clock(zone: str, at: str, due: str) -> None:
    now, wanted = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (at, due))
    assert decided(subscribed(quiet=(NIGHT,), zone=zone), firing(), now=now) == (Outcome.HOLD, Reason.QUIET, wanted)


def test_a_time_that_clocks_show_twice_is_quiet_both_times() -> None:
    """In London, 01:00 to 02:00 comes twice on 25 October 2026: first at 00:00 UTC, then at 01:00 UTC."""
    sleeper = subscribed(quiet=(Quiet(start=time(0), end=time(1, 30)),), zone=LONDON)
    for at in ("2026-10-25T00:15", "2026-10-25T00:45", "2026-10-25T01:15"):
        moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
        assert settled(sleeper, moment) == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


def test_a_time_that_clocks_skip_is_after_the_skip() -> None:
    skipped = instant(date(2026, 3, 29), time(1, 30), ZoneInfo(LONDON))
    assert skipped == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert skipped.astimezone(ZoneInfo(LONDON)).time() == time(2, 30)


def test_quiet_days_are_those_on_which_the_window_begins() -> None:
    weekend = Quiet(start=time(0), end=time(0, 0, 1), days=(5,))
    friday_night = subscribed(quiet=(Quiet(start=time(22), end=time(9), days=(4,)), weekend))
    assert settled(friday_night, datetime(2026, 3, 7, 8, tzinfo=UTC)) == datetime(2026, 3, 7, 9, tzinfo=UTC)
    assert settled(friday_night, datetime(2026, 3, 8, 8, tzinfo=UTC)) == datetime(2026, 3, 8, 8, tzinfo=UTC)


def test_windows_that_touch_are_one() -> None:
    two = (Quiet(start=time(20), end=time(0)), Quiet(start=time(0), end=time(6)))
    assert settled(subscribed(quiet=two), MONDAY.replace(hour=21)) == datetime(2026, 3, 3, 6, tzinfo=UTC)


def test_a_snooze_holds_and_quiet_hours_come_on_top() -> None:
    assert decided(subscribed(), firing(), mute(Spare.SNOOZE, hours=1)) == (
        Outcome.HOLD, Reason.SNOOZED, MONDAY + timedelta(hours=1),
    )  # fmt: skip
    late = decided(subscribed(quiet=(NIGHT,)), firing(), mute(Spare.SNOOZE, hours=11))
    assert late == (Outcome.HOLD, Reason.QUIET, datetime(2026, 3, 3, 7, tzinfo=UTC))


@pytest.mark.parametrize(
    ("scope", "value", "covered"),
    [
        (Scope.EVERYTHING, "", True),
        (Scope.RULE, "r1", True),
        (Scope.RULE, "r2", False),
        (Scope.SUBJECT, "acme", True),
        (Scope.SUBJECT, "other", False),
        (Scope.ALERT, alert_key("r1", "acme"), True),
        (Scope.ALERT, alert_key("r1", "other"), False),
    ],
)
def test_what_is_muted_is_not_sent(scope: Scope, value: str, covered: bool) -> None:
    wanted = (Outcome.SUPPRESS, Reason.MUTED) if covered else (Outcome.SEND, Reason.AT_ONCE)
    assert decided(subscribed(), firing(), mute(Spare.MUTE, scope, value, 1))[:2] == wanted
    assert decided(subscribed(), firing(), mute(Spare.MUTE, scope, value))[:2] == wanted


def test_a_mute_that_is_over_mutes_nothing() -> None:
    assert decided(subscribed(), firing(), mute(Spare.MUTE, hours=0))[0] is Outcome.SEND


def test_an_acknowledged_alert_is_told_again_only_when_it_has_cleared() -> None:
    seen = mute(Spare.ACK, Scope.ALERT, alert_key("r1", "acme"))
    assert decided(subscribed(), firing(), seen)[:2] == (Outcome.SUPPRESS, Reason.ACKNOWLEDGED)
    assert decided(subscribed(), firing(Kind.RESOLVED), seen)[0] is Outcome.SEND
    assert decided(subscribed(), firing(subject="other"), seen)[0] is Outcome.SEND


def test_a_digest_takes_what_comes_until_its_hour() -> None:
    daily = subscribed(digest=(time(18),), zone=SHANGHAI)
    tomorrow = datetime(2026, 3, 3, 10, tzinfo=UTC)
    assert decided(daily, firing()) == (Outcome.DIGEST, Reason.DIGEST, tomorrow)
    at_the_hour = datetime(2026, 3, 3, 10, tzinfo=UTC) - DIGEST_SETTLES
    assert decided(daily, firing(), now=at_the_hour)[2] == tomorrow + timedelta(days=1), "that one is closed"
    urgent = subscribed(digest=(time(18),), wakes=Severity.CRITICAL)
    assert decided(urgent, firing(severity=Severity.CRITICAL))[0] is Outcome.SEND


def test_what_is_over_the_cap_goes_into_one_digest() -> None:
    capped = subscribed(daily_cap=2)
    assert decided(capped, firing(), sent=1)[0] is Outcome.SEND
    over = decided(capped, firing(), sent=2)
    assert over == (Outcome.DIGEST, Reason.OVER_CAP, datetime(2026, 3, 3, 8, tzinfo=UTC))
    assert decided(capped, firing(), sent=9, now=MONDAY.replace(hour=20)) == over


def test_who_was_told_is_told_of_a_correction_whatever_they_muted_since() -> None:
    corrected = firing(Kind.CORRECTED, severity=Severity.INFO)
    strict = subscribed(least=Severity.CRITICAL, daily_cap=1, digest=(time(18),))
    told = decided(strict, corrected, mute(Spare.MUTE), sent=5)
    assert told == (Outcome.SEND, Reason.CORRECTION, MONDAY)
    assert decided(subscribed(quiet=(NIGHT,)), corrected, now=MONDAY.replace(hour=23))[0] is Outcome.HOLD


@pytest.mark.parametrize("kind", [Kind.CORRECTED, Kind.RESOLVED])
def test_what_answers_an_alert_follows_it(kind: Kind) -> None:
    untold = route(subscribed(), firing(kind), MONDAY, {}, (), None)
    assert (untold.outcome, untold.reason) == (Outcome.SUPPRESS, Reason.UNTOLD)
    later = MONDAY + timedelta(hours=3)
    held = route(subscribed(), firing(kind), MONDAY, {}, (), later)
    assert (held.outcome, held.at) == (Outcome.HOLD, later)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"zone": "Mars/Olympus"}, "zone"),
        ({"zone": "../etc"}, "zone"),
        ({"zone": "Europe"}, "zone"),
        ({"quiet": (Quiet(start=time(7), end=time(7)),)}, "quiet"),
        ({"quiet": (Quiet(start=time(0), end=time(12)), Quiet(start=time(12), end=time(0)))}, "quiet"),
        ({"quiet": (NIGHT,) * 9}, "quiet"),
        ({"rules": tuple(f"r{n}" for n in range(501))}, "rules"),
    ],
)
def test_a_subscription_that_cannot_be_is_refused_by_field(wrong: dict[str, Any], field: str) -> None:
    assert problem_of(subscribed(**wrong)).startswith(f"{field}: ")


def test_a_subscription_that_can_be_is_not() -> None:
    assert problem_of(subscribed(quiet=(NIGHT,), zone=SHANGHAI, digest=(time(18),))) == ""


# --- over any sequence ----------------------------------------------------------------------------------------------

TIMES = st.times().map(lambda at: at.replace(second=0, microsecond=0))
QUIETS = st.builds(
    lambda start, length, days: Quiet(
        start=start, end=(datetime.combine(date(2026, 1, 1), start) + timedelta(minutes=length)).time(), days=days
    ),
    TIMES,
    st.integers(1, 1_439),
    st.lists(st.integers(0, 6), max_size=7).map(tuple),
)
SUBSCRIPTIONS = st.builds(
    subscribed,
    zone=st.sampled_from((LONDON, SHANGHAI, "America/New_York", "Australia/Lord_Howe", "UTC")),
    quiet=st.lists(QUIETS, max_size=3).map(tuple),
    digest=st.lists(TIMES, max_size=2).map(tuple),
    least=st.sampled_from(Severity),
    wakes=st.sampled_from((None, *Severity)),
    daily_cap=st.none() | st.integers(1, 3),
).filter(lambda each: problem_of(each) == "")
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - given a zone
SAID = st.lists(
    st.tuples(st.timedeltas(timedelta(0), timedelta(hours=7)), st.sampled_from(Kind), st.sampled_from(Severity)),
    max_size=25,
)
SPARES = st.lists(st.tuples(st.sampled_from(Spare), st.sampled_from(Scope), st.integers(0, 100)), max_size=3)


@settings(max_examples=200, deadline=None)
@given(SUBSCRIPTIONS, MOMENTS, SAID, SPARES)
def test_nothing_is_lost_nothing_comes_early_and_nobody_is_woken(
    subscription: Subscription, now: datetime, said: list[Any], spares: list[Any]
) -> None:
    values = {Scope.RULE: "r1", Scope.SUBJECT: "acme", Scope.ALERT: alert_key("r1", "acme"), Scope.EVERYTHING: ""}
    mutes = [
        Mute(owner="ann", spare=s, scope=c, value=values[c], since=now, until=now + timedelta(hours=hours))
        for s, c, hours in spares
    ]
    counts: Counter[date] = Counter()
    for after, kind, severity in said:
        now += after
        found = route(subscription, firing(kind, severity=severity), now, counts, mutes, now)
        assert found.outcome in Outcome and found.reason in Reason
        assert (found.at > now) == (found.outcome in (Outcome.HOLD, Outcome.DIGEST))
        assert found.at <= now + timedelta(days=20), "it comes in the end"
        wakes = subscription.wakes is not None and list(Severity).index(severity) >= list(Severity).index(
            subscription.wakes
        )
        if found.outcome is not Outcome.SUPPRESS and not wakes:
            assert settled(subscription, found.at) == found.at, "never within quiet hours"
        if found.outcome is Outcome.SUPPRESS:
            assert severity is not Severity.CRITICAL or mutes or found.reason is Reason.BELOW_SEVERITY
        if found.outcome in (Outcome.SEND, Outcome.HOLD) and kind is not Kind.CORRECTED:
            counts[local_day(found.at, subscription.zone)] += 1
    assert all(count <= (subscription.daily_cap or len(said)) for count in counts.values())


@settings(max_examples=200, deadline=None)
@given(st.lists(TIMES, min_size=1, max_size=4).map(tuple), MOMENTS, st.sampled_from((LONDON, "Australia/Lord_Howe")))
def test_the_next_local_time_is_after_now_and_within_two_days(
    times: tuple[time, ...], now: datetime, zone: str
) -> None:
    found = next_local(times, now, zone)
    assert now < found <= now + timedelta(hours=26)
