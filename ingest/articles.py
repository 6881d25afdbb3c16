"""The bodies of stories that came as a headline alone, from the pages that they link to. Off unless a source is named.

Each page is asked through the guard, with limits of its own, one after the other; each is read in the killable worker.
What fails leaves the story as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import msgspec

from ingest.cleaning import plain_text
from ingest.extract import PAGE_BYTES_MAX, installed
from ingest.fetch import Fetched, Fetcher
from ingest.normalise import BODY_CHARS_MAX
from ingest.novelty import Judged, judge
from ingest.worker import article_in_worker
from newstide.errors import UsageError
from newstide.messages import NewsItem
from newstide.outbound.guard import Guard
from newstide.settings import Settings
from newstide.store.sources import SeenText

PAGES_MAX: Final = 5
"""Of one poll. What is new beyond them stays a headline: who has more at once is read for the first time."""
PAGE_S: Final = 8.0
"""Of one request. With all five and their reading a poll stays within two leases, which are renewed meanwhile."""
BODY_CHARS_MIN: Final = 80
"""What is shorter is a notice about cookies, not an article."""

_TYPES: Final = ("text/html", "application/xhtml+xml")


@dataclass(frozen=True, slots=True)
class Articles:
    """Reads pages for the sources in `names`."""

    fetcher: Fetcher
    names: frozenset[str]

    @classmethod
    def of(cls, settings: Settings, guard: Guard) -> Articles:
        """Raises UsageError when sources are named and the extra is not installed."""
        if settings.ingest.extract and not installed():
            fix = "pip install 'newstide[extract]', or leave ingest.extract empty"
            raise UsageError("articles cannot be read", why="trafilatura is not installed", fix=fix)
        fetcher = Fetcher(settings.ingest.user_agent, guard, limit_s=PAGE_S, bytes_max=PAGE_BYTES_MAX)
        return cls(fetcher, frozenset(settings.ingest.extract))

    def bodies(self, items: Iterable[NewsItem], now: datetime, cancelled: Callable[[], bool]) -> dict[str, str]:
        """By story id, the text of the page; empty where there is none to be had."""
        found: dict[str, str] = {}
        for item in items:
            if cancelled():
                break
            found[item.story_id] = self._body(item.url, now, cancelled)
        return found

    def _body(self, url: str, now: datetime, cancelled: Callable[[], bool]) -> str:
        try:
            page = self.fetcher.fetch(url, now=now, cancelled=cancelled)
        except Exception:  # SourceUnavailable, or what a stranger makes a library do that nobody has listed
            return ""
        if not isinstance(page, Fetched) or not page.content_type.lower().startswith(_TYPES):
            return ""
        text = plain_text(article_in_worker(page.body, page.content_type, cancelled), BODY_CHARS_MAX).text
        return text if len(text) >= BODY_CHARS_MIN else ""


def without_body(items: Iterable[NewsItem], known: Mapping[str, SeenText]) -> list[NewsItem]:
    """The new ones that are a headline with an address, as many as may be read. Pure."""
    wanted = [item for item in judge(items, known).publish if item.url and not item.body and not item.withdrawn]
    return wanted[:PAGES_MAX]


def with_bodies(judged: Judged, bodies: Mapping[str, str]) -> Judged:
    """The stories with what was read of their pages, and a flag that says so, or that it failed. Pure.

    The content hash stays that of the source's own words: a page that reads a little differently the next time is no
    edit of the story.
    """
    return replace(judged, publish=tuple(_with_body(item, bodies.get(item.story_id)) for item in judged.publish))


def _with_body(item: NewsItem, body: str | None) -> NewsItem:
    if body is None or item.body:
        return item
    flag = "body_extracted" if body else "extract_failed"
    return msgspec.structs.replace(item, body=body, flags=(*item.flags, flag))
