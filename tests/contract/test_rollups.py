"""Sums beside the stories: the same as the rows give, at every level, on SQLite and on a real PostgreSQL."""

import random
import threading
from datetime import timedelta
from typing import get_args

import pytest
from alembic.command import upgrade
from sqlalchemy import MetaData, Table, text

from newstide.messages import Language, ScoredStory
from newstide.store import migrate, reads, retention, rollups, writes
from newstide.store.database import Database
from newstide.store.filters import Filters
from newstide.store.schema import rollups as table
from newstide.store.summing import By, Sum, sums
from newstide.topics import TOPICS
from tests.contract.stories import NOON, count, like, scored, store, towards

LATER = NOON + timedelta(days=30)
"""As of then everything is known, and the answer comes from rows."""


def ask(database: Database, filters: Filters, step: int | None = None, by: By = "") -> list[Sum]:
    with database.transaction() as connection:
        return sums(connection, filters, step, by)


def rows_of(database: Database) -> list[tuple[object, ...]]:
    with database.transaction() as connection:
        kept = table.select().where((table.c["count"] != 0) | (table.c.copies != 0))
        return [tuple(row) for row in connection.execute(kept.order_by(*table.primary_key))]


def some_news(seed: int, stories: int = 120) -> list[ScoredStory]:
    """Revisions, copies, unread stories, several languages, sources, tiers, topics and entities."""
    noise = random.Random(seed)  # noqa: S311 - not a secret
    made = []
    for _ in range(stories):
        number = noise.randrange(40)
        language: Language = noise.choice(get_args(Language))
        links = noise.sample(("apple", "boe", "moutai"), noise.randrange(4))
        revision = noise.randrange(1, 4)
        made.append(
            scored(
                number,
                revision=revision,
                novelty=like(number % 7, (number + revision) % 3),
                withdrawn=revision == 3 and number % 4 == 0,
                score=noise.choice((0.0, round(noise.uniform(-1, 1), 6))),
                minute=noise.uniform(-3_000, 3_000),
                wire=(language, noise.choice(("wire", "blog"))),
                topic=noise.choice((*TOPICS[:3], None)),
                tier=noise.randrange(1, 4),
                entities=tuple(towards(e, round(noise.uniform(-1, 1), 6), noise.random()) for e in links),
            )
        )
    return made


QUESTIONS = [
    (Filters(), None, ""),
    (Filters(), 1, ""),
    (Filters(), 60, "topic"),
    (Filters(), 1_440, "source"),
    (Filters(), None, "entity_id"),
    (Filters(since=NOON - timedelta(hours=30, minutes=7), until=NOON + timedelta(hours=31, minutes=1)), None, ""),
    (Filters(since=NOON - timedelta(hours=30, minutes=7), until=NOON + timedelta(minutes=3)), 120, "entity_id"),
    (Filters(entity="apple"), 180, ""),
    (Filters(entity="boe", topics=TOPICS[:2], tiers=(1, 2), languages=("en",)), 1_440, ""),
    (Filters(sources=("blog",)), None, ""),
    (Filters(sources=("blog",), entity="apple"), None, ""),
    (Filters(until=NOON), 5, ""),
    (Filters(since=LATER), 5, ""),
]


def test_rollups_and_rows_answer_the_same(database: Database) -> None:
    for turn, batch in enumerate([some_news(1), some_news(2), some_news(3, 30)]):
        store(database, batch, NOON + timedelta(minutes=turn))
    empty = 0
    for filters, step, by in QUESTIONS:
        past = Filters(**{n: getattr(filters, n) for n in Filters.__dataclass_fields__} | {"as_of": LATER})
        current = ask(database, filters, step, by)  # type: ignore[arg-type]
        assert current == ask(database, past, step, by), (filters, step, by)  # type: ignore[arg-type]
        empty += not current
    assert empty <= 3
    assert any(row.moments.copies for row in ask(database, Filters(), 1))


