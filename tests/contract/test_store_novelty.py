"""What the store promises to those who look for near-duplicates, on SQLite and on a real PostgreSQL."""

import threading
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
import pytest

from newstide.messages import Novelty, ScoredStory
from newstide.novelty.cluster import LOOK_BACK, Member, Neighbourhood, Telling
from newstide.novelty.signature import signatures
from newstide.novelty.text import canonical, undressed
from newstide.store import novelty, reads, writes
from newstide.store.database import Database
from newstide.store.filters import Filters
from tests.contract.stories import HOSTILE, NOON, count, scored

TITLE = "Arbora to buy Bolt for $3 bln"


def telling(number: int, title: str = TITLE, *, hours: float = 0, revision: int = 1) -> Telling:
    story = scored(number, title=title, revision=revision, minute=hours * 60)
    text = undressed(title)
    (bands,) = signatures([canonical(text)])
    return Telling(story.item.story_id, revision, text, bands, "wire", story.item.published_at)


def keep(database: Database, tellings: Sequence[Telling], now: datetime = NOON) -> list[Novelty]:
    """A turn: look up, judge, keep."""
    with database.transaction() as connection:
        held = novelty.held(connection, [t.story_id for t in tellings])
        near = Neighbourhood(novelty.around(connection, tellings))
    judged = []
    for one in tellings:
        before = [h.novelty for h in held.get(one.story_id, ()) if h.novelty]
        judged.append(near.judge(one, before[0].cluster_id if before else None))
    with database.transaction() as connection:
        writes.add_stories(connection, [scored_of(t) for t in tellings], now)
        novelty.add(connection, judged, now)
    return [said for said, _ in judged]


def scored_of(one: Telling) -> ScoredStory:
    story = scored(1, title=one.text, revision=one.revision)
    item = msgspec.structs.replace(story.item, story_id=one.story_id, published_at=one.published_at)
    return msgspec.structs.replace(story, item=item)


def members(database: Database, *tellings: Telling) -> list[Member]:
    with database.transaction() as connection:
        return novelty.around(connection, tellings)


def test_what_was_kept_is_found_by_its_like_alone(database: Database) -> None:
    keep(database, [telling(1), telling(2, "Kestrel Bank names Jane Holt chairman")])
    (found,) = members(database, telling(9, "UPDATE 2-Arbora to buy Bolt for $3 billion -sources", hours=3))
    assert found == Member(telling(1), telling(1).story_id)
    assert members(database, telling(9, "Veltrano halts shipments")) == []


def test_a_notice_in_other_words_is_found_by_its_company(database: Database) -> None:
    keep(database, [telling(1, "山岭科技：三季报净利预增65%-80%，分公司停产整顿"), telling(2, "湖光股份：股东拟减持")])
    (said,) = keep(database, [telling(9, "山岭科技：分公司停产整顿 前三季业绩预增", hours=3)])
    assert (said.cluster_id, said.copies) == (telling(1).story_id, 1)


def test_a_cluster_comes_whole(database: Database) -> None:
    keep(database, [telling(1), telling(2, hours=1)])
    keep(database, [telling(3, "Arbora to buy rival Bolt in $3 bln deal", hours=2)])
    found = members(database, telling(9, hours=3))
    assert {m.telling.story_id for m in found} == {telling(n).story_id for n in (1, 2, 3)}
    assert {m.cluster_id for m in found} == {telling(1).story_id}
    (said,) = keep(database, [telling(9, hours=3)])
    assert (said.cluster_id, said.copies) == (telling(1).story_id, 3)


def test_what_was_said_is_kept_for_good_and_said_once(database: Database) -> None:
    first, second = keep(database, [telling(1), telling(2, hours=2)])
    again = msgspec.structs.replace(first, copies=99)
    with database.transaction() as connection:
        novelty.add(connection, [(again, Member(telling(1), "another"))], NOON)
    assert novelty.of_story(database, telling(1).story_id) == {1: first}
    assert novelty.of_story(database, telling(2).story_id) == {1: second}
    assert (count(database, "story_novelty"), count(database, "novelty_members")) == (2, 2)
    assert members(database, telling(9))[0].cluster_id == telling(1).story_id


