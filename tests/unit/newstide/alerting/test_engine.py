"""Stories and time to firings: once, in time, and the same in whatever order stories come."""

import random
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newstide.alerting.firing import Firing, Kind
from newstide.alerting.memory import Memory
from newstide.messages import ScoredStory, story_id_of
from tests.unit.newstide.alerting.stage import LATENESS_S, at, engine, rule, run, story


def said(firings: list[Firing]) -> list[tuple[str, float]]:
    return [(firing.kind.value, (firing.at - at(0)) / timedelta(minutes=1)) for firing in firings]


def test_a_story_fires_at_once() -> None:
    made = engine(rule("apple: story negative"))
    (firing,) = made.arrive(story(1, 5))
    assert (firing.kind, firing.subject, firing.subject_name, firing.at) == (Kind.FIRED, "apple", "Apple", at(5))
    assert firing.evidence[0].story_id == story_id_of("test", "1")
    assert [(t.clause, t.value, t.holds) for t in firing.traces] == [("story negative", -0.8, True)]
    assert made.arrive(story(2, 6, 0.8)) == [], "a good one is not asked for"
    assert made.arrive(story(3, 7, entity="microsoft")) == [], "nor is another company"
    assert made.arrive(story(4, 8, relevance=0.3)) == [], "nor a name in a round-up"


def test_what_is_unsure_or_a_copy_or_old_fires_nothing() -> None:
    made = engine(rule("everything: story"))
    assert made.arrive(story(1, unsure=True)) == []
    assert made.arrive(story(2, cluster=(1, 1, 2))) == []
    assert len(made.arrive(story(3))) == 1
    made.advance()
    assert made.arrive(story(4, -2 * 24 * 60)) == [], "an archive that is loaded beside"


