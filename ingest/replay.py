"""Files of news to the bus: as fast as possible, or at a multiple of the pace at which the news came.

A replay is a function of its files: the same files give the same stories and revisions, so that what was replayed
before is a duplicate downstream. It keeps no memory of earlier runs. Counts and rejects are written after the
acknowledgement.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path
from typing import Final

from ingest.cleaning import plain_text
from ingest.columns import Columns, EntryMaker, WrongType, entry_maker, resolve
from ingest.normalise import Origin, normalise, refuse
from ingest.publish import COMMAND_PATIENCE_S, Outlets, connected, until_done
from ingest.rows import Row, format_of, rows_of
from ingest.sequence import Pace, Revisions
from newstide.errors import DataInvalid, Retryable, UsageError
from newstide.files import name_of
from newstide.messages import NewsItem, Reason, Reject
from newstide.service import Service
from newstide.settings import Settings
from newstide.sources import SourceState
from newstide.store import sources
from newstide.store.writes import add_rejects

KIND: Final = "replay"
CHUNK_ROWS: Final = 4_096
"""Published, acknowledged and counted together: the cost of a commit no longer shows, and a crash repeats little."""
CHUNK_BYTES_MAX: Final = 16 << 20
"""Of raw rows in a chunk: with what is made of them some 100 MiB at most."""
PEEK_ROWS: Final = 100
"""Looked at for the names of columns; JSON rows need not all have the same."""
SOURCE_CHARS_MAX: Final = 64
"""As `NewsItem.source` allows."""
LATE_S: Final = 0.005
"""A paced story that is due within this is due: no clock keeps shorter waits."""
TICK_S: Final = 5.0
"""A long wait for a story is cut into these, to show that the program lives."""


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """`pace`: times the original pace; None: as fast as possible. `source`: instead of the file's name."""

    files: tuple[Path, ...]
    columns: Columns = Columns()
    source: str = ""
    format: str = ""
    encoding: str = "utf-8"
    pace: float | None = None
    limit: int | None = None


@dataclass(slots=True)
class ReplaySummary:
    """received = published + rejected."""

    files: int = 0
    received: int = 0
    published: int = 0
    rejected: int = 0
    seconds: float = 0.0
    per_second: float = 0.0


Progress = Callable[[ReplaySummary], None]


def run_replay(
    settings: Settings, service: Service, options: ReplayOptions, progress: Progress = lambda _: None
) -> ReplaySummary:
    """Replay the files in order; a stop ends it early, with the summary of what was published.

    Raises UsageError and DataInvalid before the first story of a file that cannot be used, and DataInvalid where a file
    breaks off: what stands before that was published and counted.
    """
    kinds = [(path, format_of(path, options.format)) for path in options.files]
    for path, _ in kinds:
        if not os.path.isfile(path):  # of any name at all
            why = "it is no regular file" if os.path.exists(path) else "there is no such file"
            raise DataInvalid(f"{path} cannot be read", why=why, fix="check the path")
    summary = ReplaySummary()
    with connected(settings, service, COMMAND_PATIENCE_S) as outlets:
        service.ready.set()
        for path, kind in kinds:
            with rows_of(path, kind, options.encoding) as rows:
                _File(path, options, outlets, service, summary, progress).run(rows)
            summary.files += 1
            if service.stop.is_set() or summary.received == options.limit:
                break
    return summary


