"""Whether what a rule finds of a subject is worth saying now: the state between two looks. Pure.

quiet --holds--> pending --held for `for`, past the cooldown--> standing --over for `for`--> quiet
"""

from __future__ import annotations

from enum import Enum

import msgspec

from newstide.alerting.rules import NoData, Rule
from newstide.alerting.windows import MICROS


class Found(Enum):
    """What a look at the clauses came to."""

    HOLDS = "holds"
    DOES_NOT = "does not"
    NOTHING = "nothing"
    """There was nothing to measure."""


class Step(Enum):
    """What is to be said."""

    FIRE = "fire"
    RESOLVE = "resolve"


class Episode(msgspec.Struct, frozen=True, omit_defaults=True):
    """A rule and a subject, as they stand. Times in microseconds since 1970, 0: not."""

    holding_us: int = 0
    """Since when it holds without being said."""
    fired_us: int = 0
    """Since when the alert stands."""
    fired_id: str = ""
    over_us: int = 0
    """Since when a standing one no longer holds."""
    told_us: int = 0
    """When anything was last said."""
    story_us: int = 0
    """Of a rule that tells silence: when the last story was published; 0 once the silence after it was told."""
    clusters: tuple[str, ...] = ()
    """Of a rule of stories: those that were told last."""
    wake_us: int = 0
    """When to look again, if no story comes before."""

    @property
    def standing(self) -> bool:
        return self.fired_us > 0


QUIET = Episode()


def stepped(episode: Episode, rule: Rule, found: Found, now_us: int) -> tuple[Episode, Step | None]:
    """The episode after a look, and what to say. The caller sets `fired_id` of what is fired."""
    replace = msgspec.structs.replace
    wait_us = rule.for_s * MICROS
    if episode.standing:
        if found is Found.HOLDS or (found is Found.NOTHING and rule.no_data is NoData.KEEP):
            return replace(episode, over_us=0), None
        over_us = episode.over_us or now_us
        if now_us < over_us + wait_us:
            return replace(episode, over_us=over_us), None
        ended = replace(episode, holding_us=0, fired_us=0, fired_id="", over_us=0, told_us=now_us)
        return ended, Step.RESOLVE
    if found is not Found.HOLDS:
        return replace(episode, holding_us=0), None
    holding_us = episode.holding_us or now_us
    if now_us < due_us(episode, rule, holding_us):
        return replace(episode, holding_us=holding_us), None
    return replace(episode, holding_us=0, fired_us=now_us, over_us=0, told_us=now_us), Step.FIRE


def due_us(episode: Episode, rule: Rule, holding_us: int) -> int:
    """When an alert that holds since then may be said."""
    rested_us = episode.told_us + rule.cooldown_s * MICROS if episode.told_us else 0
    return max(holding_us + rule.for_s * MICROS, rested_us)
