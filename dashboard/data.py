"""What the pages ask of the store: read-only, cached for a moment and shared by all sessions, and never a traceback."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Generic, Literal, TypeVar

import streamlit as st

from dashboard.shape import Choice, Frame, frame_of
from newstide.alerting.firing import Kind
from newstide.alerting.subscription import Mute
from newstide.clock import SystemClock
from newstide.errors import NewstideError, SchemaMismatch
from newstide.messages import EntityOpinion
from newstide.settings import Settings, load
from newstide.store import entities, inbox, migrate, opinions, reads, totals
from newstide.store.database import Database
from newstide.telemetry import configure_logs, logger

FRESH_S: Final = 2
"""A reading is shared for this long: twenty open pages ask the database as often as one does."""
CHOICES_MAX: Final = 64
"""Readings kept, one for each choice of filters that somebody looks at."""
LATEST: Final = 10
SOURCES: Final = 7
LISTED_MAX: Final = 1_000
ALERTS_A_PAGE: Final = 25

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Overview:
    """One reading of everything on the first page."""

    read_at: datetime
    newest: totals.Newest | None
    frame: Frame | None
    """None when there are no stories at all."""
    last_published: datetime | None
    current: totals.Totals | None
    previous: totals.Totals | None
    trend: list[reads.TrendPoint]
    sources: list[totals.SourceTotals]
    source_count: int
    latest: list[reads.StoryRow]


@dataclass(frozen=True, slots=True)
class Listing:
    """A list as it was when it was made; it stands still until its reader wants a newer one."""

    read_at: datetime
    seq: int
    frame: Frame | None
    last_published: datetime | None
    total: int
    rows: list[reads.StoryRow]
    trend: list[reads.TrendPoint]


@dataclass(frozen=True, slots=True)
class StoryPage:
    read_at: datetime
    newest: totals.Newest | None
    revisions: list[reads.ScoredRevision]
    about: list[EntityOpinion]
    """Whom the latest revision is about, by its latest score, most relevant first."""
    names: dict[str, str]
    """Of those, by id."""


@dataclass(frozen=True, slots=True)
class AlertsPage:
    read_at: datetime
    newest: totals.Newest | None
    total: int
    rows: list[inbox.Entry]
    mutes: list[Mute]
    """What the owners of the rows asked to be spared."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a reading failed, for people. The details are in the server's log under the same id."""

    kind: Literal["database", "schema", "away"]
    id: str
    fix: str


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """A reading, or the last one that succeeded together with the problem, or the problem alone."""

    value: T | None
    problem: Problem | None


@st.cache_resource(show_spinner=False)
def settings() -> Settings:
    found, _origins = load()
    configure_logs(found.service)
    return found


@st.cache_resource(show_spinner=False)
def _database() -> Database:
    return Database(settings().store_url, read_only=True)


def prepare() -> Settings:
    """Raises SettingsInvalid when the pages cannot even try to read."""
    _database()
    return settings()


def now() -> datetime:
    return SystemClock().now()


@st.cache_data(ttl=30, max_entries=1, show_spinner=False)
def _require_schema() -> bool:
    migrate.require_current(_database())
    return True


@st.cache_data(ttl=FRESH_S, max_entries=CHOICES_MAX, show_spinner=False)
def overview(choice: Choice) -> Overview:
    """Raises NewstideError when the database is away or not of this version."""
    _require_schema()
    database, read_at = _database(), now()
    span = reads.published_span(database)
    newest = totals.newest(database)
    if span is None:
        return Overview(read_at, newest, None, None, None, None, [], [], 0, [])
    frame = frame_of(choice, read_at, span)
    names = reads.source_names(database, frame.current)
    return Overview(
        read_at=read_at,
        newest=newest,
        frame=frame,
        last_published=span[1],
        current=totals.totals(database, frame.current),
        previous=totals.totals(database, frame.previous) if frame.previous else None,
        trend=reads.trend(database, frame.current, frame.step),
        sources=totals.by_source(database, frame.current, SOURCES),
        source_count=len(names),
        latest=reads.list_stories(database, frame.current, LATEST),
    )