def test_thirty_outlets_are_one_alert() -> None:
    stories = [story(n, n / 10, cluster=(0, n, 1 + n // 3), source=f"outlet-{n}") for n in range(31)]
    at_once = run(engine(rule("apple: story negative")), stories)
    assert len(at_once) == 1
    (told_widely,) = run(engine(rule("apple: story negative, at least 5 sources")), stories)
    assert (told_widely.sources, told_widely.copies) == (5, 12)
    windows = run(engine(rule("apple: score < -0.5 over 1h")), stories, until=30)
    assert [f.kind for f in windows] == [Kind.FIRED]
    heat = run(engine(rule("apple: copies >= 30 over 1h")), stories, until=30)
    assert [(f.stories, f.copies, f.sources) for f in heat] == [(1, 30, 31)]
    assert len(heat[0].evidence) == 1, "one of a cluster"


FLAPPING = [story(n, 2 * n, -0.9 if n % 2 else 0.3) for n in range(120)]


def test_a_flapping_series_is_one_fire_and_one_resolve() -> None:
    nervous = run(engine(rule("apple: score < -0.2 over 3m")), FLAPPING, until=600)
    assert len(nervous) > 50, "the series flaps"
    firings = run(engine(rule("apple: score < -0.2 until 0.5 over 6m, for 4m, cooldown 1d")), FLAPPING, until=600)
    assert [f.kind for f in firings] == [Kind.FIRED, Kind.RESOLVED]
    assert firings[1].answers == firings[0].firing_id
    rested = run(engine(rule("apple: score < -0.2 over 3m, cooldown 1d")), FLAPPING, until=600)
    assert [f.kind for f in rested] == [Kind.FIRED, Kind.RESOLVED]


def test_for_and_cooldown_end_in_their_own_moment() -> None:
    bad = [story(n, n) for n in range(12)]
    assert said(run(engine(rule("apple: score < -0.5 over 30m, for 10m")), bad)) == [("fired", 10), ("resolved", 51)]
    twice = [story(1, 0), story(2, 40)]
    cooled = run(engine(rule("apple: score < -0.5 over 30m, cooldown 20m")), twice)
    assert said(cooled) == [("fired", 0), ("resolved", 30), ("fired", 50), ("resolved", 70)]


def test_no_data_is_no_value() -> None:
    alone = [story(1, 0)]
    assert said(run(engine(rule("apple: score > -1 over 30m, no data keep")), alone)) == [("fired", 0)]
    assert said(run(engine(rule("apple: score > 0.5 over 30m, no data tell")), alone)) == [("no_data", 30)]
    resolved = run(engine(rule("apple: score < 0 over 30m")), alone)
    assert said(resolved) == [("fired", 0), ("resolved", 30)]
    assert resolved[1].traces[0].value is None
    assert run(engine(rule("apple: change < -0.1 over 30m")), alone) == [], "there is nothing before it"
    assert run(engine(rule("apple: change < -0.1 over 30m")), [story(0, -31, 0.5), *alone])[0].at == at(0)


def test_unsure_stories_never_fire_alone() -> None:
    unsure = [story(n, n, -0.4, unsure=True) for n in range(5)]
    made = rule("apple: score < -0.2 over 1h and stories >= 3 over 1h")
    assert run(engine(made), unsure) == []
    assert said(run(engine(made), [*unsure, story(9, 9)]))[0] == ("fired", 9)


def test_evidence_is_counted_in_independent_stories() -> None:
    made = rule("apple: score < -0.5 over 1h, at least 3 stories, at least 2 sources")
    copies = [story(n, n, cluster=(0, n, 1)) for n in range(10)]
    assert run(engine(made), copies) == []
    three = [story(n, n) for n in range(3)]
    assert run(engine(made), three) == []
    other = [story(0, 0), story(1, 1), story(2, 2, source="other")]
    (fired, _) = run(engine(made), other)
    assert (fired.stories, fired.sources) == (3, 2)


def test_a_revision_takes_the_place_of_the_one_before() -> None:
    made = rule("apple: score < -0.5 over 1h")
    assert said(run(engine(made), [story(1, 0), story(1, 5, 0.9, revision=2)])) == [("fired", 0), ("resolved", 5)]
    assert said(run(engine(made), [story(1, 0), story(1, 5, revision=2, withdrawn=True)])) == [
        ("fired", 0),
        ("resolved", 5),
    ]


def test_watchlists_and_alternatives() -> None:
    made = rule("watchlist big: score < -0.5 over 1h and stories >= 2 over 1h or score < -0.95 over 1h")
    stories = [story(1, 0, entity="apple"), story(2, 1, entity="microsoft"), story(3, 2, entity="microsoft")]
    assert [(f.subject, f.at) for f in run(engine(made), stories, 30)] == [("microsoft", at(2))]
    assert [f.subject for f in run(engine(made), [story(1, 0, -0.99)], 30)] == ["apple"]


RULES = (
    rule("apple: story negative", "once"),
    rule("everything: story positive, cooldown 7m", "rested"),
    rule("apple: score < -0.3 until 0.1 over 20m, at least 2 stories, for 3m", "mean"),
    rule("watchlist big: stories >= 4 over 15m, cooldown 30m", "count"),
    rule("source wire: negative share > 60% over 30m, no data tell", "share"),
    rule("everything: change < -0.4 over 10m or copies > 3 over 10m", "change"),
    rule("apple: story negative and score < -0.2 over 10m, cooldown 5m", "both"),
)
SCORES = st.sampled_from([-0.9, -0.4, 0.0, 0.3, 0.9])


@st.composite
def streams(draw: st.DrawFn) -> list[ScoredStory]:
    """A stream in the order of publication, with copies, revisions and equal times."""
    found, minute = list[ScoredStory](), 0.0
    for number in range(draw(st.integers(1, 40))):
        minute += draw(st.sampled_from([0.0, 0.1, 0.5, 1.0, 4.0, 13.0]))
        copies = draw(st.sampled_from([0, 0, 0, 1, 2]))
        entity = draw(st.sampled_from(["apple", "apple", "microsoft", "boeing"]))
        source = draw(st.sampled_from(["wire", "paper"]))
        cluster = (number // 3, copies, 1) if copies else (number, 0, 1)
        found.append(story(number, minute, draw(SCORES), entity=entity, cluster=cluster, source=source))
    return found


@given(streams(), st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_disorder_within_the_lateness_changes_nothing(stream: list[ScoredStory], chance: random.Random) -> None:
    ordered = run(engine(*RULES), stream)
    lateness = timedelta(seconds=LATENESS_S)
    shuffled = sorted(stream, key=lambda s: s.item.published_at + chance.random() * lateness * 0.99)
    assert run(engine(*RULES), shuffled) == ordered
    repeated = [again for each in shuffled for again in (each, each)]
    assert run(engine(*RULES), repeated) == ordered, "what is read twice counts once"


@given(streams(), st.integers(1, 39))
@settings(max_examples=60, deadline=None)
def test_partitions_that_lag_hold_time_back(stream: list[ScoredStory], seed: int) -> None:
    """A whole partition read after the other: as after a long stop."""
    ordered = run(engine(*RULES), stream)
    made, firings = engine(*RULES), list[Firing]()
    parts = [[s for n, s in enumerate(stream) if (n * seed) % 3 % 2 == part] for part in (0, 1)]
    for part, waiting in ((0, {1}), (1, set[int]())):
        for place, each in enumerate(parts[part]):
            firings += made.arrive(each, part)
            last = place == len(parts[part]) - 1
            firings += made.advance(waiting if last or waiting else {part})
    firings += made.finish(at(10_000))
    assert {f.firing_id: f for f in firings} == {f.firing_id: f for f in ordered}


@given(streams(), st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_a_restart_anywhere_changes_nothing(stream: list[ScoredStory], every: int) -> None:
    ordered = run(engine(*RULES), stream)
    rows: dict[tuple[str, str], str] = {}
    firings: list[Firing] = []
    for place, each in enumerate(stream):
        if place % every == 0:
            made = engine(*RULES, memory=Memory((kind, key, payload) for (kind, key), payload in rows.items()))
        firings += [*made.arrive(each), *made.advance()]
        for kind, key, payload in made.memory.changes():
            if payload is None:
                rows.pop((kind, key), None)
            else:
                rows[kind, key] = payload
    firings += made.finish(at(10_000))
    assert {f.firing_id: f for f in firings} == {f.firing_id: f for f in ordered}


@given(streams())
@settings(max_examples=60, deadline=None)
def test_ticks_change_nothing_but_when_it_is_said(stream: list[ScoredStory]) -> None:
    ordered = run(engine(*RULES), stream)
    made, firings = engine(*RULES), list[Firing]()
    for each in stream:
        firings += [*made.tick(each.item.published_at), *made.arrive(each), *made.advance()]
    for minute in range(0, 10_000, 37):
        firings += made.tick(at(minute) + timedelta(seconds=LATENESS_S))
    firings += made.finish(at(10_000))
    assert {f.firing_id: f for f in firings} == {f.firing_id: f for f in ordered}


def test_a_late_story_counts_from_then_on() -> None:
    made = engine(rule("apple: stories >= 3 over 1h"))
    firings = []
    for each in (story(1, 0), story(2, 20), story(3, 50, entity="boeing"), story(4, 10)):
        firings += [*made.arrive(each), *made.advance()]
    assert said(firings) == [("fired", 20)], "in its own time as far as its subject goes"
    assert {e.story_id for e in firings[0].evidence} == {story_id_of("test", str(n)) for n in (1, 2, 4)}


@pytest.mark.parametrize("count", [1, 30])
def test_the_clock_of_the_wall_means_nothing_to_an_archive(count: int) -> None:
    from msgspec.structs import replace

    old = [
        replace(each, item=replace(each.item, received_at=at(60 * 24 * 365)))
        for each in (story(n, n) for n in range(count))
    ]
    made = engine(rule("apple: score < -0.5 over 1h"))
    firings = [firing for each in old for firing in (*made.arrive(each), *made.advance())]
    assert made.tick(at(60 * 24 * 366)) == []
    assert [f.kind for f in (*firings, *made.finish(at(count)))] == [Kind.FIRED]
