"""What the store promises to those who keep a position: consumers, sources, dead letters."""

import threading
from datetime import timedelta

import pytest

from newstide.bus.port import StreamIdentity
from newstide.errors import Fenced
from newstide.messages import Reason, Reject, Tally
from newstide.sources import SourceState
from newstide.store import health, sources, streams, writes
from newstide.store.database import Database
from newstide.store.sources import SeenText
from newstide.store.streams import Move, Progress, Stream
from tests.contract.stories import NOON, count, scored

STREAM = Stream("processor", "news.raw")
LOG = StreamIdentity("cluster", "topic")


# --- positions ----------------------------------------------------------------------------------------------------


def begun(database: Database, *partitions: int) -> None:
    streams.begin(database, STREAM, LOG, dict.fromkeys(partitions, 10), NOON)


def test_positions_begin_once(database: Database) -> None:
    assert streams.progress(database, STREAM, [0, 1]) == {}
    begun(database, 0)
    streams.begin(database, STREAM, LOG, {0: 99, 1: 5}, NOON)
    assert streams.progress(database, STREAM, [0, 1, 2]) == {
        0: Progress(LOG, 10, None, 0),
        1: Progress(LOG, 5, None, 0),
    }
    assert streams.progress(database, Stream("alerts", "news.raw"), [0]) == {}


def test_a_move_from_where_it_stands(database: Database) -> None:
    begun(database, 0, 1)
    with database.transaction() as connection:
        streams.advance(connection, STREAM, [Move(1, 10, 12, "f1"), Move(0, 10, 15, "f0")], NOON)
        streams.add_tally(connection, STREAM, {0: Tally(3, 1, 1), 1: Tally(stored=2)})
    known = streams.progress(database, STREAM, [0, 1])
    assert known == {0: Progress(LOG, 15, "f0", 0), 1: Progress(LOG, 12, "f1", 0)}
    rows = {p.partition: (p.received, p.stored, p.duplicates, p.dead) for p in health.partitions(database)}
    assert rows == {0: (5, 3, 1, 1), 1: (2, 2, 0, 0)}


def test_a_stale_move_takes_everything_back(database: Database) -> None:
    begun(database, 0, 1)
    with pytest.raises(Fenced), database.transaction() as connection:
        streams.advance(connection, STREAM, [Move(0, 10, 15, "f"), Move(1, 11, 12, "f")], NOON)
        writes.add_stories(connection, [scored(1)], NOON)
    assert {p: k.next_offset for p, k in streams.progress(database, STREAM, [0, 1]).items()} == {0: 10, 1: 10}
    assert count(database, "stories") == 0


