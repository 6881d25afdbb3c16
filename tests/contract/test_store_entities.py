"""What the store promises of the entity master and of opinions on entities, on SQLite and on a real PostgreSQL."""

import threading
from datetime import date, timedelta

import msgspec
import pytest
from alembic.command import upgrade

from newstide.entities import starter
from newstide.entities.listings import Row
from newstide.entities.merging import Outcome, add_to, replace
from newstide.entities.vocabulary import Entity, Kind, Listing, Name, version_of
from newstide.messages import EntityOpinion, ScoredStory
from newstide.store import entities, migrate, opinions, writes
from newstide.store.database import Database
from tests.contract.stories import HOSTILE, NOON, count, scored

ACME = Entity(
    entity_id="acme",
    kind=Kind.COMPANY,
    names=(Name(text="Acme", language="en", weak=True), Name(text="极点", language="zh", valid_from=date(2020, 1, 2))),
    country="US",
    sector="industrials",
    listings=(
        Listing(exchange="US", symbol="ACM", valid_to=date(2024, 5, 6)),
        Listing(exchange="HKEX", symbol="09999"),
    ),
)


def put(database: Database, entity: Entity, who: str = "ann", minute: int = 0) -> Outcome:
    at = NOON + timedelta(minutes=minute)
    return entities.change(database, lambda master: replace(master, [Row(1, entity)]), who, at)


def test_the_mark_grows_with_each_change_and_with_nothing_else(database: Database) -> None:
    first = entities.mark(database)
    put(database, ACME)
    second = entities.mark(database)
    put(database, ACME)
    assert first < second == entities.mark(database)


def opinion(entity_id: str, **changes: object) -> EntityOpinion:
    fields: dict[str, object] = {
        "entity_id": entity_id, "relevance": 0.5, "link_score": 0.9, "p_negative": 0.7, "p_neutral": 0.2,
        "p_positive": 0.1, "label": "negative", "matched": "Acme", "field": "title", "start": 0, "end": 4,
    }  # fmt: skip
    return msgspec.convert(fields | changes, EntityOpinion)


def store(database: Database, *batch: ScoredStory) -> None:
    with database.transaction() as connection:
        writes.add_stories(connection, batch, NOON)


def about(story: ScoredStory, *said: EntityOpinion) -> ScoredStory:
    return msgspec.structs.replace(story, entities=said, entities_version="v1")


# --- the master -----------------------------------------------------------------------------------------------------


def test_a_fresh_database_has_the_starter_list(database: Database) -> None:
    assert version_of(entities.load(database)) == version_of(starter.entities())
    assert [edit.who for edit in entities.history(database, "apple")] == [entities.STARTER]


def test_an_older_database_gets_it_with_the_upgrade(empty: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate, "alembic_upgrade", lambda config, _: upgrade(config, "0002"))
    assert not migrate.upgrade(empty).up_to_date
    monkeypatch.undo()
    migrate.upgrade(empty)
    assert len(entities.load(empty)) == len(starter.entities())


def test_an_upgrade_leaves_what_was_edited(database: Database) -> None:
    apple = next(entity for entity in entities.load(database) if entity.entity_id == "apple")
    put(database, msgspec.structs.replace(apple, sector="fruit"))
    migrate.upgrade(database)
    assert next(e for e in entities.load(database) if e.entity_id == "apple").sector == "fruit"


def test_an_entity_comes_back_as_it_was_put(database: Database) -> None:
    assert put(database, ACME).added == 1
    assert next(entity for entity in entities.load(database) if entity.entity_id == "acme") == ACME
    assert put(database, ACME).unchanged == 1


def test_every_change_is_kept_with_who_and_when(database: Database) -> None:
    later = msgspec.structs.replace(ACME, country="DE", names=ACME.names[:1], listings=())
    put(database, ACME)
    put(database, later, who="bo", minute=5)
    put(database, later, who="cy", minute=9)
    newest, oldest = entities.history(database, "acme")
    assert (newest.who, newest.at, newest.before, newest.after) == ("bo", NOON + timedelta(minutes=5), ACME, later)
    assert (oldest.who, oldest.before, oldest.after) == ("ann", None, ACME)
    assert next(entity for entity in entities.load(database) if entity.entity_id == "acme") == later


def test_hostile_names_are_only_names(database: Database) -> None:
    names = tuple(Name(text=text[:60], language="en") for text in HOSTILE)
    put(database, msgspec.structs.replace(ACME, names=names), who=HOSTILE[0][:60])
    assert next(entity for entity in entities.load(database) if entity.entity_id == "acme").names == names


def test_two_who_import_the_same_list_add_it_once(database: Database) -> None:
    rows = [Row(n, msgspec.structs.replace(ACME, entity_id=f"acme-{n}", names=(Name(text=f"Acme {n}", language="en"),),
                listings=(Listing(exchange="US", symbol=f"ZZ{n}"),))) for n in range(300)]  # fmt: skip
    added: list[int] = []

    def take_in() -> None:
        added.append(entities.change(database, lambda master: add_to(master, rows), "ann", NOON).added)

    threads = [threading.Thread(target=take_in) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(added) == [0, 0, 300]
    assert len(entities.load(database)) == len(starter.entities()) + 300


# --- opinions -------------------------------------------------------------------------------------------------------


def test_opinions_are_written_with_the_score_and_once(database: Database) -> None:
    story = about(scored(1), opinion("apple", relevance=0.4), opinion("tesla", relevance=0.9))
    store(database, story, story)
    store(database, story)
    store(database, about(scored(1), opinion("boeing")))  # a repeat changes nothing
    found = opinions.of_story(database, story.item.story_id)
    assert found == {(1, "m-1"): [story.entities[1], story.entities[0]]}
    assert count(database, "story_entities") == 2


def test_opinions_of_each_revision_and_version_stand_beside_each_other(database: Database) -> None:
    store(database, about(scored(1), opinion("apple")))
    store(database, about(scored(1, model="m-2"), opinion("apple", p_negative=0.1, p_positive=0.7)))
    store(database, about(scored(1, title="New", revision=2), opinion("tesla")))
    found = opinions.of_story(database, scored(1).item.story_id)
    assert sorted(found) == [(1, "m-1"), (1, "m-2"), (2, "m-1")]
    assert opinions.of_story(database, "absent") == {}


def test_without_an_opinion_there_is_no_score(database: Database) -> None:
    third = 1 / 3
    story = about(scored(1), opinion("apple", p_negative=third, p_neutral=third, p_positive=third, label="unsure"))
    store(database, story)
    (found,) = opinions.of_story(database, story.item.story_id)[1, "m-1"]
    assert found.score is None


def test_hostile_matches_come_back(database: Database) -> None:
    said = [opinion(f"e-{n}", matched=text) for n, text in enumerate(HOSTILE)]
    store(database, about(scored(1), *said))
    assert opinions.of_story(database, scored(1).item.story_id)[1, "m-1"] == said


def test_the_first_name_is_shown(database: Database) -> None:
    put(database, ACME)
    assert entities.names_of(database, ["acme", "icbc", "absent"]) == {"acme": "Acme", "icbc": "ICBC"}
    assert entities.names_of(database, []) == {}