def test_what_was_kept_in_step_is_what_is_made_anew(database: Database) -> None:
    for turn in range(6):
        store(database, some_news(turn, 40))
    before = rows_of(database)
    with database.transaction() as connection:
        counted = rollups.rebuild(connection)
    assert rows_of(database) == before
    assert counted > 20
    assert count(database, "rollups") == len(before), "what a revision took out leaves no row when made anew"


def test_batches_of_any_size_and_order_give_the_same_rollups(database: Database) -> None:
    """One revision a story here: which of two texts of one revision is first is the stream's to say."""
    news = list({story.item.story_id: story for story in some_news(9)}.values())
    store(database, news)
    at_once = rows_of(database)
    with database.transaction() as connection:
        for name in ("stories", "scores", "story_entities", "story_novelty", "rollups"):
            connection.execute(text(f"DELETE FROM {name}"))  # noqa: S608 - our names
    random.Random(4).shuffle(news)  # noqa: S311 - not a secret
    for first in range(0, len(news), 7):
        store(database, news[first : first + 7])
    assert rows_of(database) == at_once


def test_each_level_holds_every_story_once(database: Database) -> None:
    news = some_news(5)
    store(database, news)
    latest = {story.item.story_id: story for story in sorted(news, key=lambda story: story.item.revision)}
    each = sum(not story.item.withdrawn for story in latest.values())
    assert 0 < each < len(latest)
    with database.transaction() as connection:
        by_level = connection.execute(
            text("SELECT level, sum(count + copies) FROM rollups WHERE entity_id = '' GROUP BY level ORDER BY level")
        ).all()
    assert [(level, int(stories)) for level, stories in by_level] == [(1, each), (60, each), (1_440, each)]


def test_a_copy_is_heat_and_moves_no_index(database: Database) -> None:
    original = scored(1, score=0.6, entities=(towards("apple", 0.6),))
    store(database, [original])
    ((_, _, before),) = ask(database, Filters(entity="apple"))
    copies = [
        scored(n, score=-0.9, minute=1, novelty=like(1, n), entities=(towards("apple", -0.9),)) for n in range(2, 1_002)
    ]
    store(database, copies)
    ((_, _, after),) = ask(database, Filters(entity="apple"))
    assert (after.count, after.copies) == (1, 1_000)
    assert (after.weight, after.score_sum, after.positive, after.negative) == (before.weight, before.score_sum, 1, 0)


def test_a_story_that_was_taken_back_counts_nowhere(database: Database) -> None:
    store(database, [scored(1, score=0.6, entities=(towards("apple", 0.6),)), scored(2, score=0.2)])
    store(database, [scored(1, revision=2, withdrawn=True)], NOON + timedelta(minutes=1))
    ((_, _, found),) = ask(database, Filters())
    assert (found.count, found.score_sum) == (1, 140_000)
    assert ask(database, Filters(entity="apple")) == []
    assert ask(database, Filters(entity="apple", as_of=NOON))[0].moments.count == 1, "it was known then"
    assert [row.story_id for row in reads.list_stories(database, Filters(), 9)] == [scored(2).item.story_id]
    store(database, [scored(1, revision=3, score=-0.6)], NOON + timedelta(minutes=2))
    assert ask(database, Filters())[0].moments.count == 2


def test_an_entity_has_its_own_sentiment_and_relevance(database: Database) -> None:
    store(database, [scored(1, score=0.2, entities=(towards("up", 0.8, 1.0), towards("down", -0.8, 0.5)))])
    ((_, _, up),) = ask(database, Filters(entity="up"))
    ((_, _, down),) = ask(database, Filters(entity="down"))
    # 0.8 is (3 x 0.8 - 1) / 2 = 0.7 sure
    assert (up.weight, up.score_sum, up.positive) == (700_000, 560_000, 1)
    assert (down.weight, down.score_sum, down.negative) == (350_000, -280_000, 1)


# --- how long they are kept ---------------------------------------------------------------------------------------

