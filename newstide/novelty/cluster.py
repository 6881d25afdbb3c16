"""Which stories tell the same, and what that makes of a new one. Pure: what is known comes in, what follows goes out.

Single pass, as in topic detection (Allan, Papka, Lavrenko, "On-line new event detection and tracking", 1998): a
story joins the oldest cluster that holds a similar one and none that contradicts it, or begins its own. Clusters
never merge and nothing is judged again, so that what was said at a time stays said.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from newstide.messages import Novelty
from newstide.novelty.guard import broken_by, facts_of
from newstide.novelty.notices import in_other_words, one_subject
from newstide.novelty.signature import Bands, holds, similarity
from newstide.novelty.text import canonical

SIMILARITY_MIN: Final = 0.4
"""Of the shingles; docs/novelty.md has precision and recall at this and other values."""
TAPE_SIMILARITY_MIN: Final = 0.55
"""Where one is of the Chinese tape, whose items of two hours or two countries have that much in common."""
JOIN_WITHIN: Final = timedelta(days=2)
"""Between the publications of a story and of its nearest like. The same words a week later are news of another week."""
LOOK_BACK: Final = timedelta(days=30)
"""How far `days_since_similar` sees, and how long what was seen is kept: a month knows what comes weekly or monthly."""
WINDOWS: Final = {
    "similar_12h": timedelta(hours=12),
    "similar_24h": timedelta(hours=24),
    "similar_3d": timedelta(days=3),
    "similar_5d": timedelta(days=5),
    "similar_7d": timedelta(days=7),
}
COMPARED_MAX: Final = 200
"""Candidates that one story is compared with, the latest first: at some 5 us each a flood of one template costs 1
ms a story."""


@dataclass(frozen=True, slots=True)
class Telling:
    """One revision of a story, as it is compared. `text` is undressed, its case kept."""

    story_id: str
    revision: int
    text: str
    bands: Bands
    source: str
    published_at: datetime
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Member:
    """A story in its cluster, by its latest revision."""

    telling: Telling
    cluster_id: str


@dataclass(frozen=True, slots=True)
class Held:
    """A revision that is stored, and what was said of it; None where novelty was not looked for."""

    revision: int
    content_hash: str
    novelty: Novelty | None


def parted_by(one: str, other: str) -> str | None:
    """Why two undressed headlines are two stories: a word for people; None when they tell the same.

    The cheaper question comes first: most candidates differ in a figure, but notices of one company in what they tell.
    """
    a, b = facts_of(one), facts_of(other)
    plain, second = canonical(one), canonical(other)
    if a.notice and b.notice and one_subject(a.notice, b.notice):
        alike = in_other_words(a.notice, b.notice) or similarity(plain, second) >= SIMILARITY_MIN
        return broken_by(one, other) if alike else "similarity"
    broken = broken_by(one, other)
    if broken:
        return broken
    if a.tape or b.tape:
        alike = similarity(plain, second) >= TAPE_SIMILARITY_MIN
    else:
        alike = similarity(plain, second) >= SIMILARITY_MIN or holds(plain, second)
    return None if alike else "similarity"


class Neighbourhood:
    """The members that a batch may meet; each story that is judged becomes one of them."""

    def __init__(self, known: Iterable[Member] = ()) -> None:
        self._members: dict[str, Member] = {}
        self._by_band: defaultdict[int, list[str]] = defaultdict(list)
        self._clusters: defaultdict[str, list[str]] = defaultdict(list)
        for member in known:
            self._add(member)

    def judge(self, telling: Telling, own_cluster: str | None = None) -> tuple[Novelty, Member]:
        """What is known of a story as it comes, and the member that it becomes.

        `own_cluster` is that of an earlier revision: an edit stays where its story is, and is no copy of it.
        """
        similar = [] if telling.withdrawn else self._similar(telling)
        clusters = self._joinable(telling, similar)
        joined = own_cluster or (clusters[0] if clusters else telling.story_id)
        cluster = self._stories_of({joined, *clusters}, telling.story_id)
        counted = {m.telling.story_id: m.telling for m in [*cluster, *similar]}.values()
        member = Member(telling, joined)
        self._add(member)
        return _novelty(telling, joined, [m.telling for m in cluster], counted), member

    def _add(self, member: Member) -> None:
        story_id = member.telling.story_id
        if story_id not in self._members:
            self._clusters[member.cluster_id].append(story_id)
        self._members[story_id] = member
        if not member.telling.withdrawn:
            for key in member.telling.bands:
                self._by_band[key].append(story_id)

    def _similar(self, telling: Telling) -> list[Member]:
        """The members that tell the same, latest first."""
        ids = {story_id for key in telling.bands for story_id in self._by_band.get(key, ())}
        ids.discard(telling.story_id)
        near = [m for m in map(self._members.__getitem__, ids) if self._near(telling, m.telling, LOOK_BACK)]
        near.sort(key=lambda m: (m.telling.published_at, m.telling.story_id), reverse=True)
        return [m for m in near[:COMPARED_MAX] if parted_by(telling.text, m.telling.text) is None]

    @staticmethod
    def _near(one: Telling, other: Telling, within: timedelta) -> bool:
        return not other.withdrawn and abs(one.published_at - other.published_at) <= within

    def _joinable(self, telling: Telling, similar: Sequence[Member]) -> list[str]:
        """The clusters that a story may join, the oldest first: no story in them may contradict it.

        Without that, a headline with no figure in it would bring two figures together.
        """
        found = {m.cluster_id for m in similar if self._near(telling, m.telling, JOIN_WITHIN)}
        good = []
        for cluster_id in found:
            stories = [m.telling for m in self._stories_of({cluster_id}, telling.story_id)]
            if not any(broken_by(telling.text, text) for text in {story.text for story in stories}):
                good.append((min(story.published_at for story in stories), cluster_id))
        return [cluster_id for _, cluster_id in sorted(good)]

    def _stories_of(self, clusters: set[str], but: str) -> list[Member]:
        members = [self._members[story_id] for c in clusters for story_id in self._clusters.get(c, ())]
        return [m for m in members if m.telling.story_id != but and not m.telling.withdrawn]


def _novelty(telling: Telling, cluster_id: str, cluster: Sequence[Telling], similar: Iterable[Telling]) -> Novelty:
    ages = [telling.published_at - other.published_at for other in similar]
    past = [max(age, timedelta()) for age in ages]
    told = sorted(cluster, key=lambda t: (t.published_at, t.story_id))
    return Novelty(
        cluster_id=cluster_id,
        copies=len(cluster),
        independent_sources=_independent([*told, telling]),
        first_seen_at=min([telling.published_at, *(t.published_at for t in cluster)]),
        days_since_similar=min(past) / timedelta(days=1) if past else None,
        **({name: sum(age < window for age in past) for name, window in WINDOWS.items()} if past else {}),
    )


def _independent(told: Iterable[Telling]) -> int:
    """Sources that brought a wording which nobody had before them."""
    texts, sources = set[str](), set[str]()
    for telling in told:
        plain = canonical(telling.text)
        if plain not in texts:
            texts.add(plain)
            sources.add(telling.source)
    return len(sources)
