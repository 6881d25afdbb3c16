"""What is said when a rule fires: the words between the engine, the outbox, the inbox and the pages. Frozen, UTC."""

from __future__ import annotations

import uuid
from enum import StrEnum
from typing import Annotated, Final

import msgspec

from newstide.messages import Label, Name, Utc

_NAMESPACE: Final = uuid.UUID("5f0b5a2e-3b6f-5d6c-9a51-0c1f6f2f7a11")


class Kind(StrEnum):
    """What is told. The words are stored, shown and sent: never rename one."""

    FIRED = "fired"
    RESOLVED = "resolved"
    CORRECTED = "corrected"
    """A story that was told is no longer what it was."""
    NO_DATA = "no_data"


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """A story that counted, as it was when it counted."""

    story_id: Name
    revision: int
    title: str
    url: str = ""
    source: Name
    published_at: Utc
    score: float | None
    label: Label
    model_version: str
    cluster_id: str = ""
    copies: Annotated[int, msgspec.Meta(ge=0)] = 0


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """What one clause of the rule came to: the numbers behind the decision."""

    clause: str
    """In the rule's own text form."""
    value: float | None
    """None: there was nothing to measure, which is not zero."""
    threshold: float | None
    holds: bool
    stories: int = 0
    """Independent ones within the window; a copy is none."""


class Firing(msgspec.Struct, frozen=True, kw_only=True):
    """One thing said to the owner of a rule. Its id is the same whenever the same is said again: by a repeat after a
    crash, by a rehearsal of the same days, by another process."""

    firing_id: str
    kind: Kind
    rule_id: Name
    rule_version: Annotated[int, msgspec.Meta(ge=1)]
    rule_text: str
    owner: Name
    severity: Severity = Severity.WARNING
    subject: str
    """The entity, sector, topic, source or system part it is about; empty: the whole stream."""
    subject_name: str = ""
    at: Utc
    """Event time: of the story or tick that decided."""
    window_s: float
    traces: tuple[Trace, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    """Most telling first, bounded; `stories` and `sources` count them all."""
    stories: int = 0
    sources: int = 0
    copies: int = 0
    answers: str = ""
    """Of what is resolved or corrected: the firing that it answers."""
    note: str = ""
    """Of a correction: what changed."""


def firing_id_of(kind: Kind, rule_id: str, rule_version: int, subject: str, token: str) -> str:
    """UUID version 5 of what makes it this one and no other. `token` is whatever the occasion is known by: an episode's
    event time, a story's cluster."""
    return str(uuid.uuid5(_NAMESPACE, "\x1f".join((kind, rule_id, str(rule_version), subject, token))))
