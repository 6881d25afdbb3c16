"""What the registry of sources and its leases promise, on SQLite and on a real PostgreSQL."""

import threading
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec
import pytest

from newstide.errors import Fenced
from newstide.sources import Source, SourceState
from newstide.store import leases, registry, sources
from newstide.store.database import Database
from newstide.store.leases import Claiming, Leased
from tests.contract.stories import NOON

SECOND = timedelta(seconds=1)
LEASE = timedelta(seconds=30)
CLAIMING = Claiming("one", {"feed": 1.0, "json": 1.0}, LEASE.total_seconds(), 100)


def source(name: str, **more: object) -> Source:
    return msgspec.structs.replace(Source(name=name, url=f"https://{name}.example/'f'", every_s=60.0), **more)


def put(database: Database, *wanted: Source, key: str = "", **more: bool) -> registry.PutOutcome:
    return registry.put(database, [(each, key or each.name) for each in wanted], NOON, **more)


def names(taken: list[Leased]) -> list[str]:
    return [each.source.name for each in taken]


def settle(database: Database, leased: Leased, state: SourceState, now: datetime = NOON) -> None:
    with database.transaction() as connection:
        leases.settle(connection, leased, state, now)


# --- definitions --------------------------------------------------------------------------------------------------


def test_sources_are_put_and_found_again(database: Database) -> None:
    zh = source("zh", kind="json", language="zh", tier=1, options={"items": "a.b", "n": [1]}, note="x", quiet_after_s=9)
    first = put(database, source("wire"), zh)
    assert (first.added, first.changed, first.unchanged, first.refused) == (["wire", "zh"], [], [], [])
    again = put(database, source("wire"), zh)
    assert (again.added, again.unchanged) == ([], ["wire", "zh"])
    assert [each.source for each in registry.load_all(database)] == [source("wire"), zh]
    found = registry.load(database, "zh")
    assert found is not None and (found.source, found.added_at) == (zh, NOON)
    assert registry.load(database, "none") is None
    with database.transaction() as connection:
        assert sources.tiers(connection) == {"zh": 1}


def test_first_polls_are_spread(database: Database) -> None:
    put(database, *(source(f"s{n}", every_s=20.0) for n in range(10)))
    due = [each.state.next_due_at for each in registry.load_all(database)]
    assert due == [NOON + timedelta(seconds=2 * n) for n in range(10)]


def test_another_document_begins_anew_and_another_tier_does_not(database: Database) -> None:
    put(database, source("wire"))
    (leased,) = leases.claim(database, CLAIMING, NOON)
    settle(database, leased, replace(leased.state, etag='"1"', received=3, published=3, next_due_at=NOON + LEASE))
    assert put(database, source("wire", tier=3)).changed == ["wire"]
    assert put(database, source("wire"), replace=False).unchanged == ["wire"]
    kept = registry.load(database, "wire")
    assert kept is not None and (kept.state.etag, kept.source.tier) == ('"1"', 3)
    assert put(database, source("wire", url="https://moved.example/")).changed == ["wire"]
    moved = registry.load(database, "wire")
    assert moved is not None and (moved.state.etag, moved.state.published, moved.state.next_due_at) == ("", 3, NOON)


def test_a_shorter_interval_holds_at_once(database: Database) -> None:
    put(database, source("slow", every_s=86_400.0))
    (leased,) = leases.claim(database, CLAIMING, NOON)
    settle(database, leased, replace(leased.state, polled_at=NOON, next_due_at=NOON + timedelta(days=1)))
    put(database, source("slow", every_s=60.0))
    assert names(leases.claim(database, CLAIMING, NOON + timedelta(seconds=60))) == ["slow"]


def test_many_that_are_enabled_do_not_start_together(database: Database) -> None:
    wanted = [f"s{n}" for n in range(6)]
    put(database, *(source(name, enabled=False) for name in wanted))
    later = NOON + timedelta(days=1)
    registry.enable(database, wanted, later, enabled=True)
    due = [each.state.next_due_at for each in registry.load_all(database)]
    assert due == [later + timedelta(seconds=10 * n) for n in range(6)]


