"""The same through a real broker and a real database."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.feeds import run_feeds
from ingest.replay import ReplayOptions, run_replay
from newstide.service import Service
from newstide.settings import Settings
from newstide.store import health, migrate, sources
from newstide.store.database import Database
from tests.integration.ingest.conftest import FEEDS, Answer, Publisher, enter, read_records

if TYPE_CHECKING:
    from tests.services.broker import Broker


def test_feeds_and_files(
    broker: Broker,
    topic: Callable[..., str],
    database_url: str,
    publisher: Publisher,
    service: Service,
    tmp_path: Path,
) -> None:
    settings = Settings(
        bus={"kind": "kafka", "bootstrap": broker.bootstrap, "topic_raw": topic(partitions=3)},
        store={"url": database_url},
        ingest={"allow_private_addresses": True},
    )
    database = Database(database_url)
    migrate.upgrade(database)
    enter(settings, wire=publisher.url("/wire"))
    publisher.answers["/wire"] = Answer((FEEDS / "rss20.xml").read_bytes())
    assert run_feeds(settings, service, once=True).published == 3
    assert run_feeds(settings, service, once=True).unchanged == 3
    edited = (FEEDS / "rss20.xml").read_bytes().replace(b"Skarholm warns", b"Skarholm warns again")
    publisher.answers["/wire"] = Answer(edited)
    assert run_feeds(settings, service, once=True).published == 1

    path = tmp_path / "many.jsonl"
    path.write_text("".join(f'{{"id": {n}, "title": "Story {n}"}}\n' for n in range(2_000)) + "no json\n", "utf-8")
    found = run_replay(settings, service, ReplayOptions((path,)))
    assert (found.published, found.rejected) == (2_000, 1)

    items, records = read_records(settings)
    assert (len(items), len({(item.story_id, item.revision) for item in items})) == (2_004, 2_004)
    assert records < 4 + 3 * 9
    states = {state.source: state for state in sources.load_all(database)}
    assert (states["wire"].received, states["wire"].published, states["wire"].unchanged) == (12, 4, 5)
    assert states["many"].received == 2_001
    assert health.dead_letter_counts(database) == {"ingest:empty_text": 1, "ingest:not_json": 1}
    database.close()
