"""Sources of every kind through the worker, and tried by hand: `newstide sources test`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.app import answer
from ingest.feeds import run_feeds
from ingest.fetch import Fetcher
from newstide.errors import SourceUnavailable
from newstide.messages import NewsItem
from newstide.service import Service
from newstide.settings import Settings
from newstide.sources import Source
from newstide.store import registry, sources
from newstide.store.connect import connect
from tests.integration.ingest.conftest import FEEDS, Answer, Publisher, enter, enter_sources

FLASH = {
    "d": [{"id": 7, "text": "央行降准0.5个百分点。", "at": 1772440500, "codes": ["600519"]}, {"id": 8, "text": "  "}]
}
MAPPING = {
    "items": "d",
    "id": "id",
    "body": "text",
    "date": "at",
    "symbols": "codes.*",
    "url_template": "https://x.example/{id}",
}
FILINGS = {
    "name": "Arbora",
    "filings": {"recent": {"accessionNumber": ["0000320193-26-000011"], "form": ["8-K"], "filingDate": ["2026-03-02"]}},
}
ARTICLES = {"articles": [{"url": "https://p.example/1", "title": "Bolt sold", "seendate": "20260302T081500Z"}]}
JSON = {"Content-Type": "application/json", "Cache-Control": "public, max-age=1800"}

Published = Callable[[], list[NewsItem]]


def told(document: object) -> Answer:
    return Answer(json.dumps(document).encode(), headers=JSON)


def test_every_kind_is_polled(publisher: Publisher, settings: Settings, service: Service, published: Published) -> None:
    publisher.answers |= {
        "/wire": Answer((FEEDS / "rss20.xml").read_bytes()),
        "/flash": told(FLASH),
        "/submissions/CIK0000320193.json": told(FILINGS),
    }
    gdelt = "/doc?query=bolt&mode=artlist&format=json&sort=datedesc&maxrecords=75&timespan=60min"
    publisher.answers[gdelt] = told(ARTICLES)
    enter_sources(
        settings,
        Source(name="wire", url=publisher.url("/wire")),
        Source(name="flash", url=publisher.url("/flash"), kind="json", options=MAPPING, language="zh"),
        Source(name="filings", url=publisher.url(""), kind="edgar", options={"cik": "320193"}),
        Source(name="press", url=publisher.url("/doc"), kind="gdelt", options={"query": "bolt"}),
    )
    ingest = settings.ingest.model_copy(update={"user_agent": "newstide/0.1 (desk@example.com)"})
    found = run_feeds(settings.model_copy(update={"ingest": ingest}), service, once=True)
    assert (found.polls, found.failed, found.published, found.rejected) == (4, 0, 6, 2)
    items = {item.source: item for item in published()}
    flash = items["flash"]
    assert (flash.title, flash.language, flash.symbols) == ("央行降准0.5个百分点。", "zh", ("600519",))
    assert flash.url == "https://x.example/7" and flash.published_at.isoformat() == "2026-03-02T08:35:00+00:00"
    assert (items["filings"].title, items["press"].title) == ("Arbora files 8-K", "Bolt sold")
    database = connect(settings)
    state = sources.load(database, ["flash"])["flash"]
    database.close()
    assert state.next_due_at is not None and state.polled_at is not None
    assert 1_800 <= (state.next_due_at - state.polled_at).total_seconds() <= 1_980, "max-age, and up to a tenth"
    gauge = b'newstide_ingest_sources{condition="never_polled"} 4.0'
    assert gauge in service.metrics.exposition(), "as it was counted when the run began"


def test_edgar_is_not_asked_by_nobody(publisher: Publisher, settings: Settings, service: Service) -> None:
    enter_sources(settings, Source(name="filings", url=publisher.url(""), kind="edgar", options={"cik": "320193"}))
    ingest = settings.ingest.model_copy(update={"user_agent": "newstide/0.1"})
    with pytest.raises(SourceUnavailable, match="none of 1 sources") as caught:
        run_feeds(settings.model_copy(update={"ingest": ingest}), service, once=True)
    assert "set ingest.user_agent" in caught.value.why
    assert publisher.asked == []


def test_a_source_that_trips_a_library_leaves_the_others_alone(
    publisher: Publisher, settings: Settings, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher.answers["/wire"] = Answer((FEEDS / "rss20.xml").read_bytes())
    enter(settings, odd=publisher.url("/odd"), wire=publisher.url("/wire"))
    fetch = Fetcher.fetch

    def tripping(self: Fetcher, url: str, **more: Any) -> Any:
        if url.endswith("/odd"):
            raise RuntimeError("nobody\nforesaw this")
        return fetch(self, url, **more)

    monkeypatch.setattr(Fetcher, "fetch", tripping)
    found = run_feeds(settings, service, once=True)
    assert (found.polls, found.failed, found.published) == (2, 1, 3)
    database = connect(settings)
    state = sources.load(database, ["odd"])["odd"]
    database.close()
    assert (state.failures, state.last_error) == (1, "RuntimeError: nobody foresaw this")


def test_an_address_that_changes_while_it_is_asked(
    publisher: Publisher, settings: Settings, service: Service, published: Published
) -> None:
    """What the old address says is dropped unsent; the new one is asked at once, without the old one's cursor."""
    body = (FEEDS / "rss20.xml").read_bytes()

    def moving() -> Iterator[bytes]:
        enter(settings, wire=publisher.url("/new"))
        yield body

    publisher.answers["/old"] = Answer(headers={"ETag": '"old"'}, chunks=moving)
    publisher.answers["/new"] = Answer(body.replace(b"Skarholm", b"Halvern"), headers={"ETag": '"new"'})
    enter(settings, wire=publisher.url("/old"))
    found = run_feeds(settings, service, once=True)
    assert (found.fenced, found.polls, found.published) == (1, 1, 3)
    assert {item.revision for item in published()} == {1} and len(published()) == 3
    assert not any("Skarholm" in item.title for item in published())
    assert [path for path, _ in publisher.asked] == ["/old", "/new"]
    assert "if-none-match" not in publisher.asked[1][1]
    assert b"newstide_ingest_leases_lost_total 1.0" in service.metrics.exposition()


def test_a_source_is_tried_by_hand(
    publisher: Publisher,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    publisher.answers["/flash"] = told(FLASH)
    enter_sources(settings, Source(name="flash", url=publisher.url("/flash"), kind="json", options=MAPPING))
    monkeypatch.setenv("NEWSTIDE_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("NEWSTIDE_INGEST__ALLOW_PRIVATE_ADDRESSES", "true")
    monkeypatch.chdir(tmp_path)

    def newstide(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["newstide", "sources", "test", *arguments])
        with pytest.raises(SystemExit) as ended:
            answer()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    code, out, _ = newstide("flash", "--json")
    found = json.loads(out)
    assert (code, [story["title"] for story in found["stories"]]) == (0, ["央行降准0.5个百分点。"])
    assert found["rejected"] == ["empty_text: neither title nor body holds readable text"]
    assert found["asks to wait"] == "max-age 1800 s"
    url = publisher.url("/flash")
    assert "央行降准" in newstide(url, "--kind", "json", "--options", json.dumps(MAPPING))[1]
    code, _, err = newstide(url)
    assert code == 3 and "not_a_feed" in err
    assert newstide("unknown")[0] == 2
    database = connect(settings)
    (known,) = registry.load_all(database)
    database.close()
    assert known.state.polled_at is None, "nothing moved"