@dataclass(slots=True)
class _File:
    """One file on its way: what was read of it, and not yet published."""

    path: Path
    options: ReplayOptions
    outlets: Outlets
    service: Service
    summary: ReplaySummary
    progress: Progress
    _state: SourceState = field(default_factory=lambda: SourceState(source="", kind=KIND))
    _started_s: float = 0.0
    _items: list[NewsItem] = field(default_factory=list)
    _rejects: list[Reject] = field(default_factory=list)
    _held_bytes: int = 0

    def run(self, rows: Iterator[Row]) -> None:
        head = list(islice(rows, PEEK_ROWS))
        columns = resolve(self.options.columns, _names(head, self.path))
        self._state = self._starting_state()
        self._started_s = self.service.clock.monotonic() - self.summary.seconds
        left = None if self.options.limit is None else self.options.limit - self.summary.received
        try:
            self._read(islice(chain(head, rows), left), columns)
        except DataInvalid:  # the file breaks off here; what stands before counts
            self._flush()
            raise
        except Retryable:
            if not self.service.stop.is_set():  # stopped while something was away: what was in hand is not counted
                raise

    def _read(self, rows: Iterator[Row], columns: Columns) -> None:
        make, revisions, clock = entry_maker(columns), Revisions(), self.service.clock
        pace = Pace(self.options.pace) if self.options.pace else None
        paced_from_s = clock.monotonic()
        for row in rows:
            outcome = self._outcome(row, make, columns.source)
            if isinstance(outcome, Reject):
                self._rejects.append(outcome)
            else:
                if pace is not None:
                    self._wait(pace.wait_s(outcome.published_at, clock.monotonic() - paced_from_s))
                self._items.append(revisions.revise(outcome))
            self._held_bytes += len(row.raw)
            held = len(self._items) + len(self._rejects)
            if held >= CHUNK_ROWS or self._held_bytes >= CHUNK_BYTES_MAX:
                self._flush()
            if self.service.stop.is_set():
                break
        self._flush()

    def _outcome(self, row: Row, make: EntryMaker, source_column: str) -> NewsItem | Reject:
        source = self._state.source
        if source_column:
            source = source_name(str(row.cells.get(source_column) or "")) or source
        origin = Origin(source, name_of(self.path), self.service.clock.now(), archive=True)
        if row.problem is not None:
            return refuse(origin, row.line, *row.problem, row.raw)
        try:
            entry = make(row.cells)
        except WrongType as error:
            return refuse(origin, row.line, Reason.WRONG_SHAPE, str(error), row.raw)
        return normalise(entry, origin, row.line, row.raw)

    def _wait(self, wait_s: float) -> None:
        """Until the story is due; what is in hand goes first."""
        if wait_s <= LATE_S:
            return
        self._flush()
        while wait_s > 0 and not self.service.stop.is_set():
            self.service.tick()
            self.service.wait(min(wait_s, TICK_S))
            wait_s -= TICK_S

    def _flush(self) -> None:
        """Publish what is in hand; after the acknowledgement count it and keep its rejects, in one transaction."""
        items, rejects, service = self._items, self._rejects, self.service
        if not items and not rejects:
            return
        self.outlets.publisher.publish(items, packed=self.options.pace is None)
        state = self._state.counted(published=len(items), rejected=len(rejects))

        def save() -> None:
            now = service.clock.now()
            with self.outlets.database.transaction() as connection:
                add_rejects(connection, rejects)
                sources.save(connection, replace(state, last_success_at=now), now)

        until_done(save, service, self.outlets.publisher.patience_s)
        self._state, self._items, self._rejects, self._held_bytes = state, [], [], 0
        for outcome, count in (("published", len(items)), ("rejected", len(rejects))):
            service.metrics.count("ingest_items", count, source=state.source, outcome=outcome)
        self._report(len(items), len(rejects))

    def _report(self, published: int, rejected: int) -> None:
        summary = self.summary
        summary.received += published + rejected
        summary.published += published
        summary.rejected += rejected
        summary.seconds = self.service.clock.monotonic() - self._started_s
        summary.per_second = round(summary.received / summary.seconds, 1) if summary.seconds else 0.0
        self.progress(summary)

    def _starting_state(self) -> SourceState:
        name = source_name(self.options.source or stem_of(self.path)) or KIND
        database = self.outlets.database
        known = until_done(lambda: sources.load(database, [name]), self.service, self.outlets.publisher.patience_s)
        state = known.get(name)
        if state is not None and state.kind != KIND:
            raise UsageError(f"the source {name} is a {state.kind}", why="its counts are its own", fix="--source NAME")
        return state or SourceState(source=name, kind=KIND, url=name_of(Path(self.path.name)))


def source_name(given: str) -> str:
    """A name as `NewsItem.source` allows it; empty when nothing is left of it."""
    return plain_text(given, SOURCE_CHARS_MAX).text


def stem_of(path: Path) -> str:
    """The file's name without its endings: `news.jsonl.gz` is `news`."""
    return path.name.removesuffix(".gz").rpartition(".")[0] or path.name


def _names(head: list[Row], path: Path) -> list[str]:
    """The columns that the first rows have, in order. Raises DataInvalid when none of the rows can be read."""
    names = dict.fromkeys(str(name) for row in head for name in row.cells)
    if names:
        return list(names)
    problem = next((row.problem for row in head if row.problem), None)
    why = f"{problem[0]}: {problem[1]}" if problem else "it holds no rows"
    raise DataInvalid(f"{path} cannot be used", why=why, fix="--format csv or jsonl, or another file")
