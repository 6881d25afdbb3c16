"""What the store promises of labels and of a shadow's scores, on SQLite and on a real PostgreSQL."""

import threading
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from newstide.errors import StoreRefused
from newstide.labelling import Given, Judgement, StoryText, judge, read_line, text_hash_of
from newstide.messages import ScoredStory
from newstide.store import labels, shadow, writes
from newstide.store.database import Database
from newstide.store.schema import rollups
from tests.contract.stories import HOSTILE, NOON, count, scored


def said(line: str, *, by: str = "ann", minute: int = 0) -> Judgement:
    return judge(read_line(line.encode()), None, Given(by, NOON + timedelta(minutes=minute)))


NEGATIVE = said('{"text": "Acme falls", "label": "negative"}')


def store(database: Database, *batch: ScoredStory) -> None:
    with database.transaction() as connection:
        writes.add_stories(connection, batch, NOON)


def store_shadow(database: Database, *batch: ScoredStory) -> int:
    with database.transaction() as connection:
        return shadow.add(connection, batch, NOON)


# --- labels ---------------------------------------------------------------------------------------------------------


def test_the_same_labels_twice_are_there_once(database: Database) -> None:
    batch = [NEGATIVE, said('{"text": "Acme rises", "label": "positive", "topic": "market_move"}')]
    assert labels.add(database, batch) == 2
    assert labels.add(database, batch) == 0
    assert labels.add(database, []) == 0
    assert labels.standing(database) == batch
    assert labels.labelled_hashes(database) == {each.text_hash for each in batch}


def test_the_last_word_of_a_person_holds_and_none_is_lost(database: Database) -> None:
    later = replace(NEGATIVE, sentiment="positive", created_at=NOON + timedelta(minutes=1))
    of_company = replace(NEGATIVE, entity="Acme")
    others = replace(NEGATIVE, annotator="bo")
    assert labels.add(database, [NEGATIVE, of_company, others]) == 3
    assert labels.add(database, [later]) == 1
    assert labels.add(database, [NEGATIVE]) == 0, "an older one is no news"
    assert labels.standing(database) == [of_company, others, later]
    assert count(database, "labels") == 4


def test_hostile_text_comes_back_as_the_model_reads_it(database: Database) -> None:
    fields = {"entity": HOSTILE[0][:20], "note": HOSTILE[6]}
    batch = [replace(NEGATIVE, text=each, text_hash=text_hash_of(each), **fields) for each in HOSTILE]  # type: ignore[arg-type]
    assert labels.add(database, batch) == len(HOSTILE)
    assert labels.standing(database) == batch


