"""Plays the authored demo day: its morning at once, as history, then each story when it is due, round after round."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count
from typing import Final

import msgspec

from ingest.entry import Entry
from ingest.normalise import Origin, normalise
from ingest.publish import Outlets, connected, until_done
from ingest.scenario import Planned, ScenarioStory, load, plan
from newstide.errors import DataInvalid, Retryable
from newstide.messages import NewsItem
from newstide.service import Service
from newstide.settings import Settings
from newstide.sources import SourceState
from newstide.store import sources

KIND: Final = "demo"
SOURCE: Final = "demo"
"""The counts of the whole cast stand under this one name."""
BATCH_MAX: Final = 1_024
"""Stories published together: the history is a few hundred."""
PACE: Final = 15.0
"""Times the day's own: an hour takes four minutes, the scandal breaks after one, a day fits into a window of 1 h."""
WAIT_S_MAX: Final = 1.0
SAVE_EVERY_S: Final = 1.0
"""The counts are for people; the store has better things to do than to keep up with a fast pace."""


@dataclass(frozen=True, slots=True)
class PlayerOptions:
    """`pace`: times the day's own pace. `rounds`: end after so many; None: until stopped."""

    pace: float = PACE
    seed: int = 1
    rounds: int | None = None


@dataclass(frozen=True, slots=True)
class PlayerSummary:
    published: int


def run_player(settings: Settings, service: Service, options: PlayerOptions) -> PlayerSummary:
    """Play until the service stops, or for the rounds asked for. Raises UsageError for a pace that cannot be played."""
    stories = load()
    with connected(settings, service, None) as outlets:
        player = _Player(outlets, service)
        try:
            player.play(_rounds(stories, options, service.clock.now()))
        except Retryable:
            if not service.stop.is_set():  # stopped while something was away: what was in hand is not counted
                raise
        return PlayerSummary(player.published)


def _rounds(stories: Sequence[ScenarioStory], options: PlayerOptions, started_at: datetime) -> Iterator[Planned]:
    numbers = count() if options.rounds is None else range(options.rounds)
    for number in numbers:
        yield from plan(stories, started_at=started_at, pace=options.pace, seed=options.seed, round=number)


def item_of(planned: Planned, now: datetime) -> NewsItem:
    """A planned story as news: what an editor expects of it stays behind."""
    story = planned.story
    entry = Entry(
        id=planned.publisher_id,
        url=planned.url,
        title=story.title,
        body=story.body,
        published_at=planned.published_at,
        language=story.language,
        symbols=story.symbols,
    )
    outcome = normalise(entry, Origin(story.source, "demo", now), 0)
    if not isinstance(outcome, NewsItem):
        raise DataInvalid(f"story {story.id} of the demo day cannot be used", why=outcome.detail)
    return msgspec.structs.replace(outcome, revision=planned.revision)


@dataclass(slots=True)
class _Player:
    outlets: Outlets
    service: Service
    published: int = 0
    _batch: list[NewsItem] = field(default_factory=list)
    _unsaved: int = 0
    _saved_s: float = float("-inf")

    def play(self, planned: Iterator[Planned]) -> None:
        self.service.ready.set()
        for each in planned:
            if len(self._batch) >= BATCH_MAX or each.due_at > self.service.clock.now():
                self._publish()
                self._wait_until(each.due_at)
            if self.service.stop.is_set():
                break
            self._batch.append(item_of(each, self.service.clock.now()))
        if not self.service.stop.is_set():
            self._publish()
        self._save()

    def _wait_until(self, due_at: datetime) -> None:
        while not self.service.stop.is_set():
            self.service.tick()
            left_s = (due_at - self.service.clock.now()).total_seconds()
            if left_s <= 0:
                return
            if self.service.clock.monotonic() - self._saved_s >= SAVE_EVERY_S:
                self._save()
            self.service.wait(min(left_s, WAIT_S_MAX))

    def _publish(self) -> None:
        self.outlets.publisher.publish(self._batch, packed=len(self._batch) > 1)
        self.published += len(self._batch)
        self._unsaved += len(self._batch)
        self._batch = []

    def _save(self) -> None:
        """Add what was acknowledged to the counts."""
        if not self._unsaved:
            return
        database, clock = self.outlets.database, self.service.clock

        def save() -> None:
            now = clock.now()
            known = sources.load(database, [SOURCE]).get(SOURCE) or SourceState(source=SOURCE, kind=KIND)
            with database.transaction() as connection:
                state = replace(known.counted(published=self._unsaved), last_success_at=now)
                sources.save(connection, state, now)

        until_done(save, self.service, self.outlets.publisher.patience_s)
        self.service.metrics.count("ingest_items", self._unsaved, source=SOURCE, outcome="published")
        self._unsaved, self._saved_s = 0, clock.monotonic()
