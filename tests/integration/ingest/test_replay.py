"""Files through the embedded bus, with their counts and rejects in SQLite."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ingest.columns import Columns
from ingest.player import PlayerOptions, run_player
from ingest.replay import ReplayOptions, run_replay
from newstide.bus.embedded import EmbeddedProducer
from newstide.clock import FakeClock
from newstide.errors import BusUnavailable, DataInvalid, NewstideError, UsageError
from newstide.messages import NewsItem
from newstide.service import Service
from newstide.settings import Settings
from newstide.store import health, sources
from newstide.store.connect import connect
from tests.integration.ingest.conftest import read_records

Published = Callable[[], list[NewsItem]]


def write(path: Path, *rows: object) -> Path:
    text = "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows) + "\n"
    data = text.encode("utf-8", "surrogatepass")
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def test_json_lines(tmp_path: Path, settings: Settings, service: Service, published: Published) -> None:
    path = write(
        tmp_path / "news.jsonl.gz",
        {"id": 1, "title": "A rises", "date": "20150126", "ticker": "AAA", "summary": "More."},
        {"id": 1, "title": "A rises a lot", "date": "20150126"},
        {"id": 1, "title": "A rises a lot", "date": "20150126"},
        {"id": 2, "title": "B \ud800falls", "date": "14 HOURS AGO", "ticker": ["BBB", "CCC"]},
        "",
        "{not json",
        [1, 2],
        {"id": 3, "title": ["a", "list"]},
        {"id": 4, "title": None},
        {"id": 5, "title": "", "summary": "First. Second."},
    )
    found = run_replay(settings, service, ReplayOptions((path,)))
    assert (found.files, found.received, found.published, found.rejected) == (1, 9, 5, 4)
    items = sorted(published(), key=lambda item: (item.title, item.revision))
    assert [(item.title, item.revision) for item in items] == [
        ("A rises", 1), ("A rises a lot", 2), ("A rises a lot", 2), ("B falls", 1), ("First.", 1),
    ]  # fmt: skip
    assert items[0].published_at == datetime(2015, 1, 26, tzinfo=UTC)
    assert (items[0].source, items[0].symbols, items[0].flags) == ("news", ("AAA",), ())
    assert (items[3].symbols, items[3].flags) == (("BBB", "CCC"), ("text_cleaned", "date_suspect"))
    database = connect(settings)
    letters = {letter.position: letter for letter in health.dead_letter_rows(database, 10)}
    state = sources.load(database, ["news"])["news"]
    database.close()
    reasons = {line: letter.reason for line, letter in letters.items()}
    assert reasons == {6: "not_json", 7: "wrong_shape", 8: "wrong_shape", 9: "empty_text"}
    assert letters[6].raw == b"{not json\n" and letters[6].origin == str(path)
    assert (state.kind, state.received, state.published, state.rejected) == ("replay", 9, 5, 4)


def test_csv_with_quotes_and_bad_bytes(
    tmp_path: Path, settings: Settings, service: Service, published: Published
) -> None:
    path = tmp_path / "news.csv"
    path.write_bytes(
        b'\xef\xbb\xbfDate,Headline,URL,Outlet\r\n"AUG 17, 2022","Two\nlines, quoted",https://wire.example/1,One\r\n'
        b"18-Jul-20,Caf\xe9,https://wire.example/2,One\r\n\r\nshort\r\n18-Jul-20,Last,https://wire.example/3,Two\r\n"
    )
    options = ReplayOptions((path,), columns=Columns(source="Outlet"))
    found = run_replay(settings, service, options)
    assert (found.received, found.published, found.rejected) == (4, 2, 2)
    assert {(item.title, item.source) for item in published()} == {("Two lines, quoted", "One"), ("Last", "Two")}
    database = connect(settings)
    letters = {letter.position: letter for letter in health.dead_letter_rows(database, 10)}
    database.close()
    assert {line: letter.reason for line, letter in letters.items()} == {4: "not_utf8", 6: "empty_text"}
    assert letters[4].raw == b"18-Jul-20,Caf\xe9,https://wire.example/2,One\r\n"
    again = run_replay(settings, service, replace(options, encoding="cp1252", source="other"))
    assert again.published == 3


def test_columns_by_name(tmp_path: Path, settings: Settings, service: Service, published: Published) -> None:
    path = write(tmp_path / "odd.txt", {"a": "Title", "b": "Body", "c": "2020-01-02", "d": "k"})
    columns = Columns(title="a", body="b", date="c", id="d")
    run_replay(settings, service, ReplayOptions((path,), columns, format="ndjson", source="mine"))
    (item,) = published()
    assert (item.title, item.body, item.source, item.published_at.year) == ("Title", "Body", "mine", 2020)


def test_a_body_of_five_megabytes_is_kept(
    tmp_path: Path, settings: Settings, service: Service, published: Published
) -> None:
    path = write(tmp_path / "big.jsonl", {"title": "Big", "body": "wort " * 1_000_000, "date": "2020-01-01"})
    assert run_replay(settings, service, ReplayOptions((path,))).published == 1
    assert published()[0].flags == ("body_truncated",)


def test_fast_is_packed_and_repeatable(tmp_path: Path, settings: Settings, service: Service) -> None:
    path = write(tmp_path / "many.jsonl", *({"id": n % 900, "title": f"Story {n % 901}"} for n in range(2_000)))
    run_replay(settings, service, ReplayOptions((path,), limit=1_500))
    items, records = read_records(settings)
    assert (len(items), records <= 12) == (1_500, True)
    run_replay(settings, service, ReplayOptions((path,), limit=1_500))
    again, _ = read_records(settings)
    keys = {(item.story_id, item.revision, item.content_hash) for item in items}
    assert {(item.story_id, item.revision, item.content_hash) for item in again} == keys
    for name in {item.story_id for item in items}:  # in order, without a gap
        revisions = [item.revision for item in items if item.story_id == name]
        assert revisions == sorted(revisions)


def test_paced(tmp_path: Path, settings: Settings, service: Service) -> None:
    service.clock = clock = FakeClock()
    rows = [{"id": n, "title": f"Story {n}", "date": f"2020-01-01T00:0{n}:00Z"} for n in range(4)]
    path = write(tmp_path / "paced.jsonl", *rows, {"id": 9, "title": "Late", "date": "2020-01-01T00:00:30Z"})
    run_replay(settings, service, ReplayOptions((path,), pace=60.0))
    items, records = read_records(settings)
    assert (len(items), records) == (5, 5)
    assert 2.9 < clock.monotonic() < 3.2  # three minutes at sixty times the pace


@pytest.mark.parametrize(
    ("name", "rows", "error", "says"),
    [
        ("none.jsonl", None, DataInvalid, "cannot be read"),
        ("what.bin", ["x"], UsageError, "neither as CSV nor as JSON lines"),
        ("empty.jsonl", [], DataInvalid, "cannot be used"),
        ("noise.jsonl", ["nothing", "of use"], DataInvalid, "cannot be used"),
        (
            "scores.csv",
            ["Date,Url,Sentiment_gpt", "2022-03-29,https://wire.example/,5.0"],
            UsageError,
            "no column looks",
        ),
    ],
)
def test_files_that_cannot_be_used(
    tmp_path: Path,
    settings: Settings,
    service: Service,
    name: str,
    rows: list[object] | None,
    error: type[NewstideError],
    says: str,
) -> None:
    path = tmp_path / name
    if rows is not None:
        write(path, *rows)
    with pytest.raises(error, match=says) as caught:
        run_replay(settings, service, ReplayOptions((path,)))
    if name == "scores.csv":
        assert "Date, Url, Sentiment_gpt" in caught.value.why


def test_a_file_that_breaks_off_counts_up_to_there(
    tmp_path: Path, settings: Settings, service: Service, published: Published
) -> None:
    path = tmp_path / "cut.jsonl.gz"
    whole = gzip.compress(b"".join(b'{"id": %d, "title": "T"}\n' % n for n in range(50_000)))
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataInvalid, match="cannot be read"):
        run_replay(settings, service, ReplayOptions((path,)))
    database = connect(settings)
    state = sources.load(database, ["cut"])["cut"]
    database.close()
    assert state.published == len(published()) > 1_000


def test_without_a_bus_it_gives_up(
    tmp_path: Path, settings: Settings, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.clock = FakeClock()

    def away(*_: object) -> None:
        raise BusUnavailable("the bus is away")

    monkeypatch.setattr(EmbeddedProducer, "publish", away)
    path = write(tmp_path / "one.jsonl", {"title": "T"})
    with pytest.raises(BusUnavailable):
        run_replay(settings, service, ReplayOptions((path,)))
    database = connect(settings)
    assert sources.load(database, ["one"]) == {}
    database.close()


def test_a_feeds_counts_are_not_mixed_with_a_replays(tmp_path: Path, settings: Settings, service: Service) -> None:
    path = write(tmp_path / "one.jsonl", {"title": "T"})
    run_replay(settings, service, ReplayOptions((path,)))
    run_player(settings, service, PlayerOptions(pace=1e6, rounds=1))
    with pytest.raises(UsageError, match="the source demo is a demo"):
        run_replay(settings, service, ReplayOptions((path,), source="demo"))


def test_the_demo_day(settings: Settings, service: Service, published: Published) -> None:
    service.clock = FakeClock()
    found = run_player(settings, service, PlayerOptions(pace=60.0, rounds=1))
    items = published()
    assert found.published == len(items) > 300
    assert max(item.revision for item in items) >= 2
    assert {item.language for item in items} == {"en", "zh"}
    assert {flag for item in items for flag in item.flags} == set()
    assert all(item.published_at <= item.received_at for item in items)
    assert 400 < service.clock.monotonic() < 500  # from 10:55 to 18:30, an hour a minute
    database = connect(settings)
    assert sources.load(database, ["demo"])["demo"].published == len(items)
    database.close()


def test_archives(settings: Settings, service: Service, shared_data: Path) -> None:
    """Needs the shared data sets: odd dates, odd columns, whole windows of news."""
    streams = shared_data / "streams"
    files = [*sorted((streams / "headlines_2020").glob("*.jsonl")), *sorted((streams / "windows").glob("zh_*.gz"))]
    files += [streams / "mixed_dates_sample" / "headlines_aapl.csv"]
    found = run_replay(settings, service, ReplayOptions(tuple(files)))
    assert found.received == found.published + found.rejected
    assert found.published > 18_000 and found.rejected < 100