KEEP = {1: timedelta(days=14), 60: timedelta(days=400)}


def test_pruning_is_bounded_and_changes_no_answer(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "ROWS_A_TURN", 25)
    store(database, some_news(6))
    questions = [question for question in QUESTIONS if question[1] in (None, 1, 5)]
    before = [ask(database, *question) for question in questions]  # type: ignore[arg-type]
    now, turns = NOON + timedelta(days=30), 0
    while True:
        with database.transaction() as connection:
            pruned = retention.prune(connection, now, KEEP)
        assert pruned <= 25
        turns += 1
        if not pruned:
            break
    assert turns > 3
    with database.transaction() as connection:
        levels = {level for (level,) in connection.execute(text("SELECT DISTINCT level FROM rollups"))}
        assert rollups.complete_from(connection)[1] > rollups.complete_from(connection)[60]
    assert levels == {60, 1_440}
    assert [ask(database, *question) for question in questions] == before  # type: ignore[arg-type]
    store(database, [scored(99, score=0.5)], now)
    with database.transaction() as connection:
        late = connection.execute(text("SELECT count(*) FROM rollups WHERE level = 1")).scalar_one()
    assert late == 0, "what comes too late for the minutes is in the hours and days"
    assert sum(each.moments.count for each in ask(database, Filters(), 1)) == 1 + sum(
        each.moments.count for each in before[0]
    )


def test_what_was_pruned_stays_pruned_when_more_is_kept(database: Database) -> None:
    store(database, some_news(7))
    now = NOON + timedelta(days=30)
    with database.transaction() as connection:
        retention.prune(connection, now, KEEP)
        first = rollups.complete_from(connection)[1]
        retention.prune(connection, now, {1: timedelta(days=3_000)})
        assert rollups.complete_from(connection)[1] == first, "the minutes are not there again"


def test_pruners_and_writers_never_wait_in_a_circle(database: Database) -> None:
    store(database, [s for seed in range(4) for s in some_news(seed)], NOON)
    problems: list[BaseException] = []
    start = threading.Barrier(4)

    def work(seed: int) -> None:
        try:
            start.wait(30)
            for turn in range(5):
                now = NOON + timedelta(days=12 + turn)
                store(database, some_news(seed * 100 + turn, 60), now)
                with database.transaction() as connection:
                    writes.add_stories(connection, some_news(seed * 100 + turn, 60), now)
                    retention.prune(connection, now, KEEP)
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert problems == []
    past = Filters(as_of=NOON + timedelta(days=90))
    assert ask(database, Filters(), 1_440) == ask(database, past, 1_440)


def test_a_database_of_the_first_version_keeps_its_stories_and_gets_its_rollups(
    empty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "alembic_upgrade", lambda config, _: upgrade(config, "0001"))
    assert not migrate.upgrade(empty).up_to_date
    news = [scored(1, score=0.6), scored(1, score=-0.6, revision=2, minute=70), scored(2, score=0.2)]
    with empty.transaction() as connection:
        for name, row_of in (("stories", writes._story_row), ("scores", writes._score_row)):
            then = Table(name, MetaData(), autoload_with=connection)
            rows = [{k: v for k, v in row_of(s, NOON).items() if k in then.c} for s in news]
            connection.execute(then.insert(), rows)
    monkeypatch.undo()
    assert migrate.upgrade(empty).up_to_date
    assert (count(empty, "stories"), count(empty, "labels")) == (3, 0)
    ((_, _, found),) = ask(empty, Filters())
    # -0.6 weighs 0.4, 0.2 weighs 0.7: the first revision is out
    assert (found.count, found.weight, found.score_sum) == (2, 1_100_000, -240_000 + 140_000)
    assert [each.moments.count for each in ask(empty, Filters(), 60)] == [1, 1]
    assert ask(empty, Filters(), 60) == ask(empty, Filters(as_of=LATER), 60)
    assert reads.list_stories(empty, Filters(), 9)[0].topic is None
