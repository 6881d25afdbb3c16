"""Stories and time to firings. Pure: state in, state and firings out; time is that of the stories.

A story that is held against single-story rules is answered at once. All other rules see stories in the order of their
publication: a story waits until nothing published before it can still come (`lateness`), as far as partitions tell.
Between stories, what is due (a `for`, a cooldown, a story that leaves its window) is looked at in its own moment, so it
makes no difference how often somebody asks. A story that comes later than the lateness counts from then on, at its own
time as long as nothing later was decided of its subject.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import Final

import msgspec

from newstide.alerting.book import Book, keys_of, name_of
from newstide.alerting.episodes import Episode, Found, Step, due_us, stepped
from newstide.alerting.firing import Firing, Kind
from newstide.alerting.matching import Story
from newstide.alerting.measuring import Measured
from newstide.alerting.memory import EpisodeKey, Memory
from newstide.alerting.past import Histories
from newstide.alerting.rules import HOUR, Measure, NoData, StoredRule, StoryClause
from newstide.alerting.telling import evidence_traces, told, with_story, with_window
from newstide.alerting.windows import MICROS, micros, seen_of
from newstide.messages import EntityOpinion, ScoredStory

STALE: Final = timedelta(days=1)
"""A story published so long before the stream's own time is an archive that somebody loads: it fires nothing."""
LIVE_WITHIN: Final = timedelta(days=1)
"""From publication to receipt, of a story that is news; an archive's are received years later."""
CLUSTERS_KEPT: Final = 64
"""Of a rule of stories that waits: told clusters that are remembered, so that a further story of one is none."""
_STALE_US: Final = STALE // timedelta(microseconds=1)
_FAR_US: Final = 1 << 62


