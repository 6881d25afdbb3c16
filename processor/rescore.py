"""Stored stories once more, by another model: beside what was said when they came, never instead of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import msgspec

from newstide.clock import Clock
from newstide.store import rescoring, writes
from newstide.store.database import Database
from newstide.store.filters import Filters
from processor.pipeline import Received
from processor.reading import Reader


@dataclass(frozen=True, slots=True)
class Rescored:
    model: str
    stories: int
    """Scored and stored now. What that version had scored before is not scored again."""


def rescore(
    database: Database,
    reader: Reader,
    filters: Filters,
    clock: Clock,
    tell: Callable[[int, datetime], None] = lambda stories, at: None,
) -> Rescored:
    """Every revision within `filters` that this version has not scored, oldest first; goes on where it was stopped.

    Whom a story is about is sought anew, by today's entities with the names of the day of its publication. The key is
    that of all scores (story, revision, model version), so nothing is stored twice. Nothing is announced:
    an alert about old news would be a lie. Raises ModelInvalid, StoreUnavailable; what was stored stays.
    """
    count, after = 0, None
    while batch := rescoring.pending(database, filters, reader.scorer.version, after):
        received = [Received(0, 0, 0, each.item) for each in batch]
        said = reader.read(received, clock.now())
        scored = [
            msgspec.structs.replace(labelled.story, tier=each.tier) for labelled, each in zip(said, batch, strict=True)
        ]
        with database.transaction() as connection:
            count += len(writes.add_stories(connection, scored, clock.now()))
        after = batch[-1].place
        tell(count, batch[-1].item.published_at)
    return Rescored(reader.scorer.version, count)
