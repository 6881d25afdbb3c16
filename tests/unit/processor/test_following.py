"""An edit of the entity master reaches a running processor, between turns and within a minute."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from newstide.clock import FakeClock
from newstide.entities.listings import Row
from newstide.entities.merging import replace
from newstide.entities.vocabulary import Entity, Kind, Name
from newstide.errors import StoreUnavailable
from newstide.scoring.stub import StubScorer
from newstide.service import Service
from newstide.store import entities, migrate, registry
from newstide.store.database import Database
from newstide.telemetry import Metrics, logger
from processor.master import LOOK_EVERY_S, Following
from processor.reading import Reader

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TITLE = "Arborascopic shares rise"


@pytest.fixture
def database(tmp_path: Path) -> Database:
    made = Database(f"sqlite:///{tmp_path}/newstide.db")
    migrate.upgrade(made)
    return made


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOON)


@pytest.fixture
def following(database: Database, clock: FakeClock) -> Following:
    service = Service("test", "one", clock, Metrics(), logger("test"))
    return Following(Reader(StubScorer(), 1_024), database, service)


def add_arbora(database: Database) -> None:
    entity = Entity(entity_id="arbora", kind=Kind.COMPANY, names=(Name(text="Arborascopic", language="en"),))
    entities.change(database, lambda master: replace(master, [Row(1, entity)]), "ann", NOON)


def linked(following: Following) -> list[str]:
    return [link.entity_id for link in following().linker.link(TITLE)]


def test_a_change_is_in_use_within_a_minute_and_names_its_version(
    database: Database, clock: FakeClock, following: Following
) -> None:
    before = following()
    add_arbora(database)
    clock.sleep(LOOK_EVERY_S - 1)
    assert following() is before, "not looked at more than once a minute"
    clock.sleep(1)
    assert linked(following) == ["arbora"]
    assert following().linker.version != before.linker.version
    assert linked(following) == ["arbora"]


def test_a_new_tier_is_in_use_within_a_minute(database: Database, clock: FakeClock, following: Following) -> None:
    registry.set_tier(database, "wire", 1, NOON)
    clock.sleep(LOOK_EVERY_S - 1)
    assert following().tiers == {}
    clock.sleep(1)
    assert following().tiers == {"wire": 1}


def test_without_a_change_the_linker_stays(clock: FakeClock, following: Following) -> None:
    before = following()
    for _ in range(3):
        clock.sleep(LOOK_EVERY_S)
        assert following() is before


def test_while_the_store_is_away_the_last_one_is_used(
    database: Database, clock: FakeClock, following: Following, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = following()
    add_arbora(database)

    def away(database: Database) -> int:
        raise StoreUnavailable("the store is away", why="a test")

    with monkeypatch.context() as patched:
        patched.setattr(entities, "mark", away)
        clock.sleep(LOOK_EVERY_S)
        assert following() is before
    clock.sleep(LOOK_EVERY_S)
    assert linked(following) == ["arbora"]
