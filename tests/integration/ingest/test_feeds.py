"""Polling end to end: a publisher on loopback, the embedded bus, SQLite."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from ingest.feeds import run_feeds
from newstide.bus.embedded import EmbeddedProducer
from newstide.bus.port import Outgoing
from newstide.errors import BusUnavailable, SourceUnavailable, StoreUnavailable, UsageError
from newstide.messages import NewsItem
from newstide.service import Service
from newstide.settings import Settings
from newstide.sources import SourceState
from newstide.store import health, leases, sources
from newstide.store.connect import connect
from tests.integration.ingest.conftest import FEEDS, Answer, Publisher, enter
from tests.services.common import wait_for

XML = {"Content-Type": "application/rss+xml", "ETag": '"v1"'}


def feed(name: str, **headers: str) -> Answer:
    return Answer((FEEDS / name).read_bytes(), headers=XML | headers)


def state_of(settings: Settings, name: str) -> SourceState:
    database = connect(settings)
    try:
        return sources.load(database, [name])[name]
    finally:
        database.close()


Published = Callable[[], list[NewsItem]]


def test_each_story_once_then_its_edit(
    publisher: Publisher, settings: Settings, service: Service, published: Published
) -> None:
    publisher.answers["/wire"] = feed("rss20.xml")
    enter(settings, wire=publisher.url("/wire"))
    first = run_feeds(settings, service, once=True)
    assert (first.received, first.published, first.unchanged, first.rejected) == (4, 3, 0, 1)
    items = {item.title: item for item in published()}
    assert set(items) == {
        "Halvern & Veldane raise outlook",
        "Skarholm warns",
        "The regulator opened an inquiry.",
    }
    assert items["Skarholm warns"].flags == ("date_suspect", "link_dropped")
    assert items["Halvern & Veldane raise outlook"].published_at == datetime(2026, 3, 2, 8, 15, tzinfo=UTC)
    assert items["The regulator opened an inquiry."].flags == ("title_from_body", "date_suspect")

    publisher.answers["/wire"] = Answer(status=304, headers={})
    unchanged = run_feeds(settings, service, once=True)
    assert (unchanged.received, unchanged.failed) == (0, 0)
    assert publisher.asked[-1][1]["if-none-match"] == '"v1"'

    edited = (FEEDS / "rss20.xml").read_bytes().replace(b"Skarholm warns", b"Skarholm warns again")
    publisher.answers["/wire"] = Answer(edited, headers=XML)
    third = run_feeds(settings, service, once=True)
    assert (third.published, third.unchanged, third.rejected) == (1, 2, 1)
    revisions = {item.title: item.revision for item in published()}
    assert revisions["Skarholm warns again"] == 2
    assert len({item.story_id for item in published()}) == 3

    state = state_of(settings, "wire")
    assert (state.received, state.published, state.unchanged, state.rejected) == (8, 4, 2, 2)
    assert state.received == state.published + state.unchanged + state.rejected
    database = connect(settings)
    (letter,) = health.dead_letter_rows(database, 10)  # refused twice, kept once
    database.close()
    assert (letter.origin, letter.reason) == ("feed wire", "empty_text") and b"w-4" in letter.raw


def test_a_feed_that_fails_is_asked_later_and_keeps_its_cursor(
    publisher: Publisher, settings: Settings, service: Service, published: Published
) -> None:
    publisher.answers["/wire"] = feed("rss20.xml")
    enter(settings, wire=publisher.url("/wire"))
    run_feeds(settings, service, once=True)
    for failures, answer in enumerate(
        [
            Answer(status=500),
            Answer(status=429, headers={"Retry-After": "7200"}),
            Answer((FEEDS / "login.html").read_bytes(), headers={"Content-Type": "text/html", "ETag": '"login"'}),
            Answer(b"", headers={"ETag": '"empty"'}),
            feed("bomb.xml", ETag='"bomb"'),
        ],
        start=1,
    ):
        publisher.answers["/wire"] = answer
        with pytest.raises(SourceUnavailable, match="none of 1 sources"):
            run_feeds(settings, service, once=True)
        state = state_of(settings, "wire")
        assert (state.failures, state.etag) == (failures, '"v1"')
        assert state.next_due_at is not None and state.last_success_at is not None
        wait_s = (state.next_due_at - datetime.now(UTC)).total_seconds()
        assert wait_s > (7_000 if answer.status == 429 else 300 * 2**failures * 0.85)
    assert "doctype" in state.last_error
    assert len(published()) == 3


def test_a_truncated_feed_is_taken_and_asked_for_again(
    publisher: Publisher, settings: Settings, service: Service, published: Published
) -> None:
    publisher.answers["/wire"] = feed("truncated.xml")
    enter(settings, wire=publisher.url("/wire"))
    assert run_feeds(settings, service, once=True).failed == 0
    assert "First story is whole" in {item.title for item in published()}
    state = state_of(settings, "wire")
    assert (state.etag, state.failures) == ("", 0) and "malformed" in state.last_error


def test_one_bad_feed_leaves_the_others_alone(
    publisher: Publisher, settings: Settings, service: Service, published: Published
) -> None:
    publisher.answers |= {"/wire": feed("rss20.xml"), "/zh": feed("atom.xml"), "/json": feed("feed.json")}
    enter(
        settings,
        wire=publisher.url("/wire"),
        gone=publisher.url("/gone"),
        zh=publisher.url("/zh"),
        json=publisher.url("/json"),
    )
    found = run_feeds(settings, service, once=True)
    assert (found.polls, found.failed, found.published) == (4, 1, 7)
    assert {item.language for item in published() if item.source == "zh"} == {"zh", "en"}
    lone = next(item for item in published() if item.source == "json" and item.title.startswith("Lone"))
    assert (lone.title, lone.flags) == ("Lone surrogate", ("text_cleaned",))


class _Broken:
    """Fails a few times, then works."""

    def __init__(self, times: int, error: Exception) -> None:
        self.left, self.error = times, error

    def check(self) -> None:
        self.left -= 1
        if self.left >= 0:
            raise self.error


def test_nothing_moves_while_the_bus_is_away(
    publisher: Publisher, settings: Settings, service: Service, published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, publish = _Broken(2, BusUnavailable("the bus is away")), EmbeddedProducer.publish

    def failing(self: EmbeddedProducer, topic: str, records: list[Outgoing]) -> None:
        broken.check()
        publish(self, topic, records)

    monkeypatch.setattr(EmbeddedProducer, "publish", failing)
    publisher.answers["/wire"] = feed("rss20.xml")
    enter(settings, wire=publisher.url("/wire"))
    assert run_feeds(settings, service, once=True).published == 3
    assert (len(published()), len(publisher.asked)) == (3, 1)  # the publisher was not asked again


def test_a_crash_before_the_cursor_publishes_again(
    publisher: Publisher, settings: Settings, service: Service, published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher.answers["/wire"] = feed("rss20.xml")
    enter(settings, wire=publisher.url("/wire"))
    with monkeypatch.context() as patch:
        patch.setattr(leases, "settle", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run_feeds(settings, service, once=True)
    run_feeds(settings, service, once=True)
    items = published()
    assert len(items) == 6  # each twice, with the same key: a duplicate downstream
    assert len({(item.story_id, item.revision, item.content_hash) for item in items}) == 3
    assert state_of(settings, "wire").published == 3


def test_the_store_comes_back(
    publisher: Publisher, settings: Settings, service: Service, published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, settle = _Broken(1, StoreUnavailable("the store is away")), leases.settle

    def failing(*arguments: object) -> None:
        broken.check()
        settle(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(leases, "settle", failing)
    publisher.answers["/wire"] = feed("rss20.xml")
    enter(settings, wire=publisher.url("/wire"))
    run_feeds(settings, service, once=True)
    assert (len(published()), state_of(settings, "wire").published) == (3, 3)


def test_it_polls_until_stopped(publisher: Publisher, settings: Settings, service: Service) -> None:
    publisher.answers["/wire"] = feed("rss20.xml")
    enter(settings, wire=publisher.url("/wire"))

    def stop_when_polled() -> None:
        wait_for(lambda: state_of(settings, "wire").polled_at is not None, "the source was polled", 60)
        service.stop.set()

    threading.Thread(target=stop_when_polled).start()
    found = run_feeds(settings, service)
    assert (found.polls, len(publisher.asked)) == (1, 1)
    state = state_of(settings, "wire")
    assert state.next_due_at is not None and state.polled_at is not None
    assert (state.next_due_at - state.polled_at).total_seconds() > 250, "due again in five minutes"
    assert service.ready.is_set()


def test_no_source_is_a_usage_error(settings: Settings, service: Service) -> None:
    with pytest.raises(UsageError, match="no source to poll"):
        run_feeds(settings, service, once=True)
