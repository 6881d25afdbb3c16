"""A question as of a moment has one answer for ever: after a backfill, a revision, a rescore and late arrivals."""

from collections.abc import Iterable
from dataclasses import asdict, replace
from datetime import timedelta

import msgspec
import pytest

from newstide.entities import merging
from newstide.entities.listings import Row
from newstide.errors import UsageError
from newstide.index.series import Steps
from newstide.messages import ScoredStory
from newstide.store import entities, exporting, indexing, reads, retention, studying, totals
from newstide.store.database import Database
from newstide.store.filters import Filters
from newstide.store.known import SETTLED_AFTER, require_settled
from newstide.store.schema import rollups as table
from tests.contract import stories
from tests.contract.stories import NOON, scored, towards
from tests.contract.test_rollups import KEEP, some_news

THEN = NOON + timedelta(hours=2)


def store(database: Database, batch: Iterable[ScoredStory], hours: float) -> None:
    stories.store(database, batch, NOON + timedelta(hours=hours))


def move(database: Database, sector: str, hours: float) -> None:
    """Apple to another sector."""
    apple = next(each for each in entities.load(database) if each.entity_id == "apple")
    row = Row(1, msgspec.structs.replace(apple, sector=sector, country="XX" if hours < 0 else "US"))
    entities.change(database, lambda master: merging.replace(master, [row]), "ann", NOON + timedelta(hours=hours))


def answers(database: Database, filters: Filters) -> bytes:
    """Everything that can be asked, as bytes."""
    end = indexing.hour_of(NOON) + 48
    steps = Steps(start=end - 120, end=end, step=24, window=24)
    asked = [
        [asdict(row) for row in reads.list_stories(database, filters, 500)],
        reads.count_stories(database, filters),
        [asdict(point) for point in reads.trend(database, filters, timedelta(hours=1))],
        asdict(totals.totals(database, filters)),
        [asdict(each) for each in totals.by_source(database, filters, 9)],
        reads.source_names(database, filters),
        [asdict(point) for point in indexing.index(database, filters, steps)],
        [asdict(point) for point in indexing.index(database, replace(filters, entity="apple"), steps)],
        sorted((m.entity_id, repr(m.point)) for m in indexing.moved(database, filters, steps)),
        [asdict(each) for each in indexing.clusters(database, filters, 50)],
        indexing.breadth_of(database, filters),
        list(exporting.story_rows(database, filters)),
        list(exporting.entity_rows(database, replace(filters, entity="apple"))),
        sorted(studying.known(database, replace(filters, entity="apple"), "stored"), key=repr),
    ]
    return msgspec.json.encode(asked)


def test_the_same_question_has_the_same_answer(database: Database) -> None:
    move(database, "technology", -1)
    store(database, some_news(1), 0)
    store(database, some_news(2, 40), 1)
    store(database, [scored(999, revision=2, score=0.4, entities=(towards("apple", 0.4),))], 1)
    past = Filters(as_of=THEN)
    before, present = answers(database, past), answers(database, Filters())
    # A backfill of old news, late arrivals (one of an older revision), edits and copies of what is there, another
    # model over everything, and another sector.
    store(database, [scored(999, revision=1, score=-0.4, entities=(towards("apple", -0.4),))], 3)
    move(database, "staples", 3)
    store(database, [scored(n, minute=-n * 37, score=0.9) for n in range(1_000, 1_200)], 3)
    store(database, some_news(3), 4)
    store(database, [scored(n, revision=9, title="Edited", score=-1.0) for n in range(0, 40, 3)], 5)
    again = [msgspec.structs.replace(s, model_version="m-2", p_negative=1.0, p_positive=0.0) for s in some_news(1)]
    store(database, again, 6)
    with database.transaction() as connection:
        retention.prune(connection, NOON + timedelta(days=40), KEEP)
    assert answers(database, past) == before
    assert answers(database, Filters()) != present
    assert answers(database, Filters(as_of=NOON + timedelta(hours=7))) != before


def test_a_rescore_moves_no_view_and_can_be_asked_for(database: Database) -> None:
    news = [scored(n, score=0.5, entities=(towards("apple", 0.5),)) for n in range(10)]
    store(database, news, 0)
    before = answers(database, Filters())
    store(database, [msgspec.structs.replace(s, model_version="m-2", p_positive=0.1, p_neutral=0.9) for s in news], 6)
    assert answers(database, Filters()) == before
    assert reads.list_stories(database, Filters(model="m-2"), 1)[0].score == pytest.approx(0.1)
    assert totals.totals(database, Filters(model="m-2")).mean_score == pytest.approx(0.1)
    assert totals.totals(database, Filters(model="m-2", as_of=THEN)).count == 0, "it was not known then"


def test_as_of_sees_what_was_there_and_no_more(database: Database) -> None:
    store(database, [scored(1, title="First", score=0.5)], 0)
    store(database, [scored(1, title="Second", score=-0.5, revision=2)], 1)
    store(database, [scored(1, title="Third", score=0.9, revision=3)], 3)

    def title(hours: float) -> list[str]:
        as_of = NOON + timedelta(hours=hours)
        return [row.title for row in reads.list_stories(database, Filters(as_of=as_of), 9)]

    assert (title(-1), title(0), title(0.5), title(1), title(9)) == ([], ["First"], ["First"], ["Second"], ["Third"])


def test_a_processor_whose_clock_is_behind_changes_nothing_that_was_settled(database: Database) -> None:
    """The first score is first by the order of storing, whatever the stamps of two hosts say."""
    store(database, [scored(1, score=0.5)], 2)
    store(database, [scored(1, score=-0.5, model="m-2")], 1)  # stored later, stamped earlier
    assert reads.list_stories(database, Filters(as_of=NOON + timedelta(hours=1.5)), 9) == []
    (row,) = reads.list_stories(database, Filters(as_of=NOON + timedelta(hours=2.5)), 9)
    assert row.score == pytest.approx(0.5)


def test_a_moment_is_settled_when_no_transaction_can_still_bear_its_stamp() -> None:
    require_settled(None, NOON)
    require_settled(NOON - SETTLED_AFTER, NOON)
    with pytest.raises(UsageError, match="not settled"):
        require_settled(NOON - SETTLED_AFTER + timedelta(seconds=1), NOON)


def test_an_answer_from_rows_needs_no_rollups(database: Database) -> None:
    store(database, some_news(1), 0)
    past = Filters(as_of=THEN)
    before = answers(database, past)
    with database.transaction() as connection:
        connection.execute(table.delete())
    assert answers(database, past) == before