def test_of_two_owners_one_wins(database: Database) -> None:
    begun(database, 0)
    outcomes: list[str] = []
    start = threading.Barrier(4)

    def move(name: str) -> None:
        start.wait(30)
        try:
            with database.transaction() as connection:
                streams.advance(connection, STREAM, [Move(0, 10, 20, name)], NOON)
                streams.add_tally(connection, STREAM, {0: Tally(stored=10)})
            outcomes.append("won")
        except Fenced:
            outcomes.append("fenced")

    threads = [threading.Thread(target=move, args=(f"owner {n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == ["fenced"] * 3 + ["won"]
    assert health.partitions(database)[0].stored == 10


def test_whether_a_move_was_made(database: Database) -> None:
    begun(database, 0)
    move = Move(0, 10, 15, "f")
    assert not streams.stands_at(database, STREAM, [move])
    with database.transaction() as connection:
        streams.advance(connection, STREAM, [move], NOON)
    assert streams.stands_at(database, STREAM, [move])
    assert not streams.stands_at(database, STREAM, [Move(0, 10, 15, "another record")])


def test_a_gap_is_written_down_once(database: Database) -> None:
    begun(database, 0)
    streams.skip_gap(database, STREAM, 0, 10, 17, NOON)
    with pytest.raises(Fenced):
        streams.skip_gap(database, STREAM, 0, 10, 17, NOON)
    assert health.gap_total(database) == 7
    assert streams.progress(database, STREAM, [0])[0].next_offset == 17


def test_attempts(database: Database) -> None:
    begun(database, 0, 1)
    for _ in range(2):
        streams.note_attempts(database, STREAM, {0: 10, 1: 99})
    assert {p: k.attempts for p, k in streams.progress(database, STREAM, [0, 1]).items()} == {0: 2, 1: 0}
    streams.note_attempts(database, STREAM, {0: 10}, 3)
    assert streams.progress(database, STREAM, [0])[0].attempts == 3
    streams.note_attempts(database, STREAM, {0: 10}, 0)
    assert streams.progress(database, STREAM, [0])[0].attempts == 0


def test_beginning_again_leaves_alone_what_another_owner_has_begun(database: Database) -> None:
    begun(database, 0, 1)
    streams.begin_again(database, STREAM, {0: 10, 1: 9})
    assert set(streams.progress(database, STREAM, [0, 1])) == {1}


# --- dead letters and sources --------------------------------------------------------------------------------------


def reject(raw: bytes, line: int = -1, detail: str = "why") -> Reject:
    return Reject(
        stage="process",
        origin="news.raw/0",
        position=7,
        line=line,
        reason=Reason.NOT_JSON,
        detail=detail,
        raw=raw,
        at=NOON,
    )


def test_a_reject_is_kept_byte_for_byte_and_once(database: Database) -> None:
    hostile = b"\x00\xff\xfe" + bytes(range(256)) + "新闻".encode()
    for _ in range(2):
        with database.transaction() as connection:
            writes.add_rejects(connection, [reject(hostile, detail="x\x00" * 3_000), reject(b"", line=1)])
    rows = health.dead_letter_rows(database, 10)
    assert {(r.line, bytes(r.raw)) for r in rows} == {(-1, hostile), (1, b"")}
    assert all(len(r.detail) <= 2_000 and "\x00" not in r.detail for r in rows)
    assert health.dead_letter_counts(database) == {"process:not_json": 2}


def test_another_reject_at_the_same_place_of_a_log_made_anew_is_kept(database: Database) -> None:
    for raw in (b"of the first log", b"of the second"):
        with database.transaction() as connection:
            writes.add_rejects(connection, [reject(raw)])
    assert count(database, "dead_letters") == 2


def test_sources_remember(database: Database) -> None:
    state = SourceState("wire", "rss", url="https://example.com/f?a='b'", etag='W/"1"', next_due_at=NOON)
    with database.transaction() as connection:
        sources.save(connection, state, NOON)
        sources.save(connection, state.counted(published=2, unchanged=1), NOON)
        sources.save(connection, SourceState("atom", "rss"), NOON)
    assert sources.load(database, ["wire", "none"]) == {"wire": state.counted(published=2, unchanged=1)}
    assert [s.source for s in sources.load_all(database)] == ["atom", "wire"]
    assert sources.load(database, ["wire"])["wire"].received == 3


def test_texts_seen(database: Database) -> None:
    texts = [SeenText(f"s{n}", f"h{n}", 1) for n in range(1_200)]
    with database.transaction() as connection:
        sources.remember(connection, "wire", texts, NOON)
        sources.remember(connection, "wire", [SeenText("s1", "new", 2)], NOON + timedelta(days=20))
    ids = [t.story_id for t in texts]
    assert len(sources.seen(database, "wire", ids)) == 1_200
    assert sources.seen(database, "wire", ["s1", "none"]) == {"s1": SeenText("s1", "new", 2)}
    assert sources.seen(database, "other", ["s1"]) == {}
    with database.transaction() as connection:
        sources.remember(connection, "wire", [], NOON + timedelta(days=40))
    assert set(sources.seen(database, "wire", ids)) == {"s1"}