def test_names_of_files_stay_theirs(database: Database) -> None:
    with database.transaction() as connection:
        sources.save(connection, SourceState("wire", "file", published=1, received=1), NOON)
        sources.save(connection, SourceState("feed", "feed", published=1, received=1), NOON)  # as versions before 0006
    found = put(database, source("wire"), source("feed"))
    assert (found.refused, found.changed) == (["wire"], ["feed"])
    assert leases.claim(database, CLAIMING, NOON + LEASE)[0].state.published == 1


def test_a_tier_may_be_given_to_any_source(database: Database) -> None:
    registry.set_tier(database, "column", 1, NOON)
    registry.set_tier(database, "column", 3, NOON)
    with database.transaction() as connection:
        assert sources.tiers(connection) == {"column": 3}
    assert put(database, source("column")).changed == ["column"], "nothing came from a file of that name"


def test_pausing_and_removing(database: Database) -> None:
    put(database, source("a"), source("b"))
    assert registry.enable(database, ["a", "none"], NOON, enabled=False) == ["a"]
    later = NOON + timedelta(hours=1)
    assert names(leases.claim(database, CLAIMING, later)) == ["b"]
    assert registry.enable(database, ["a"], later, enabled=True) == ["a"]
    assert names(leases.claim(database, CLAIMING, later)) == ["a"]
    with database.transaction() as connection:
        sources.remember(connection, "a", [sources.SeenText("s", "h", 1)], NOON)
    assert (registry.remove(database, "a"), registry.remove(database, "a")) == (True, False)
    assert sources.seen(database, "a", ["s"]) == {}


# --- leases -------------------------------------------------------------------------------------------------------


def test_a_source_is_asked_by_one(database: Database) -> None:
    put(database, source("a"), source("b"))
    later = NOON + LEASE
    assert names(leases.claim(database, replace(CLAIMING, limit=1), later)) == ["a"]
    assert names(leases.claim(database, replace(CLAIMING, owner="two"), later)) == ["b"]
    assert leases.claim(database, CLAIMING, later + LEASE - SECOND) == []
    assert names(leases.claim(database, CLAIMING, later + LEASE + SECOND)) == ["a", "b"], "who is silent loses them"


def test_only_what_is_due_longest_waiting_first(database: Database) -> None:
    put(database, source("a"), source("b"), source("c"))
    for leased in leases.claim(database, CLAIMING, NOON + LEASE + LEASE):
        due_at = {"a": NOON + 3 * LEASE, "b": NOON + LEASE, "c": NOON + 9 * LEASE}[leased.source.name]
        settle(database, leased, replace(leased.state, next_due_at=due_at, polled_at=NOON + LEASE))
    assert leases.claim(database, CLAIMING, NOON + LEASE - SECOND) == []
    assert names(leases.claim(database, CLAIMING, NOON + 4 * LEASE)) == ["b", "a"]


def test_one_poll_at_a_time_of_a_host_and_a_gap_between_two(database: Database) -> None:
    put(database, source("a"), source("b"), key="host")
    put(database, source("c"))
    taken = leases.claim(database, CLAIMING, NOON + 2 * LEASE)
    assert names(taken) == ["a", "c"]
    now = NOON + 2 * LEASE
    asked = replace(taken[0].state, polled_at=now, next_due_at=now + 100 * LEASE)
    settle(database, taken[0], asked, now + 5 * SECOND)
    assert leases.claim(database, CLAIMING, now + 5.9 * SECOND) == [], "within the gap of a second"
    assert names(leases.claim(database, CLAIMING, now + 6 * SECOND)) == ["b"]


def test_kinds_that_we_do_not_know_are_left_alone(database: Database) -> None:
    put(database, source("a", kind="other"))
    assert leases.claim(database, CLAIMING, NOON + LEASE) == []
    assert leases.unasked(database, CLAIMING.gaps_s, NOON) == 0


