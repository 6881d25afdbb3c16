"""Workers that claim, settle, freeze, die and come back in any order."""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newstide.errors import Fenced
from newstide.sources import Source
from newstide.store import leases, migrate, registry
from newstide.store.database import Database
from newstide.store.leases import Claiming, Leased

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
WORKERS = ("a", "b", "c")
LEASE_S, GAP_S = 10.0, 2.0
LEASE, GAP = timedelta(seconds=LEASE_S), timedelta(seconds=GAP_S)
ACTIONS = ("claim", "claim", "settle", "settle", "renew", "release")
HOSTS = {"s1": "x", "s2": "x", "s3": "y"}

steps = st.tuples(st.sampled_from(WORKERS), st.sampled_from(ACTIONS), st.sampled_from([0, 1, 1, 3, 11]))


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    with tempfile.TemporaryDirectory() as folder:
        made = Database(f"sqlite:///{Path(folder) / 'n.db'}")
        migrate.upgrade(made)
        yield made
        made.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(steps, min_size=10, max_size=40))
def test_a_host_is_asked_by_one_and_no_poll_sets_another_back(
    database: Database, story: list[tuple[str, str, int]]
) -> None:
    """`published` counts polls: each that is settled must have seen all that were settled before it."""
    for name in HOSTS:
        registry.remove(database, name)
    rows = [(Source(name=name, url="https://x.example/", every_s=1.0), key) for name, key in HOSTS.items()]
    registry.put(database, rows, NOON)
    now = NOON
    hands: dict[str, list[Leased]] = {worker: [] for worker in WORKERS}
    settled = dict.fromkeys(HOSTS, 0)
    free_at = dict.fromkeys(HOSTS.values(), NOON)  # from when on a host may be asked again
    for worker, action, seconds in story:
        now += timedelta(seconds=seconds)
        held = {each.source.name: each.epoch for each in hands[worker]}
        if action == "claim":
            for leased in leases.claim(database, Claiming(worker, {"feed": GAP_S}, LEASE_S, 2), now):
                host = HOSTS[leased.source.name]
                assert now >= free_at[host], "within the gap"
                assert leased.state.published == settled[leased.source.name], "an older state was handed out"
                free_at[host] = now + GAP
                hands[worker].append(leased)
        elif action == "renew":
            leases.renew(database, held, now, now + LEASE)
        elif action == "release":
            leases.release(database, held)
            hands[worker] = []
        elif hands[worker] and settles(database, hands[worker][0], now):
            name = hands[worker].pop(0).source.name
            settled[name] += 1
            free_at[HOSTS[name]] = now + GAP
        else:
            hands[worker] = hands[worker][1:]
        known = {each.source.name: each for each in registry.load_all(database)}
        asked = [HOSTS[name] for name, each in known.items() if each.leased(now)]
        assert len(asked) == len(set(asked)), "two ask one host"
        assert {name: each.state.published for name, each in known.items()} == settled, "a late poll set a state back"


def settles(database: Database, leased: Leased, now: datetime) -> bool:
    state = replace(leased.state.counted(published=1), polled_at=now, next_due_at=now)
    try:
        with database.transaction() as connection:
            leases.settle(connection, leased, state, now)
    except Fenced:
        return False
    return True
