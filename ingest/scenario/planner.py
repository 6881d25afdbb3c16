"""Lays the demo day out in real time: which story is due when. Pure: no clock, no file, no random source of its own."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from ingest.scenario.day import DAY_ENDS_AT, DAY_STARTS_AT, ScenarioStory
from newstide.errors import UsageError

OPENS_AT: Final = timedelta(hours=10, minutes=55)
"""Where live play begins unless told: the earnings beat is history to look at, the scandal is minutes away."""

_SLOT: Final = timedelta(minutes=15)  # far enough to change the order, near enough that "at lunch" stays true
_JITTER: Final = timedelta(seconds=20)  # about the distance between two stories in a busy quarter of an hour
_ON_THE_CLOCK: Final = timedelta(seconds=10)  # this near to a quarter it is the bell itself, which does not move


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A story with its place in real time. Hand it on at `due_at`; say that it was published at `published_at`."""

    due_at: datetime
    published_at: datetime
    story: ScenarioStory
    publisher_id: str
    """Equal for all texts of one story, different for every round and every run of the demo."""
    url: str
    revision: int
    """1 for the first text, one more for each that replaces it."""


def plan(
    stories: Sequence[ScenarioStory],
    *,
    started_at: datetime,
    opens_at: timedelta = OPENS_AT,
    pace: float,
    seed: int,
    round: int = 0,  # noqa: A002 - the word of the domain
) -> tuple[Planned, ...]:
    """One round of the day in real time, in order of `due_at`. Pure: the same arguments give the same answer.

    Round 0: what lies before `opens_at` is history. It is due at once and carries past times, at the same pace as the
    rest so that volumes compare, ending at `started_at`. The rest is due at `started_at + (at - opens_at) / pace` and
    published when due.
    Round 1 and later: the whole day again, each round where the one before ended, all of it live. The story lines
    keep their times; loose background stories change places within a quarter of an hour, by the seed and the round.
    Both time columns never decrease. Raises UsageError for a pace, round, time of opening or start that cannot be.
    """
    _refuse_nonsense(started_at=started_at, opens_at=opens_at, pace=pace, round_number=round)
    started_at = started_at.astimezone(UTC)
    history = timedelta() if round else opens_at - DAY_STARTS_AT
    rounds_before = ((DAY_ENDS_AT - opens_at) + (round - 1) * (DAY_ENDS_AT - DAY_STARTS_AT)) if round else timedelta()
    begins_at = started_at + rounds_before / pace
    live_from = DAY_STARTS_AT + history

    places = _shuffled(stories, f"{seed}/{round}") if round else [(story.at, story) for story in stories]
    mark = f"{started_at:%Y%m%dT%H%M%S%f}.{round}"
    revisions: Counter[str] = Counter()
    planned = []
    for at, story in places:
        due_at = begins_at + max(at - live_from, timedelta()) / pace
        published_at = due_at if at >= live_from else started_at - (live_from - at) / pace
        revisions[story.root_id] += 1
        planned.append(
            Planned(
                due_at=due_at,
                published_at=published_at,
                story=story,
                publisher_id=f"{story.root_id}@{mark}",
                url=f"{story.url}/{mark}",
                revision=revisions[story.root_id],
            )
        )
    return tuple(planned)


def _refuse_nonsense(*, started_at: datetime, opens_at: timedelta, pace: float, round_number: int) -> None:
    if started_at.tzinfo is None:
        raise UsageError("the start of the demo has no time zone", fix="pass an aware time, such as datetime.now(UTC)")
    if not 0.001 <= pace <= 1e6:
        raise UsageError(
            f"a pace of {pace} cannot be played", fix="choose one from 0.001 to 1000000, such as 60 (an hour a minute)"
        )
    if not DAY_STARTS_AT <= opens_at < DAY_ENDS_AT:
        raise UsageError(f"the demo day is 07:30 to 18:30 and cannot open at {opens_at}", fix="choose a time within it")
    if round_number < 0:
        raise UsageError(f"there is no round {round_number}", fix="count rounds from 0")


def _shuffled(stories: Sequence[ScenarioStory], salt: str) -> list[tuple[timedelta, ScenarioStory]]:
    """The stories with their times, the loose ones exchanged within their quarter of an hour; in time order."""
    linked = {name for story in stories for name in (story.copy_of, story.revises) if name}
    company_share = Counter((story.at // _SLOT, symbol) for story in stories for symbol in set(story.symbols))
    places: list[tuple[timedelta, ScenarioStory]] = []
    loose: dict[int, list[ScenarioStory]] = {}
    for story in stories:
        slot = story.at // _SLOT
        tied = bool(story.copy_of or story.revises) or story.id in linked or story.arc not in {"quiet", "background"}
        # Two stories of one company tell one story: the result comes before its downgrade.
        tied = tied or any(company_share[slot, symbol] > 1 for symbol in story.symbols)
        if tied or story.at % _SLOT <= _ON_THE_CLOCK:
            places.append((story.at, story))
        else:
            loose.setdefault(slot, []).append(story)
    for slot, group in loose.items():
        first, last = slot * _SLOT, min((slot + 1) * _SLOT, DAY_ENDS_AT) - timedelta(seconds=1)
        order = sorted(group, key=lambda story: _draw(salt, "order", story.id))
        for here, story in zip(group, order, strict=True):
            shift = _JITTER * (2 * _draw(salt, "shift", story.id) - 1)
            places.append((min(max(here.at + shift, first), last), story))
    return sorted(places, key=lambda place: place[0])


def _draw(*words: str) -> float:
    """A number in [0, 1) that the words alone decide, on every machine and Python."""
    return int.from_bytes(hashlib.sha256("/".join(words).encode()).digest()[:7]) / 2**56