def test_a_lease_that_was_lost_writes_nothing(database: Database) -> None:
    put(database, source("a"))
    (slow,) = leases.claim(database, CLAIMING, NOON)
    (quick,) = leases.claim(database, replace(CLAIMING, owner="two"), NOON + LEASE + SECOND)
    settle(database, quick, replace(quick.state, etag='"new"', next_due_at=NOON + 9 * LEASE))
    with pytest.raises(Fenced, match="another worker"):
        settle(database, slow, replace(slow.state, etag='"old"'))
    assert leases.renew(database, {"a": slow.epoch}, NOON, NOON + 99 * LEASE) == set()
    found = registry.load(database, "a")
    assert found is not None and (found.state.etag, found.leased(NOON)) == ('"new"', False)


def test_settling_twice_is_harmless(database: Database) -> None:
    """The answer to a commit may be lost, and the work done again."""
    put(database, source("a"))
    (leased,) = leases.claim(database, CLAIMING, NOON)
    state = replace(leased.state, published=2, received=2, next_due_at=NOON + LEASE)
    settle(database, leased, state)
    settle(database, leased, state)
    assert sources.load(database, ["a"])["a"] == state


def test_a_renewed_lease_lasts_and_a_released_one_is_free(database: Database) -> None:
    put(database, source("a"))
    (leased,) = leases.claim(database, CLAIMING, NOON)
    assert leases.renew(database, {"a": leased.epoch, "none": 1}, NOON, NOON + 3 * LEASE) == {"a"}
    assert leases.claim(database, CLAIMING, NOON + 2 * LEASE) == []
    late = NOON + 3 * LEASE
    assert leases.renew(database, {"a": leased.epoch}, late, late + LEASE) == set(), "it has ended"
    leases.release(database, {"a": leased.epoch})
    assert names(leases.claim(database, CLAIMING, NOON + 2 * LEASE)) == ["a"]


@pytest.mark.parametrize("change", ["edit", "remove"])
def test_an_operators_change_fences_the_poll_in_hand(database: Database, change: str) -> None:
    put(database, source("a"))
    (leased,) = leases.claim(database, CLAIMING, NOON)
    if change == "edit":
        put(database, source("a", options={"x": 1}))
        assert names(leases.claim(database, CLAIMING, NOON + SECOND)) == ["a"], "asked anew, at once"
    else:
        registry.remove(database, "a")
    with pytest.raises(Fenced):
        settle(database, leased, leased.state)


def test_each_is_asked_once_whoever_asks(database: Database) -> None:
    put(database, source("a"), source("b"))
    since = NOON + LEASE
    once = replace(CLAIMING, unasked_since=since)
    taken = leases.claim(database, replace(once, limit=1), since)
    settle(database, taken[0], replace(taken[0].state, polled_at=since, next_due_at=since + LEASE))
    assert leases.unasked(database, CLAIMING.gaps_s, since) == 1
    taken = leases.claim(database, once, since + SECOND)
    assert names(taken) == ["b"]
    settle(database, taken[0], replace(taken[0].state, polled_at=since + SECOND))
    assert leases.unasked(database, CLAIMING.gaps_s, since) == 0


def test_many_who_claim_at_once_never_share_a_source_or_a_host(database: Database) -> None:
    hosts = 5
    for host in range(hosts):
        put(database, *(source(f"s{host}-{n}") for n in range(4)), key=f"host{host}")
    taken: list[list[Leased]] = []

    def claim(owner: str) -> None:
        taken.append(leases.claim(database, replace(CLAIMING, owner=owner, limit=2), NOON + 2 * LEASE))

    threads = [threading.Thread(target=claim, args=(f"w{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(taken) == 6
    asked = [name.partition("-")[0] for some in taken for name in names(some)]
    assert sorted(asked) == [f"s{host}" for host in range(hosts)]
