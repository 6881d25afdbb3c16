"""Near-duplicates and revisions through a real bus into a real database: embedded, and Kafka with PostgreSQL."""

import uuid
from contextlib import closing
from datetime import timedelta

import msgspec
import pytest
from sqlalchemy import update

from newstide.bus.port import Record
from newstide.codec import decode_stories, encode
from newstide.messages import NewsItem, ScoredStory, Tally, content_hash_of, story_id_of
from newstide.store import novelty, reads
from newstide.store.filters import Filters
from newstide.store.schema import streams
from processor.pipeline import Work
from tests.integration.loops import NOON, Stage

EVENTS = [
    "Arbora to buy Bolt for $3 bln", "Kestrel Bank names Jane Holt chairman", "Veltrano halts shipments after fire",
    "Northway wins appeal in pipeline case", "山岭科技：一季度净利润同比增长15%",
    "青禾股份：控股股东拟减持不超过3%股份",
]  # fmt: skip


def told(number: int, title: str, *, revision: int = 1, withdrawn: bool = False) -> NewsItem:
    at = NOON + timedelta(minutes=number)
    return NewsItem(
        story_id=story_id_of("test", str(number)), revision=revision,
        content_hash=content_hash_of(title, "", withdrawn=withdrawn), source=f"source {number % 4}", title=title,
        published_at=at, received_at=at, withdrawn=withdrawn,
    )  # fmt: skip


def announced(stage: Stage) -> list[ScoredStory]:
    """The messages on `news.scored`, repeats included, in the order of the log."""
    with closing(stage.bus.admin()) as admin:
        left = sum(b.end - b.start for b in admin.describe_topic(stage.scored).bounds.values())
    found: list[ScoredStory] = []
    consumer = stage.bus.consumer(stage.scored, f"reader-{uuid.uuid4().hex[:6]}", "reader", lambda partitions: {})
    with closing(consumer):
        while left:
            for record in consumer.poll(1.0, 500):
                left -= 1
                found += [good.message for good in decode_stories(record.value)[0]]
    return found


def clusters(stage: Stage, items: list[NewsItem]) -> dict[str, str]:
    """The cluster of each story."""
    return {item.story_id: novelty.of_story(stage.database, item.story_id)[1].cluster_id for item in items}


def test_two_processors_and_a_restart_find_the_clusters_of_one_run(stage: Stage) -> None:
    originals = [told(n, title) for n, title in enumerate(EVENTS)]
    again = [EVENTS[n % len(EVENTS)] for n in range(60)]
    copies = [told(100 + n, f"UPDATE 1-{title}" if n % 2 else title) for n, title in enumerate(again)]
    stage.publish(*originals)
    stage.drain()
    stage.publish(*copies[:30])
    dying = stage.actor(batch=8)
    turns = iter((False, False, True))

    def die(_work: Work) -> None:
        if next(turns, False):
            raise RuntimeError("the end of this process")

    dying.handler.before_write = die
    with pytest.raises(RuntimeError):
        dying.loop.run()
    stage.publish(*copies[30:])
    actors = [stage.actor(name, batch=8).start() for name in ("one", "two")]
    for actor in actors:
        actor.join(120)
        assert actor.error is None
    found = clusters(stage, originals + copies)
    for n, original in enumerate(originals):
        assert {found[item.story_id] for item in [original, *copies[n :: len(EVENTS)]]} == {original.story_id}
    said: dict[str, set[str]] = {}
    for story in announced(stage):
        assert story.novelty is not None
        said.setdefault(story.item.story_id, set()).add(story.novelty.cluster_id)
    assert said == {story_id: {cluster} for story_id, cluster in found.items()}, "a repeat says the same"


