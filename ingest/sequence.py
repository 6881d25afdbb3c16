"""What a replay decides from one story to the next: its revision, and when it is due. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from newstide.messages import NewsItem

STORIES_REMEMBERED_MAX: Final = 300_000
"""More than the largest archive we know holds; about 80 MB. Past it the story seen first is forgotten."""


class Revisions:
    """Tells the later texts of a story from its first, within one replay."""

    def __init__(self, stories_max: int = STORIES_REMEMBERED_MAX) -> None:
        self._stories_max = stories_max
        self._hashes: dict[str, str] = {}
        self._edited: dict[str, int] = {}

    def revise(self, item: NewsItem) -> NewsItem:
        """Another text than the last of the same story is its next revision; the same text is the same revision."""
        name = item.story_id
        last = self._hashes.get(name)
        if last is None:
            self._forget_over_limit()
            self._hashes[name] = item.content_hash
            return item
        if last != item.content_hash:
            self._hashes[name] = item.content_hash
            self._edited[name] = self._edited.get(name, 1) + 1
        revision = self._edited.get(name, 1)
        return item if revision == 1 else msgspec.structs.replace(item, revision=revision)

    def _forget_over_limit(self) -> None:
        if len(self._hashes) >= self._stories_max:
            forgotten = next(iter(self._hashes))
            del self._hashes[forgotten]
            self._edited.pop(forgotten, None)


class Pace:
    """When stories are due, `times` as fast as they came, counted from the first. The past is due at once."""

    def __init__(self, times: float) -> None:
        self._times = times
        self._first: datetime | None = None

    def wait_s(self, published_at: datetime, elapsed_s: float) -> float:
        if self._first is None:
            self._first = published_at
        return max(0.0, (published_at - self._first).total_seconds() / self._times - elapsed_s)