def test_a_new_revision_takes_the_place_of_the_one_before(database: Database) -> None:
    keep(database, [telling(1)])
    edited = telling(1, "Kestrel Bank names Jane Holt chairman", revision=2)
    keep(database, [edited, telling(2, "Veltrano halts shipments")])
    assert members(database, telling(9)) == []
    (found,) = members(database, telling(9, "Kestrel Bank names Jane Holt chairman"))
    assert found.telling == edited
    said = novelty.of_story(database, edited.story_id)[1]
    with database.transaction() as connection:
        novelty.add(connection, [(said, Member(telling(1), "x"))], NOON)
        held = novelty.held(connection, [edited.story_id])[edited.story_id]
    assert [h.revision for h in held] == [1, 2]
    assert members(database, telling(9)) == [], "an old revision that comes late changes nothing"


def test_what_is_old_is_forgotten_and_what_was_said_stays(database: Database) -> None:
    keep(database, [telling(1)], NOON - LOOK_BACK - timedelta(seconds=1))
    keep(database, [telling(2, hours=1)], NOON - timedelta(days=1))
    keep(database, [telling(3, "Veltrano halts shipments")])
    assert {m.telling.story_id for m in members(database, telling(9))} == {telling(2).story_id}
    assert (count(database, "story_novelty"), count(database, "novelty_members")) == (3, 2)


def test_a_look_up_is_bounded(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(novelty, "MEMBERS_MAX", 10)
    keep(database, [telling(n, hours=n) for n in range(15)])
    found = members(database, telling(99, hours=16))
    assert [m.telling.story_id for m in found] == [telling(n).story_id for n in range(14, 4, -1)]


@pytest.mark.parametrize("stories", [1, 300])
def test_a_look_up_is_a_fixed_number_of_statements(database: Database, stories: int) -> None:
    from sqlalchemy import event

    said: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *a: said.append(a[2]))
    with database.transaction() as connection:
        novelty.held(connection, [telling(n).story_id for n in range(stories)])
        novelty.around(connection, [telling(n) for n in range(stories)])
    assert len([s for s in said if s.startswith("SELECT")]) == 2 * -(-stories // novelty.STORIES_A_QUERY)


def test_any_time_and_any_text_can_be_kept(database: Database) -> None:
    texts = [telling(n, undressed(title)) for n, title in enumerate(HOSTILE)]
    ends = (datetime.min.replace(tzinfo=NOON.tzinfo), datetime.max.replace(tzinfo=NOON.tzinfo))
    texts += [Telling(f"end{n}", 1, "", texts[0].bands, "wire", at) for n, at in enumerate(ends)]
    keep(database, texts)
    assert {m.telling.text for m in members(database, *texts)} >= {t.text for t in texts}


def test_writers_never_stop_each_other(database: Database) -> None:
    """Four at once, with copies of one another's stories, edits, and old rows that all of them want to forget."""
    keep(database, [telling(n) for n in range(900, 940)], NOON - LOOK_BACK - timedelta(days=1))
    problems: list[BaseException] = []
    start = threading.Barrier(4)

    def write(seed: int) -> None:
        try:
            start.wait(30)
            for turn in range(6):
                batch = [telling(1_000 * seed + n, hours=turn, revision=1 + turn) for n in range(30)]
                keep(database, batch if seed % 2 else batch[::-1])
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=write, args=(seed,)) for seed in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert problems == []
    assert count(database, "novelty_members") == 4 * 30
    assert count(database, "story_novelty") == 4 * 30 * 6 + 40


def test_a_withdrawal_takes_a_story_out_of_lists_and_sums_and_keeps_its_history(database: Database) -> None:
    first, other = scored(1, score=0.5), scored(2, score=-0.5)
    gone = scored(1, revision=2)
    gone = msgspec.structs.replace(gone, item=msgspec.structs.replace(gone.item, withdrawn=True), label="unsure")
    back = scored(1, title="Story 1, put right", revision=3, score=0.5)
    with database.transaction() as connection:
        writes.add_stories(connection, [first, other], NOON)
        writes.add_stories(connection, [gone], NOON)
    assert [row.story_id for row in reads.list_stories(database, Filters(), 10)] == [other.item.story_id]
    (point,) = reads.trend(database, Filters(), timedelta(days=1))
    assert (point.count, point.mean_score) == (1, -0.5)
    assert [(r.revision, r.withdrawn) for r in reads.story(database, first.item.story_id)] == [(2, True), (1, False)]
    with database.transaction() as connection:
        writes.add_stories(connection, [back], NOON)
    (point,) = reads.trend(database, Filters(), timedelta(days=1))
    assert point.count == 2
    assert point.mean_score == pytest.approx(0.0)
    assert reads.count_stories(database, Filters()) == 2
