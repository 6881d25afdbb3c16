"""What push and watched folders remember, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from newstide.errors import Fenced, UsageError
from newstide.store import push, sources, watched
from newstide.store.database import Database
from newstide.store.push import REMEMBER, Handled
from newstide.store.watched import WatchedFile
from tests.contract.stories import NOON, count

DONE = Handled("wire", "msg_1", "digest", 200, published=2, unchanged=1, rejected=3)
FILE = WatchedFile("drop", "hash", "a 'file'.jsonl", 10**12, 1_790_000_000_123_456_789)


def known(database: Database, *messages: tuple[str, str]) -> set[Handled]:
    with database.transaction() as connection:
        return set(push.handled(connection, messages).values())


def kept(database: Database, *messages: Handled, at_s: float = 0) -> None:
    with database.transaction() as connection:
        push.keep(connection, messages, NOON + timedelta(seconds=at_s))


def test_a_message_is_known_by_source_and_id(database: Database) -> None:
    others = [replace(DONE, source="other"), replace(DONE, message_id="it's; DROP")]
    kept(database, DONE, *others)
    kept(database)
    assert known(database, DONE.key, ("wire", "never")) == {DONE}
    assert known(database, *(one.key for one in others)) == set(others)
    assert known(database) == set()
    kept(database, replace(DONE, digest="mended", status=200))
    assert {one.digest for one in known(database, DONE.key)} == {"mended"}


def test_messages_are_forgotten_after_their_time(database: Database) -> None:
    kept(database, DONE)
    kept(database, replace(DONE, message_id="late"), at_s=1)
    with database.transaction() as connection:
        assert push.forget(connection, NOON + REMEMBER) == 0
        assert push.forget(connection, NOON + REMEMBER + timedelta(seconds=0.5)) == 1
    assert known(database, DONE.key) == set() and count(database, "push_messages") == 1


def test_counts_add_up_and_errors_are_those_of_the_last_turn(database: Database) -> None:
    sources.introduce(database, "push", ["wire"], NOON)
    sources.introduce(database, "push", ["wire"], NOON)
    for error in ("not_json: x", ""):
        with database.transaction() as connection:
            push.lock(connection, ["wire", "unheard-of"])
            push.count(connection, "wire", DONE, error, NOON)
        state = sources.load(database, ["wire"])["wire"]
        assert state.last_error == error
    assert (state.received, state.published, state.unchanged, state.rejected) == (12, 4, 2, 6)
    with pytest.raises(UsageError, match="the source wire is a push"):
        sources.introduce(database, "folder", ["wire"], NOON)


def test_one_at_a_time_holds_a_source(database: Database) -> None:
    """Each adds what the one before had read: a lost update would show."""
    sources.introduce(database, "push", ["wire", "other"], NOON)

    def work(names: list[str]) -> None:
        for _ in range(10):
            with database.transaction() as connection:
                push.lock(connection, names)
                state = sources.load_by(connection, ["wire"])["wire"]
                sources.save(connection, state.counted(published=1), NOON)

    threads = [
        threading.Thread(target=work, args=(names,)) for names in (["wire", "other"], ["other", "wire"], ["wire"])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sources.load(database, ["wire"])["wire"].received == 30


def test_a_file_moves_on_from_where_it_stands(database: Database) -> None:
    assert watched.begin(database, FILE, NOON) == FILE
    moved = replace(FILE, rows=5)
    with database.transaction() as connection:
        watched.move(connection, FILE, moved, NOON)
    assert watched.begin(database, replace(FILE, name="a copy"), NOON) == moved
    with pytest.raises(Fenced, match="no longer stands at row 0"), database.transaction() as connection:
        watched.move(connection, FILE, replace(FILE, rows=9), NOON)
    done = replace(moved, state="done", detail="d" * 600)
    with database.transaction() as connection:
        watched.move(connection, moved, done, NOON)
    assert watched.known(database, "drop") == [replace(done, detail="d" * 500)]
    assert watched.known(database, "other") == []
