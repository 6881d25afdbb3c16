"""Files dropped into a watched folder, and standard input, through the embedded bus."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from ingest.columns import Columns
from ingest.folder import FolderOptions, FolderSummary, run_folder
from ingest.publish import Publisher
from ingest.replay import CHUNK_ROWS, ReplayOptions, run_replay
from newstide.clock import FakeClock
from newstide.errors import BusUnavailable, Fenced, UsageError
from newstide.messages import NewsItem
from newstide.service import Service
from newstide.settings import Settings
from newstide.sources import SourceState
from newstide.store import health, sources, watched
from newstide.store.connect import connect
from newstide.store.watched import WatchedFile

Published = Callable[[], list[NewsItem]]


def rows(*numbers: int, **more: object) -> bytes:
    return b"".join(json.dumps({"id": n, "title": f"Story {n}", **more}).encode() + b"\n" for n in numbers)


@dataclass
class Drop:
    """A folder and the command that looks into it once."""

    path: Path
    settings: Settings
    service: Service

    def put(self, name: str, data: bytes) -> Path:
        target = self.path / name
        target.write_bytes(data)
        return target

    def look(self, **options: object) -> FolderSummary:
        return run_folder(self.settings, self.service, FolderOptions(self.path, once=True, **options))  # type: ignore[arg-type]

    def files(self) -> dict[str, WatchedFile]:
        with closing(connect(self.settings)) as database:
            return {file.name: file for file in watched.known(database, "drop")}

    def state(self) -> SourceState:
        with closing(connect(self.settings)) as database:
            return sources.load(database, ["drop"])["drop"]


@pytest.fixture
def drop(tmp_path: Path, settings: Settings, service: Service) -> Drop:
    service.clock = FakeClock()
    (tmp_path / "drop").mkdir()
    return Drop(tmp_path / "drop", settings, service)


def test_each_file_once_in_the_order_of_names(drop: Drop, published: Published) -> None:
    drop.put("b.jsonl.gz", gzip.compress(rows(2, 3)))
    drop.put("a.csv", b"id,title\n1,First\n2,Second\n")
    drop.put("c.ndjson", b"")
    for name in (".hidden.jsonl", "d.jsonl.part", "notes.txt"):
        drop.put(name, rows(9))
    (drop.path / "folder.jsonl").mkdir()
    (drop.path / "link.jsonl").symlink_to(drop.path / ".hidden.jsonl")
    found = drop.look()
    assert (found.files, found.published, found.broken) == (3, 4, 1)
    items = [(item.title, item.revision) for item in sorted(published(), key=lambda item: (item.title, item.revision))]
    assert items == [("First", 1), ("Second", 1), ("Story 2", 2), ("Story 3", 1)], "a later file edits an earlier one"
    assert {item.source for item in published()} == {"drop"}
    assert {name: file.state for name, file in drop.files().items()} == {
        "a.csv": "done", "b.jsonl.gz": "done", "c.ndjson": "broken",
    }  # fmt: skip
    again = drop.look()
    assert (again.files, again.received) == (1, 0), "only the broken one is tried again"
    drop.put("copy of a.csv", (drop.path / "a.csv").read_bytes())
    assert drop.look().received == 0, "a copy is no second file"
    state = drop.state()
    assert (state.kind, state.received, state.published, state.rejected) == ("folder", 5, 4, 1)


def test_a_file_that_grew_gives_what_is_new(drop: Drop, published: Published) -> None:
    file = drop.put("day.jsonl", rows(1, 2))
    drop.look()
    with file.open("ab") as more:
        more.write(rows(3))
    found = drop.look()
    assert (found.received, found.published, found.unchanged) == (3, 1, 2)
    assert len(published()) == 3


def test_half_written_files_are_left_alone(drop: Drop, monkeypatch: pytest.MonkeyPatch) -> None:
    file = drop.put("slow.jsonl", rows(1))
    wait = drop.service.wait

    def written_on(seconds: float) -> None:
        with file.open("ab") as more:
            more.write(rows(2))
        wait(seconds)

    monkeypatch.setattr(Service, "wait", lambda _service, seconds: written_on(seconds))
    assert drop.look().files == 0
    monkeypatch.undo()
    assert drop.look().files == 1


def test_a_stop_in_the_middle_goes_on_behind_what_was_settled(
    drop: Drop, published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 2 * CHUNK_ROWS + 10
    drop.put("large.jsonl", rows(*range(count), 0, 1))
    publish = Publisher.publish

    def stopping(self: Publisher, *given: object, **named: object) -> None:
        publish(self, *given, **named)  # type: ignore[arg-type]
        self.service.stop.set()

    monkeypatch.setattr(Publisher, "publish", stopping)
    assert drop.look().published == CHUNK_ROWS
    assert (drop.files()["large.jsonl"].state, drop.files()["large.jsonl"].rows) == ("reading", CHUNK_ROWS)
    monkeypatch.undo()
    drop.service.stop.clear()
    found = drop.look()
    assert (found.published, found.unchanged) == (count - CHUNK_ROWS, 2)
    assert drop.files()["large.jsonl"].rows == count + 2
    assert len(published()) == count
    state = drop.state()
    assert state.received == count + 2 == state.published + state.unchanged


def test_while_the_bus_is_away_nothing_is_settled(drop: Drop, monkeypatch: pytest.MonkeyPatch) -> None:
    drop.put("day.jsonl", rows(1, 2))

    def away(*_: object, **__: object) -> None:
        raise BusUnavailable("the bus is away")

    monkeypatch.setattr("newstide.bus.embedded.EmbeddedProducer.publish", away)
    with pytest.raises(BusUnavailable):
        drop.look()
    assert (drop.files()["day.jsonl"].state, drop.files()["day.jsonl"].rows) == ("reading", 0)
    monkeypatch.undo()
    assert drop.look().published == 2


def test_a_file_that_breaks_off_counts_up_to_there(drop: Drop, published: Published) -> None:
    whole = gzip.compress(rows(*range(50_000)))
    drop.put("cut.jsonl.gz", whole[: len(whole) // 2])
    drop.put("fine.jsonl", rows(1_000_000))
    found = drop.look()
    assert found.broken == 1 and found.published == len(published()) > 1_000
    assert found.received == found.published + found.rejected and found.rejected == 1
    with closing(connect(drop.settings)) as database:
        (letter,) = health.dead_letter_rows(database, 10)
    assert letter.origin.endswith("cut.jsonl.gz") and letter.raw == whole[: len(letter.raw)]
    assert "cut.jsonl.gz" in drop.state().last_error
    again = drop.look()
    assert (again.broken, again.received) == (1, 0), "reported again, counted once"


def test_columns_done_folder_and_what_is_no_folder(drop: Drop, tmp_path: Path, published: Published) -> None:
    done = tmp_path / "done"
    done.mkdir()
    (done / "day.csv").touch()
    drop.put("day.csv", b"Kopf,Nr\nEins,1\n")
    assert drop.look(columns=Columns(title="Kopf", id="Nr"), done=done, source="drop").published == 1
    assert sorted(file.name for file in done.iterdir()) == ["2-day.csv", "day.csv"] and not list(drop.path.iterdir())
    assert [item.title for item in published()] == ["Eins"]
    with pytest.raises(UsageError, match="no folder"):
        run_folder(drop.settings, drop.service, FolderOptions(tmp_path / "none"))
    run_replay(drop.settings, drop.service, ReplayOptions((done / "2-day.csv",), Columns(title="Kopf"), source="file"))
    with pytest.raises(UsageError, match="the source file is a replay"):
        drop.look(source="file")


def test_two_that_watch_one_folder_are_told_apart(drop: Drop, monkeypatch: pytest.MonkeyPatch) -> None:
    drop.put("day.jsonl", rows(1))
    publish = Publisher.publish

    def overtaken(self: Publisher, *given: object, **named: object) -> None:
        publish(self, *given, **named)  # type: ignore[arg-type]
        monkeypatch.undo()
        assert drop.look().files == 1

    monkeypatch.setattr(Publisher, "publish", overtaken)
    with pytest.raises(Fenced, match="no longer stands at row 0"):
        drop.look()


# --- standard input ---------------------------------------------------------------------------------------------------


@pytest.fixture
def reading(settings: Settings, root: Path) -> Callable[..., subprocess.Popen[bytes]]:
    """`newstide ingest replay -` in the settings' folder."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("NEWSTIDE_")}

    def start(*options: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "cli.main", "ingest", "replay", "-", "--json", *options],
            cwd=root,
            env=clean | {"NEWSTIDE_DATA_DIR": str(settings.data_dir)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    return start


@pytest.mark.parametrize(
    ("data", "options"),
    [
        (rows(1, 2) + b"{nope\n", ()),
        (gzip.compress(rows(1, 2) + b"\xff\n"), ()),
        (b"id,title\n1,A\n2,B\n3,\n", ("--format", "csv", "--source", "stdin")),
    ],
)
def test_standard_input(
    reading: Callable[..., subprocess.Popen[bytes]], published: Published, data: bytes, options: tuple[str, ...]
) -> None:
    out, said = reading(*options).communicate(data, timeout=60)
    found = json.loads(out)
    assert (found["received"], found["published"], found["rejected"]) == (3, 2, 1), said
    assert {item.source for item in published()} == {"stdin"}


def test_standard_input_without_end_is_stopped_in_order(
    reading: Callable[..., subprocess.Popen[bytes]], published: Published
) -> None:
    process = reading()
    assert process.stdin is not None and process.stdout is not None and process.stderr is not None
    process.stdin.write(rows(1, 2))
    process.stdin.flush()
    assert b"started" in process.stderr.readline()
    said = threading.Thread(target=process.stderr.read, daemon=True)
    said.start()
    process.send_signal(signal.SIGTERM)
    assert process.wait(15) == 0
    assert json.loads(process.stdout.read())["published"] == len(published())
    said.join()
    for stream in (process.stdin, process.stdout, process.stderr):
        stream.close()