def listing(choice: Choice) -> Listing:
    """The newest LISTED_MAX stories of a choice. Not cached: its reader keeps it. Raises NewstideError."""
    _require_schema()
    database, read_at = _database(), now()
    seq = reads.last_seq(database)
    span = reads.published_span(database)
    if span is None:
        return Listing(read_at, seq, None, None, 0, [], [])
    frame = frame_of(choice, read_at, span)
    return Listing(
        read_at=read_at,
        seq=seq,
        frame=frame,
        last_published=span[1],
        total=reads.count_stories(database, frame.current),
        rows=reads.list_stories(database, frame.current, LISTED_MAX),
        trend=reads.trend(database, frame.current, frame.step),
    )


@st.cache_data(ttl=FRESH_S, max_entries=CHOICES_MAX, show_spinner=False)
def arrivals(choice: Choice, after_seq: int) -> tuple[int, totals.Newest | None]:
    """How many stories of a choice came after a list was made, and the newest of all. Raises NewstideError."""
    _require_schema()
    database = _database()
    span = reads.published_span(database)
    if span is None:
        return 0, None
    frame = frame_of(choice, now(), span)
    return reads.count_stories(database, frame.current, after_seq), totals.newest(database)


@st.cache_data(ttl=FRESH_S, max_entries=CHOICES_MAX, show_spinner=False)
def story(story_id: str) -> StoryPage:
    """Raises NewstideError when the database is away or not of this version."""
    _require_schema()
    database = _database()
    revisions = reads.story(database, story_id)
    latest = (revisions[0].revision, revisions[0].model_version) if revisions else (0, "")
    about = opinions.of_story(database, story_id).get(latest, [])
    names = entities.names_of(database, [each.entity_id for each in about])
    return StoryPage(now(), totals.newest(database), revisions, about, names)


@st.cache_data(ttl=FRESH_S, max_entries=CHOICES_MAX, show_spinner=False)
def alerts(kinds: tuple[Kind, ...], turned: int) -> AlertsPage:
    """A page of everybody's inbox, from 1. Raises NewstideError when the database is away or not of this version."""
    _require_schema()
    database, read_at = _database(), now()
    rows = inbox.entries(database, None, kinds, ALERTS_A_PAGE, (turned - 1) * ALERTS_A_PAGE)
    mutes = inbox.spared(database, sorted({row.owner for row in rows}), read_at)
    return AlertsPage(read_at, totals.newest(database), inbox.count(database, None, kinds), rows, mutes)


@st.cache_data(ttl=FRESH_S, max_entries=CHOICES_MAX, show_spinner=False)
def alert(firing_id: str) -> AlertsPage:
    """One alert, as it lies in each inbox. Raises NewstideError."""
    _require_schema()
    database, read_at = _database(), now()
    rows = inbox.entry(database, None, firing_id)
    mutes = inbox.spared(database, sorted({row.owner for row in rows}), read_at)
    return AlertsPage(read_at, totals.newest(database), len(rows), rows, mutes)


@st.cache_data(ttl=30, max_entries=1, show_spinner=False)
def _source_names() -> list[str]:
    return reads.source_names(_database())


def source_names() -> list[str] | None:
    """Every source that ever sent a story; None when the database does not say."""
    try:
        return _source_names()
    except NewstideError:
        return None


def ask(slot: str, key: object, read: Callable[[], T]) -> Answer[T]:
    """Read; when that fails, give the last success of this session for the same key, and say what is wrong.

    An outage is logged once, under the id that its reader sees until it ends.
    """
    state: Any = st.session_state
    kept, outage = f"_last_{slot}", f"_outage_{slot}"
    last = state.get(kept)
    try:
        value = read()
    except NewstideError as error:
        problem = state.get(outage) or _problem(error)
        state[outage] = problem
        return Answer(last[1] if last and last[0] == key else None, problem)
    state[kept] = (key, value)
    state.pop(outage, None)
    return Answer(value, None)


def _problem(error: NewstideError) -> Problem:
    identity = f"{error.code}-{secrets.token_hex(2)}"
    logger("dashboard").error("reading_failed", id=identity, what=error.what, why=error.why)
    if isinstance(error, SchemaMismatch) or error.fix == "newstide db upgrade":
        return Problem("schema", identity, "newstide db upgrade")
    if _missing_file():
        return Problem("database", identity, "newstide demo")
    return Problem("away", identity, "newstide doctor --only store")


def _missing_file() -> bool:
    database = _database()
    return database.is_sqlite and not Path(database.url.database or "").exists()
