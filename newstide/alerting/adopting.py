"""What changes in the engine's memory when rules do. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from newstide.alerting.book import Book, keys_of
from newstide.alerting.episodes import QUIET
from newstide.alerting.memory import EpisodeKey, Memory
from newstide.alerting.windows import micros, seen_of
from newstide.messages import ScoredStory


def left_behind(memory: Memory, book: Book) -> dict[EpisodeKey, str]:
    """Episodes of rules that are gone or changed, or whose subject is: they end. Returns those whose alert stood, with
    what had been said."""
    gone = [place for place in memory.episodes if place[:2] not in book.rules or not _is_subject(book, place[2])]
    stood = {place: memory.episodes[place].fired_id for place in gone if memory.episodes[place].standing}
    for place in gone:
        memory.keep(place, QUIET)
    return stood


def _is_subject(book: Book, key: str) -> bool:
    return key.startswith("system:") or key in book.ordered


def to_fill(memory: Memory, book: Book) -> dict[str, int]:
    """Subjects that are measured further back than before, with how far in microseconds; others are let go of."""
    for key in list(memory.windows):
        if key not in book.memory_us:
            memory.empty(key)
    wanted = {key: us for key, us in book.memory_us.items() if us > memory.covered.get(key, 0)}
    memory.cover(dict(book.memory_us))
    return wanted


def fill(memory: Memory, wanted: dict[str, int], stories: Iterable[ScoredStory]) -> None:
    """Put stories that are settled into the windows that lack them, as if the rules had been there when they came."""
    end_us = memory.clock.watermark_us
    for story in stories:
        at_us, towards = micros(story.item.published_at), {f"entity:{e.entity_id}": e for e in story.entities}
        if at_us >= end_us:
            continue
        if story.item.revision > 1:
            memory.drop(story.item.story_id)
        for key in keys_of(story):
            if key in wanted and at_us > end_us - wanted[key] and not story.item.withdrawn:
                memory.put(key, seen_of(story, towards.get(key)))