def test_a_redelivery_says_what_was_said_the_first_time(stage: Stage) -> None:
    items = [told(n, EVENTS[0]) for n in range(5)]
    stage.publish(*items)
    stage.drain()
    with stage.database.transaction() as connection:
        connection.execute(update(streams).values(next_offset=0, fingerprint=None))
    stage.drain()
    assert stage.tally() == Tally(stored=5, duplicates=5)
    by_id: dict[str, set[bytes]] = {}
    for story in announced(stage):
        by_id.setdefault(story.item.story_id, set()).add(msgspec.json.encode(story.novelty))
    assert all(len(said) == 1 for said in by_id.values())
    assert sorted(novelty.of_story(stage.database, i.story_id)[1].copies for i in items) == [0, 1, 2, 3, 4]


def test_the_race_makes_a_cluster_for_each_processor_and_no_more(stage: Stage) -> None:
    """Two copies whose turns overlap begin a cluster each; the next copy knows both, and joins the older."""
    first, second = told(0, EVENTS[0]), told(1, EVENTS[0])
    handlers = [stage.actor(name).handler for name in ("one", "two")]
    works = [
        handler.prepare([Record(n, 0, b"k", encode(item), 0)])
        for n, (handler, item) in enumerate(zip(handlers, (first, second), strict=True))
    ]
    for handler, work in zip(handlers, works, strict=True):
        handler.announce(work)  # both have looked before either writes
    for handler, work in zip(handlers, works, strict=True):
        with stage.database.transaction() as transaction:
            handler.write(transaction, work, NOON)
    found = clusters(stage, [first, second])
    assert found == {first.story_id: first.story_id, second.story_id: second.story_id}
    third = told(2, EVENTS[0])
    stage.publish(third)
    stage.drain()
    said = novelty.of_story(stage.database, third.story_id)[1]
    assert (said.cluster_id, said.copies) == (first.story_id, 2)


def test_an_edit_and_a_withdrawal_reach_everyone(stage: Stage) -> None:
    other = told(9, EVENTS[1])
    stage.publish(told(1, EVENTS[0]), other)
    stage.drain()
    stage.publish(told(1, "Arbora not to buy Bolt", revision=2))
    stage.drain()
    (row,) = [r for r in reads.list_stories(stage.database, Filters(), 10) if r.story_id != other.story_id]
    assert (row.revision, row.title) == (2, "Arbora not to buy Bolt")
    stage.publish(told(1, "", revision=3, withdrawn=True))
    stage.drain()
    mine = sorted((s for s in announced(stage) if s.item.story_id != other.story_id), key=lambda s: s.item.revision)
    assert [(s.item.revision, s.supersedes, s.item.withdrawn) for s in mine] == [
        (1, None, False),
        (2, 1, False),
        (3, 2, True),
    ]
    assert mine[2].score is None
    assert {s.novelty.cluster_id for s in mine if s.novelty} == {mine[0].item.story_id}
    assert [r.story_id for r in reads.list_stories(stage.database, Filters(), 10)] == [other.story_id]
    history = reads.story(stage.database, mine[0].item.story_id)
    assert [(r.revision, r.withdrawn, r.title) for r in history] == [
        (3, True, ""),
        (2, False, "Arbora not to buy Bolt"),
        (1, False, EVENTS[0]),
    ]
    (point,) = reads.trend(stage.database, Filters(), timedelta(days=1))
    assert point.count == 1
    assert stage.tally() == Tally(stored=4)


def test_an_edit_that_its_source_numbered_from_one_again_is_the_next_revision(stage: Stage) -> None:
    stage.publish(told(1, EVENTS[0]))
    stage.drain()
    stage.publish(told(1, "Arbora not to buy Bolt"), told(1, EVENTS[0]))
    stage.drain()
    stage.publish(told(1, "Arbora not to buy Bolt"), told(1, "", withdrawn=True))
    stage.drain()
    history = reads.story(stage.database, told(1, "").story_id)
    assert [(r.revision, r.title) for r in history] == [(3, ""), (2, "Arbora not to buy Bolt"), (1, EVENTS[0])]
    assert stage.tally() == Tally(stored=3, duplicates=2)
