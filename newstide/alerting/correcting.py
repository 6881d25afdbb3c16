"""What was told and no longer holds: a story that was evidence is revised, withdrawn or labelled otherwise. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

import msgspec

from newstide.alerting.firing import Evidence, Firing, Kind, firing_id_of
from newstide.messages import Label, ScoredStory

SCORE_MOVED: Final = 0.25
"""An edit that moves the score by less, under the same headline and label, changes nothing that was told."""


def corrections(story: ScoredStory, told: Iterable[Firing]) -> list[Firing]:
    """What to say to those who were told on the evidence of earlier revisions of this story."""
    found = []
    for firing in told:
        before = next((each for each in firing.evidence if each.story_id == story.item.story_id), None)
        if before is None or before.revision >= story.item.revision:
            continue
        note = _changed(before, story)
        if note:
            now_is = msgspec.structs.replace(
                before,
                revision=story.item.revision,
                title=story.item.title or before.title,
                score=story.score,
                label=story.label,
                model_version=story.model_version,
            )
            found.append(_correction(firing, now_is, note, f"r{story.item.revision}", story.item.received_at))
    return found


def relabelled(story_id: str, label: Label, told: Iterable[Firing], at: datetime) -> list[Firing]:
    """The same when a person says that a story is labelled wrongly."""
    found = []
    for firing in told:
        before = next((each for each in firing.evidence if each.story_id == story_id), None)
        if before is not None and before.label != label:
            note = f"relabelled:{before.label}:{label}"
            corrected = msgspec.structs.replace(before, label=label)
            found.append(_correction(firing, corrected, note, f"r{before.revision}:{label}", at))
    return found


def _changed(before: Evidence, story: ScoredStory) -> str:
    """A note as `wording.note_words` reads it; empty when nothing changed that was told."""
    if story.item.withdrawn:
        return "withdrawn"
    if story.label != before.label:
        return f"label:{before.label}:{story.label}"
    if story.item.title != before.title:
        return "headline"
    if (story.score is None) != (before.score is None):
        return "read_otherwise"
    if story.score is not None and before.score is not None and abs(story.score - before.score) >= SCORE_MOVED:
        return f"score:{before.score:+.2f}:{story.score:+.2f}"
    return ""


def _correction(firing: Firing, story: Evidence, note: str, token: str, at: datetime) -> Firing:
    """The same rule and subject, about that story alone; its numbers stay those of the alert that it answers."""
    token = f"{firing.firing_id}:{story.story_id}:{token}"
    return msgspec.structs.replace(
        firing,
        firing_id=firing_id_of(Kind.CORRECTED, firing.rule_id, firing.rule_version, firing.subject, token),
        kind=Kind.CORRECTED,
        at=at,
        evidence=(story,),
        answers=firing.firing_id,
        note=note,
    )
