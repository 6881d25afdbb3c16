"""A watched folder: files that are dropped there are replayed once each, in the order of their names.

A file is known by what it holds. How many of its rows are settled stands in the database and moves in the transaction
that remembers their stories, after the bus acknowledged: a restart goes on behind them. Unlike a replay, a folder
remembers its stories as a polled feed does: an edit in a later file is a revision, a repeat nothing.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from ingest.columns import Columns
from ingest.novelty import Judged, judge
from ingest.publish import COMMAND_PATIENCE_S, Outlets, connected, until_done
from ingest.replay import FileReplay, ReplayOptions, ReplaySummary, source_name
from ingest.rows import format_of, rows_of
from ingest.watching import SETTLE_S, Look, Sighting, settle
from newstide.errors import DataInvalid, NewstideError, Retryable, UsageError
from newstide.files import name_of
from newstide.messages import NewsItem, Reason, Reject
from newstide.service import Service
from newstide.settings import Settings
from newstide.store import sources, watched
from newstide.store.database import Transaction
from newstide.store.watched import WatchedFile
from newstide.store.writes import add_rejects

KIND: Final = "folder"
LOOK_EVERY_S: Final = 2.0
FILES_MAX: Final = 50_000
"""In one folder; a look at more takes longer than the time between two."""
HASHED_AT_ONCE: Final = 1 << 20
BROKEN_BYTES_MAX: Final = 64 << 10
"""Of a file that cannot be used, kept to be looked at; the file itself stays where it is."""


@dataclass(frozen=True, slots=True)
class FolderOptions:
    """`once`: take what is there and end. `done`: a folder to which files are moved that were read to their end."""

    path: Path
    source: str = ""
    columns: Columns = Columns()
    format: str = ""
    encoding: str = "utf-8"
    once: bool = False
    done: Path | None = None


@dataclass(slots=True)
class FolderSummary:
    """received = published + unchanged + rejected; a file that cannot be used is one more that is rejected."""

    files: int = 0
    broken: int = 0
    received: int = 0
    published: int = 0
    unchanged: int = 0
    rejected: int = 0


def run_folder(settings: Settings, service: Service, options: FolderOptions) -> FolderSummary:
    """Watch until stopped, or `once`. Raises UsageError for what is no folder, Fenced when another one watches it."""
    for path in filter(None, (options.path, options.done)):
        if not path.is_dir():
            raise UsageError(f"{path} is no folder", fix="make it, or name another one")
    with connected(settings, service, COMMAND_PATIENCE_S if options.once else None) as outlets:
        name = source_name(options.source or options.path.resolve().name) or KIND
        watch = FolderWatch(options, name, outlets, service)
        try:
            watch.run()
        except Retryable:
            if not service.stop.is_set():  # stopped while something was away: what was in hand is not counted
                raise
    return watch.summary


@dataclass(slots=True)
class _StoredMemory:
    """Of a watched file: what is remembered of the source, and the row up to which the file is settled."""

    file: WatchedFile
    outlets: Outlets
    service: Service

    @property
    def rows_done(self) -> int:
        return self.file.rows

    def judge(self, items: Sequence[NewsItem]) -> Judged:
        ids = sorted({item.story_id for item in items})
        database, patience_s = self.outlets.database, self.outlets.publisher.patience_s
        known = until_done(lambda: sources.seen(database, self.file.source, ids), self.service, patience_s)
        return judge(items, known)

    def keep(self, connection: Transaction, judged: Judged, rows: int, now: datetime) -> None:
        sources.remember(connection, self.file.source, judged.texts, now)
        watched.move(connection, self.file, replace(self.file, rows=rows), now)
        self.file = replace(self.file, rows=rows)


@dataclass(slots=True)
class FolderWatch:
    options: FolderOptions
    source: str
    outlets: Outlets
    service: Service
    summary: FolderSummary = field(default_factory=FolderSummary)
    _seen: dict[str, Sighting] = field(default_factory=dict)
    _known: set[Look] = field(default_factory=set)
    """Files, as they stood, that need not be looked into."""

    def run(self) -> None:
        patience_s = self.outlets.publisher.patience_s
        database, now = self.outlets.database, self.service.clock.now()
        until_done(lambda: sources.introduce(database, KIND, [self.source], now), self.service, patience_s)
        files = until_done(lambda: watched.known(database, self.source), self.service, patience_s)
        self._known = {Look(file.name, file.size, file.mtime_ns) for file in files if file.state == "done"}
        self.service.ready.set()
        until_s = self.service.clock.monotonic() + SETTLE_S
        while not self.service.stop.is_set():
            self.service.tick()
            self._turn()
            if self.options.once and self.service.clock.monotonic() >= until_s:
                return
            self.service.wait(LOOK_EVERY_S)

    def _turn(self) -> None:
        try:
            looks = [look for look in self._looks() if look not in self._known]
        except OSError as error:  # a network drive that is away comes back
            self.service.log.warning("folder_away", folder=name_of(self.options.path), why=error.strerror or str(error))
            return
        self._seen, whole = settle(self._seen, looks, self.service.clock.monotonic())
        for look in whole:
            if self.service.stop.is_set():
                return
            self._take(look)

    def _looks(self) -> Iterable[Look]:
        """Regular files of a kind that we read, by their names."""
        with os.scandir(self.options.path) as entries:
            for number, entry in enumerate(entries):
                if number == FILES_MAX:
                    raise DataInvalid(f"{self.options.path} holds more than {FILES_MAX:,} files", fix="--done FOLDER")
                if not entry.name.startswith(".") and entry.is_file(follow_symlinks=False) and self._reads(entry.name):
                    found = entry.stat(follow_symlinks=False)
                    yield Look(entry.name, found.st_size, found.st_mtime_ns)

    def _reads(self, name: str) -> bool:
        try:
            format_of(Path(name), self.options.format)
        except UsageError:
            return False
        return True

    def _take(self, look: Look) -> None:
        """Read a file to its end, or from where it was left. One that changed meanwhile is looked at again."""
        path, patience_s = self.options.path / look.name, self.outlets.publisher.patience_s
        try:
            content_hash = _hash_of(path, self.service.tick)
        except OSError:  # it is gone, or not ours to read: the next look says
            return
        name = name_of(Path(look.name))
        new = WatchedFile(self.source, content_hash, name, look.size, look.mtime_ns)
        now = self.service.clock.now()
        file = until_done(lambda: watched.begin(self.outlets.database, new, now), self.service, patience_s)
        if file.state != "done":
            file, error = self._replay(path, file)
            if self.service.stop.is_set() and error is None:
                return  # it may not have been read to its end
            if _look_at(path) != look:
                return
            self._finish(path, file, error)
        self._known.add(look)
        if self.options.done is not None and file.state != "broken":
            self._move_away(path)

    def _replay(self, path: Path, file: WatchedFile) -> tuple[WatchedFile, NewstideError | None]:
        options = self.options
        kind = format_of(path, options.format)
        memory = _StoredMemory(file, self.outlets, self.service)
        found = ReplaySummary()
        replayed = ReplayOptions((path,), options.columns, self.source, kind, options.encoding)
        error: NewstideError | None = None
        try:
            with rows_of(path, kind, options.encoding) as rows:
                FileReplay(path, replayed, self.outlets, self.service, found, kind=KIND, memory=memory).run(rows)
        except (DataInvalid, UsageError) as problem:  # of this file; the others may well be read
            error = problem
        for name in ("received", "published", "unchanged", "rejected"):
            setattr(self.summary, name, getattr(self.summary, name) + getattr(found, name))
        return memory.file, error

    def _finish(self, path: Path, file: WatchedFile, error: NewstideError | None) -> None:
        """Done, or broken: then it is one reject, once, and is tried again after a restart."""
        why = f"{error.what}: {error.why}" if error else ""
        rejects = [self._reject(path, file, why)] if error and file.state != "broken" else []
        then = replace(file, state="broken" if error else "done", detail=why)

        def save() -> None:
            now = self.service.clock.now()
            with self.outlets.database.transaction() as connection:
                watched.move(connection, file, then, now)
                if rejects:
                    add_rejects(connection, rejects)
                    state = sources.load_by(connection, [self.source])[self.source]
                    sources.save(connection, replace(state.counted(rejected=1), last_error=why[:500]), now)

        until_done(save, self.service, self.outlets.publisher.patience_s)
        self.summary.files += 1
        if error is not None:
            self.summary.broken += 1
            self.summary.received += len(rejects)
            self.summary.rejected += len(rejects)
            self.service.metrics.count("ingest_items", len(rejects), source=self.source, outcome="rejected")
            self.service.log.warning("file_broken", file=file.name, why=why, rows=file.rows)
        else:
            self.service.log.info("file_done", file=file.name, rows=file.rows)

    def _reject(self, path: Path, file: WatchedFile, why: str) -> Reject:
        try:
            with path.open("rb") as handle:
                raw = handle.read(BROKEN_BYTES_MAX)
        except OSError:
            raw = b""
        at = self.service.clock.now()
        return Reject(
            stage="ingest", origin=name_of(path), position=0, reason=Reason.WRONG_SHAPE, detail=why, raw=raw, at=at
        )

    def _move_away(self, path: Path) -> None:
        """A file of that name that is there already keeps its own."""
        assert self.options.done is not None  # noqa: S101 - the caller asked
        target = self.options.done / path.name
        number = 1
        while target.exists():
            number += 1
            target = self.options.done / f"{number}-{path.name}"
        try:
            path.rename(target)
        except OSError as error:
            self.service.log.warning("file_stays", file=name_of(path), why=error.strerror or str(error))


def _look_at(path: Path) -> Look | None:
    try:
        found = path.stat(follow_symlinks=False)
    except OSError:
        return None
    return Look(path.name, found.st_size, found.st_mtime_ns)


def _hash_of(path: Path, tick: Callable[[], None]) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while some := file.read(HASHED_AT_ONCE):
            digest.update(some)
            tick()
    return digest.hexdigest()[:32]