def test_two_who_take_in_the_same_file_add_it_once(database: Database) -> None:
    batch = [said(f'{{"text": "text {n}", "label": "neutral"}}') for n in range(700)]
    added: list[int] = []
    threads = [threading.Thread(target=lambda: added.append(labels.add(database, batch))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(added) == [0, 0, 700]
    assert count(database, "labels") == 700


# --- what is asked about --------------------------------------------------------------------------------------------


def test_the_text_of_a_story_is_that_of_its_latest_revision(database: Database) -> None:
    store(database, scored(1, title="Old"), scored(1, title="Ｎew", revision=2), scored(2, title="Other"))
    store(database, scored(1, title="Ｎew", revision=2, model="m-2"))
    one, two = scored(1).item.story_id, scored(2).item.story_id
    assert labels.story_texts(database, [one, two, one, "absent"]) == {
        one: StoryText("New", "m-2"),
        two: StoryText("Other", "m-1"),
    }


def test_candidates_have_what_every_version_said_of_the_latest_revision(database: Database) -> None:
    store(database, scored(1, title="Old"), scored(1, title="New", revision=2, score=0.5), scored(2, title="Other"))
    store(database, scored(1, title="New", revision=2, score=-0.5, model="m-2"))
    store_shadow(database, scored(1, title="New", revision=2, score=0.25, model="s-1"), scored(3, model="s-1"))
    newest, other = sorted(labels.candidates(database), key=lambda each: each.text)
    assert (newest.text, other.text) == ("New", "Other"), "a shadow's own stories are nobody's"
    found = [(o.model_version, o.probabilities, o.label) for o in newest.opinions]
    assert found == [
        ("m-2", (0.5, 0.5, 0.0), "negative"),
        ("m-1", (0.0, 0.5, 0.5), "positive"),
        ("s-1", (0.0, 0.75, 0.25), "positive"),
    ]
    assert [each.text for each in labels.candidates(database, limit=1)] == ["New"]


# --- the shadow -----------------------------------------------------------------------------------------------------


def test_a_shadow_touches_nothing_that_is_counted(database: Database) -> None:
    store(database, scored(1, score=0.5))
    with database.transaction() as connection:
        before = connection.execute(rollups.select()).all()
    batch = [scored(1, score=-0.5, model="s-1"), scored(1, score=-0.5, model="s-1")]
    assert store_shadow(database, *batch) == 1
    assert store_shadow(database, *batch) == store_shadow(database) == 0
    with database.transaction() as connection:
        assert connection.execute(rollups.select()).all() == before
    assert (count(database, "scores"), count(database, "shadow_scores")) == (1, 1)


def test_what_is_refused_of_a_shadow_takes_nothing_with_it(database: Database) -> None:
    with database.transaction() as connection:
        writes.add_stories(connection, [scored(1)], NOON)
        spoilt = msgspec.structs.replace(scored(1, model="s-1"), label=None)
        with pytest.raises(StoreRefused):
            shadow.add(connection, [spoilt], NOON)
        writes.add_stories(connection, [scored(2)], NOON)
        assert shadow.add(connection, [scored(2, model="s-1")], NOON) == 1
    assert (count(database, "scores"), count(database, "shadow_scores")) == (2, 1)


def test_a_report_compares_what_both_have_scored(database: Database) -> None:
    assert shadow.report(database) is None
    pairs = [(1, 0.5, 0.5), (2, 0.5, -0.25), (3, -0.5, 0.0), (4, 0.0, 0.0)]
    store(database, *(scored(n, score=a, title=f"Story {n}") for n, a, _ in pairs), scored(5, score=1.0))
    store_shadow(database, *(scored(n, score=b, model="s-1") for n, _, b in pairs), scored(6, model="s-1"))
    found = shadow.report(database)
    assert found is not None
    assert (found.active, found.shadow, found.stories, found.agreement) == ("m-1", "s-1", 4, 0.5)
    assert found.mean_absolute_difference == pytest.approx((0.75 + 0.5) / 4)
    assert found.confusion == {
        "negative": {"neutral": 1},
        "neutral": {"neutral": 1},
        "positive": {"positive": 1, "negative": 1},
    }
    assert [(each.title, each.difference) for each in found.largest] == [("Story 2", -0.75), ("Story 3", 0.5)]
    assert (found.largest[0].active_label, found.largest[0].shadow_label) == ("positive", "negative")


def test_a_report_is_of_the_last_pair_or_of_the_candidate_that_is_named(database: Database) -> None:
    store(database, scored(1, model="m-1"))
    store(database, scored(1, model="m-2"))
    store_shadow(database, scored(1, model="s-1"))
    store_shadow(database, scored(1, model="s-2"))
    store(database, scored(1, model="s-2"))  # the candidate was put to use
    last, named = shadow.report(database), shadow.report(database, "s-1")
    assert last is not None and (last.active, last.shadow) == ("m-2", "s-2")
    assert named is not None and (named.active, named.shadow) == ("s-2", "s-1")
    assert shadow.report(database, "absent") is None


def test_without_scores_there_is_no_difference(database: Database) -> None:
    """A model that could not read a story says nothing: that is no score of 0."""
    even = dict.fromkeys(("p_negative", "p_neutral", "p_positive"), 1 / 3)
    mute = msgspec.structs.replace(scored(1, model="s-1"), label="unsure", **even)
    store(database, scored(1, score=0.5))
    store_shadow(database, mute)
    found = shadow.report(database)
    assert found is not None
    assert (found.stories, found.agreement, found.mean_absolute_difference, found.largest) == (1, 0.0, None, [])


def test_a_report_names_ten_disagreements(database: Database) -> None:
    store(database, *(scored(n, score=n / 20) for n in range(20)))
    store_shadow(database, *(scored(n, model="s-1") for n in range(20)))
    found = shadow.report(database)
    assert found is not None
    assert [each.difference for each in found.largest] == pytest.approx([-n / 20 for n in range(19, 9, -1)])