class Engine:
    def __init__(self, book: Book, histories: Histories, memory: Memory, lateness_s: float) -> None:
        self.book, self._histories, self.memory = book, histories, memory
        self._lateness_us = int(lateness_s * MICROS)

    # --- what comes in ---

    def arrive(self, story: ScoredStory, partition: int = 0) -> list[Firing]:
        """A story was read; what follows from it alone. The rest follows from `advance`."""
        clock, at_us = self.memory.clock, micros(story.item.published_at)
        name = str(partition)
        clock.times_us[name] = max(clock.times_us.get(name, at_us), at_us)
        clock.live = story.item.received_at - story.item.published_at <= LIVE_WITHIN
        self.memory.clock_moved()
        if at_us < clock.watermark_us - _STALE_US:
            return []
        firings = list(self._at_once(story))
        matters = story.item.revision > 1 or any(key in self.book.ordered for key in keys_of(story))
        if not matters:
            return firings
        if at_us >= clock.watermark_us:
            self.memory.hold(story)
            if self.memory.crowded:
                firings += self._move(self.memory.next_us() or 0, inclusive=True)
            return firings
        return firings + list(self._apply(story))

    def advance(self, waiting: Collection[int] = ()) -> list[Firing]:
        """What follows now that these stories are read. `waiting`: partitions of which more is to be read already; they
        hold time back, the others have said all that they know."""
        times = self.memory.clock.times_us
        behind = [times.get(str(partition)) for partition in waiting]
        if None in behind or not times:
            return []  # of one partition nothing is known yet
        reached = min(time for time in behind if time is not None) if behind else max(times.values())
        return self._move(reached - self._lateness_us)

    def tick(self, now: datetime) -> list[Firing]:
        """Nothing waits to be read, and it is `now`: time goes on without stories, where the stream is live."""
        return self._move(micros(now) - self._lateness_us) if self.memory.clock.live else []

    def finish(self, until: datetime) -> list[Firing]:
        """Nothing more comes that was published before `until`."""
        return self._move(micros(until))

    # --- time ---

    def _move(self, to_us: int, inclusive: bool = False) -> list[Firing]:
        """Everything that is due before that moment, in its order."""
        clock, firings = self.memory.clock, list[Firing]()
        if to_us < clock.watermark_us or (to_us == clock.watermark_us and not inclusive):
            return firings
        end_us = to_us + inclusive
        while True:
            story_us, wake = self.memory.next_us(), self.memory.wake()
            next_us = _FAR_US if story_us is None else story_us
            if wake is not None and wake[0] <= next_us and wake[0] < end_us:
                firings += self._wake(*wake)
            elif next_us < end_us:
                firings += self._apply(self.memory.release())
            else:
                break
        self._sweep(clock.watermark_us, to_us)
        clock.watermark_us = to_us
        self.memory.clock_moved()
        return firings

    def _sweep(self, from_us: int, to_us: int) -> None:
        """Once an hour: let go of stories that are in no window any more, not even of a story that comes late."""
        if from_us // (HOUR * MICROS) != to_us // (HOUR * MICROS):
            for key in list(self.memory.windows):
                self.memory.forget(key, to_us - self.book.memory_us.get(key, 0) - _STALE_US)

    def _wake(self, at_us: int, place: EpisodeKey) -> Iterator[Firing]:
        rule_id, version, key = place
        stored = self.book.rules.get((rule_id, version))
        if stored is None:  # the rule has gone, or has a newer version
            self.memory.keep(place, Episode())
            return
        yield from self._look(stored, self.measured(key, at_us))

    def measured(self, key: str, now_us: int) -> Measured:
        return Measured(key, self.memory.window(key), now_us, self._histories)

    # --- stories ---

    def _at_once(self, story: ScoredStory) -> Iterator[Firing]:
        if story.is_copy or not self.book.at_once:
            return
        told_story = Story(story)
        for key in keys_of(story):
            for stored in self.book.at_once.get(key, ()):
                towards = told_story.by_entity.get(name_of(key)) if key.startswith("entity:") else None
                if self._matches(stored, told_story, towards, None):
                    yield self._event(stored, key, told_story, towards)

    def _apply(self, story: ScoredStory) -> Iterator[Firing]:
        """A story in its turn: into the windows of its subjects, then a look at their rules."""
        told_story, at_us = Story(story), micros(story.item.published_at)
        keys = [key for key in keys_of(story) if key in self.book.ordered]
        if story.item.revision > 1:
            keys = list(dict.fromkeys([*keys, *self._replaced(story)]))
        for key in keys:
            towards = told_story.by_entity.get(name_of(key)) if key.startswith("entity:") else None
            window = self.memory.window(key)
            last_us = window.last_until(_FAR_US)
            now_us = at_us if last_us is None else max(at_us, last_us)
            memory_us = self.book.memory_us.get(key)
            of_it = towards is not None or not key.startswith("entity:")
            if memory_us is not None:
                fresh = not story.item.withdrawn and of_it and at_us > now_us - memory_us
                if fresh and window.revision_of(story.item.story_id) < story.item.revision:
                    self.memory.put(key, seen_of(story, towards))
                self.memory.forget(key, now_us - memory_us)
            measured = self.measured(key, now_us)
            for stored in self.book.ordered.get(key, ()):
                if not stored.rule.of_story:
                    yield from self._look(stored, measured)
                elif of_it:
                    yield from self._look_at(stored, measured, told_story, towards)

    def _replaced(self, story: ScoredStory) -> list[str]:
        """Take the earlier revision out of all windows; the subjects of which it was are looked at as well."""
        held = [window.revision_of(story.item.story_id) for window in self.memory.windows.values()]
        if max(held, default=0) >= story.item.revision:
            return []  # an old revision, come late
        return self.memory.drop(story.item.story_id)

    # --- rules of stories ---

    def _matches(
        self, stored: StoredRule, story: Story, towards: EntityOpinion | None, measured: Measured | None
    ) -> bool:
        rule, novelty = stored.rule, story.story.novelty
        sources = novelty.independent_sources if novelty else 1
        if sources < rule.sources_min or (story.story.is_copy and rule.sources_min < 2):
            return False
        if rule.stories_min and (measured is None or measured.moments(rule.window_s).count < rule.stories_min):
            return False
        return any(
            all(
                story.matches(clause, towards)
                if isinstance(clause, StoryClause)
                else measured is not None and clause.holds(measured.value(clause), standing=False)
                for clause in each
            )
            for each in rule.any_of
        )

    def _event(self, stored: StoredRule, key: str, story: Story, towards: EntityOpinion | None) -> Firing:
        cluster = story.story.novelty.cluster_id if story.story.novelty else story.story.item.story_id
        firing = told(self.book, stored, key, Kind.FIRED, cluster, micros(story.story.item.published_at))
        return with_story(firing, stored.rule, story, towards)

    def _look_at(
        self, stored: StoredRule, measured: Measured, story: Story, towards: EntityOpinion | None
    ) -> Iterator[Firing]:
        """A rule that asks for a story, and for a window or some rest besides."""
        place = (stored.rule_id, stored.version, measured.key)
        episode = self.memory.episode(place)
        rested_us = episode.told_us + stored.rule.cooldown_s * MICROS if episode.told_us else 0
        if measured.now_us < rested_us or not self._matches(stored, story, towards, measured):
            return
        firing = self._event(stored, measured.key, story, towards)
        cluster = firing.evidence[0].cluster_id
        if cluster in episode.clusters:
            return
        clusters = (*episode.clusters, cluster)[-CLUSTERS_KEPT:]
        self.memory.keep(place, Episode(told_us=measured.now_us, clusters=clusters))
        traces = tuple(with_window(firing, stored.rule, measured, False).traces) if stored.rule.windows else ()
        yield msgspec.structs.replace(firing, traces=(*firing.traces, *traces))

    # --- rules of windows ---

    def _look(self, stored: StoredRule, measured: Measured) -> Iterator[Firing]:
        rule, key = stored.rule, measured.key
        place = (stored.rule_id, stored.version, key)
        episode = self.memory.episode(place)
        latest_us = max(episode.told_us, episode.holding_us, episode.over_us)
        if measured.now_us < latest_us:  # a late story, after something was decided: it counts from then on
            measured = self.measured(key, latest_us)
        found = self.found(stored, measured, episode.standing)
        after, step = stepped(episode, rule, found, measured.now_us)
        if step is Step.FIRE:
            firing = told(self.book, stored, key, Kind.FIRED, moment_token(measured.now_us), measured.now_us)
            after = msgspec.structs.replace(after, fired_id=firing.firing_id)
            yield with_window(firing, rule, measured, False)
        elif step is Step.RESOLVE:
            firing = told(self.book, stored, key, Kind.RESOLVED, episode.fired_id, measured.now_us)
            firing = msgspec.structs.replace(firing, answers=episode.fired_id)
            yield with_window(firing, rule, measured, True)
        if rule.no_data is NoData.TELL:
            after, silence = self._silence(stored, measured, after)
            yield from silence
        wake_us = self._wake_us(stored, measured, after)
        self.memory.keep(place, msgspec.structs.replace(after, wake_us=wake_us))

    def found(self, stored: StoredRule, measured: Measured, standing: bool) -> Found:
        """What the clauses come to. An alert that stands needs no further evidence to go on standing."""
        rule = stored.rule
        for each in rule.any_of:
            if all(not isinstance(c, StoryClause) and c.holds(measured.value(c), standing) for c in each) and (
                standing or all(trace.holds for trace in evidence_traces(rule, measured))
            ):
                return Found.HOLDS
        nothing = all(measured.value(clause) is None for clause in rule.windows)
        return Found.NOTHING if nothing else Found.DOES_NOT

    def _silence(self, stored: StoredRule, measured: Measured, episode: Episode) -> tuple[Episode, list[Firing]]:
        """Whether the window passed without a story since the last one."""
        last_us = self.memory.window(measured.key).last_until(measured.now_us) or episode.story_us
        if last_us and measured.now_us >= last_us + stored.rule.window_s * MICROS:
            firing = told(self.book, stored, measured.key, Kind.NO_DATA, moment_token(last_us), measured.now_us)
            return msgspec.structs.replace(episode, story_us=0), [with_window(firing, stored.rule, measured, False)]
        return msgspec.structs.replace(episode, story_us=last_us), []

    def _wake_us(self, stored: StoredRule, measured: Measured, episode: Episode) -> int:
        """When to look again though no story comes; 0: never."""
        rule, now_us = stored.rule, measured.now_us
        window = self.memory.window(measured.key)
        due: list[int] = []
        if episode.holding_us:
            due.append(due_us(episode, rule, episode.holding_us))
        if episode.over_us:
            due.append(episode.over_us + rule.for_s * MICROS)
        if episode.story_us:
            due.append(episode.story_us + rule.window_s * MICROS)
        if episode.standing or episode.holding_us:
            for clause in rule.windows:
                for length_s in (clause.window_s, 2 * clause.window_s)[: 1 + (clause.measure is Measure.CHANGE)]:
                    first_us = window.first_after(now_us - length_s * MICROS)
                    if first_us is not None:
                        due.append(first_us + length_s * MICROS)
        return min((at_us for at_us in due if at_us > now_us), default=0)


def moment_token(us: int) -> str:
    """What an occasion in time is known by."""
    return str(us)
