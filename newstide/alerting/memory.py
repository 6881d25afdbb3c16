"""All that the engine remembers between two stories, as rows that can be written one by one. Pure.

A row is (kind, key) and JSON. `changes` gives those that differ from what was last given, None for what is gone: a turn
writes what it touched and no more.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from newstide.alerting.episodes import QUIET, Episode
from newstide.alerting.windows import Seen, Window, micros
from newstide.messages import ScoredStory

HELD_MAX: Final = 20_000
"""Stories that wait for their turn; past it time moves on. Half a minute of 600 stories a second."""
_GAP: Final = "\t"
"""Between the parts of a key; none of them can hold it."""

NEVER_US: Final = -(1 << 62)
"""Before anything."""

Row = tuple[str, str]
EpisodeKey = tuple[str, int, str]
"""Rule, version, key of the subject."""


class Clock(msgspec.Struct, omit_defaults=True):
    """Event time, in microseconds since 1970."""

    watermark_us: int = NEVER_US
    """Everything published before is settled."""
    times_us: dict[str, int] = {}
    """By partition, the latest publication that was read."""
    live: bool = False
    """Whether the last story was received soon after its publication: then silence is silence. In a replay of an
    archive it is not, and the wall clock says nothing."""


class Memory:
    def __init__(self, rows: Iterable[tuple[str, str, str]] = ()) -> None:
        """From (kind, key, JSON) as they were kept."""
        self.clock = Clock()
        self._held: dict[str, ScoredStory] = {}
        self._turns: list[tuple[int, str, int, str]] = []
        self.windows: dict[str, Window] = {}
        self.covered: dict[str, int] = {}
        """By subject, how far back its window was kept, in microseconds."""
        self.episodes: dict[EpisodeKey, Episode] = {}
        self._wakes: list[tuple[int, EpisodeKey]] = []
        self._changed: dict[Row, bool] = {}
        for kind, key, payload in rows:
            self._load(kind, key, payload)
        self._changed.clear()

    def _load(self, kind: str, key: str, payload: str) -> None:
        match kind:
            case "clock":
                self.clock = msgspec.json.decode(payload, type=Clock)
            case "held":
                self.hold(msgspec.json.decode(payload, type=ScoredStory))
            case "covered":
                self.covered = msgspec.json.decode(payload, type=dict[str, int])
            case "entry":
                subject = key.split(_GAP, 1)[0]
                self.put(subject, msgspec.json.decode(payload, type=Seen))
            case "episode":
                rule_id, version, subject = key.split(_GAP, 2)
                self.keep((rule_id, int(version), subject), msgspec.json.decode(payload, type=Episode))
            case _:
                raise ValueError(f"unknown kind {kind!r}")

    def changes(self) -> Iterator[tuple[str, str, str | None]]:
        """What to write: (kind, key, JSON or None for gone), and forget that it changed."""
        for kind, key in sorted(self._changed):
            yield kind, key, self._payload(kind, key)
        self._changed.clear()

    def _payload(self, kind: str, key: str) -> str | None:
        value: Clock | ScoredStory | Seen | Episode | dict[str, int] | None
        if kind == "clock":
            value = self.clock
        elif kind == "covered":
            value = self.covered
        elif kind == "held":
            value = self._held.get(key)
        elif kind == "entry":
            subject, story_id = key.split(_GAP, 1)
            window = self.windows.get(subject)
            value = window.get(story_id) if window else None
        else:
            rule_id, version, subject = key.split(_GAP, 2)
            value = self.episodes.get((rule_id, int(version), subject))
        return None if value is None else msgspec.json.encode(value).decode()

    def clock_moved(self) -> None:
        self._changed["clock", ""] = True

    # --- stories that wait ---

    def hold(self, story: ScoredStory) -> None:
        """One of the same story and revision is not held twice."""
        key = f"{story.item.story_id}{_GAP}{story.item.revision}"
        if key not in self._held:
            self._held[key] = story
            turn = (micros(story.item.published_at), story.item.story_id, story.item.revision, key)
            heapq.heappush(self._turns, turn)
            self._changed["held", key] = True

    @property
    def crowded(self) -> bool:
        return len(self._held) > HELD_MAX

    def next_us(self) -> int | None:
        """When the first of those that wait was published."""
        return self._turns[0][0] if self._turns else None

    def release(self) -> ScoredStory:
        key = heapq.heappop(self._turns)[3]
        self._changed["held", key] = True
        return self._held.pop(key)

    # --- windows ---

    def window(self, subject: str) -> Window:
        return self.windows.setdefault(subject, Window())

    def put(self, subject: str, seen: Seen) -> None:
        self.window(subject).put(seen)
        self._changed["entry", f"{subject}{_GAP}{seen.evidence.story_id}"] = True

    def drop(self, story_id: str) -> list[str]:
        """Take a story out of every window; returns the subjects whose it was."""
        found = [subject for subject, window in self.windows.items() if window.drop(story_id)]
        for subject in found:
            self._changed["entry", f"{subject}{_GAP}{story_id}"] = True
        return found

    def forget(self, subject: str, until_us: int) -> None:
        for story_id in self.window(subject).forget(until_us):
            self._changed["entry", f"{subject}{_GAP}{story_id}"] = True

    def empty(self, subject: str) -> None:
        self.forget(subject, -NEVER_US)
        del self.windows[subject]

    def cover(self, covered: dict[str, int]) -> None:
        if covered != self.covered:
            self.covered = covered
            self._changed["covered", ""] = True

    # --- episodes ---

    def episode(self, key: EpisodeKey) -> Episode:
        return self.episodes.get(key, QUIET)

    def keep(self, key: EpisodeKey, episode: Episode) -> None:
        """What is quiet and has nothing to remember is not kept."""
        before = self.episodes.get(key, QUIET)
        if episode == before:
            return
        if episode == QUIET:
            del self.episodes[key]
        else:
            self.episodes[key] = episode
        if episode.wake_us and episode.wake_us != before.wake_us:
            heapq.heappush(self._wakes, (episode.wake_us, key))
        rule_id, version, subject = key
        self._changed["episode", f"{rule_id}{_GAP}{version}{_GAP}{subject}"] = True

    def wake(self) -> tuple[int, EpisodeKey] | None:
        """The next look that is due without a story, and at what; it stays the next until its episode changes."""
        while self._wakes:
            at_us, key = self._wakes[0]
            if self.episode(key).wake_us == at_us:
                return at_us, key
            heapq.heappop(self._wakes)
        return None
