"""Firings for the tests of those who tell people about them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from newstide.alerting.firing import Evidence, Firing, Kind, Trace, firing_id_of

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def evidence(story_id: str = "story-1", **more: Any) -> Evidence:
    given: dict[str, Any] = {
        "story_id": story_id,
        "revision": 1,
        "title": "Acme recalls its flagship",
        "url": "https://example.com/acme",
        "source": "wire",
        "published_at": NOON,
        "score": -0.82,
        "label": "negative",
        "model_version": "m-1",
    }
    return Evidence(**given | more)


def firing(kind: Kind = Kind.FIRED, *, number: int = 1, **more: Any) -> Firing:
    """Firing `number` of rule r1 about acme; what answers, answers the alert of the same number."""
    rule, subject = more.get("rule_id", "r1"), more.get("subject", "acme")
    answers = "" if kind in (Kind.FIRED, Kind.NO_DATA) else firing_id_of(Kind.FIRED, rule, 1, subject, str(number))
    given: dict[str, Any] = {
        "firing_id": firing_id_of(kind, rule, 1, subject, str(number)),
        "kind": kind,
        "rule_id": rule,
        "rule_version": 1,
        "rule_text": "acme: score < -0.5 over 1h, at least 2 stories",
        "owner": "ann",
        "subject": subject,
        "subject_name": "Acme Inc",
        "at": NOON + timedelta(minutes=number),
        "window_s": 3_600.0,
        "traces": (Trace(clause="score < -0.5 over 1h", value=-0.71, threshold=-0.5, holds=True, stories=2),),
        "evidence": (evidence(), evidence("story-2", title="Acme shares fall", source="times")),
        "stories": 2,
        "sources": 2,
        "copies": 30,
        "answers": answers,
    }
    return Firing(**given | more)
