"""What of a feed's list is new. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from newstide.messages import NewsItem
from newstide.store.sources import SeenText


@dataclass(frozen=True, slots=True)
class Judged:
    """`publish`: new stories, and edited ones as their next revision. `texts`: what to remember, each story once."""

    publish: tuple[NewsItem, ...]
    texts: tuple[SeenText, ...]
    unchanged: int


def judge(items: Iterable[NewsItem], known: Mapping[str, SeenText]) -> Judged:
    """Each item against the last text known of its story, which may stand earlier in the same list.

    The withdrawal of a story that was never published takes nothing back: it is passed over.
    """
    publish: list[NewsItem] = []
    texts: dict[str, SeenText] = {}
    unchanged = 0
    for item in items:
        last = texts.get(item.story_id) or known.get(item.story_id)
        if last is not None and last.content_hash == item.content_hash:
            texts[item.story_id] = last
            unchanged += 1
            continue
        if last is None and item.withdrawn:
            unchanged += 1
            continue
        revision = 1 if last is None else last.revision + 1
        texts[item.story_id] = SeenText(item.story_id, item.content_hash, revision)
        publish.append(item if revision == 1 else msgspec.structs.replace(item, revision=revision))
    return Judged(tuple(publish), tuple(texts.values()), unchanged)
