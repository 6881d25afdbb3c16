"""What the polling loop decides: what an answer means, and where a source then stands. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

import msgspec

from ingest.entry import Entry, Parsed
from ingest.fetch import Fetched, NotModified
from ingest.normalise import Origin, normalise
from ingest.novelty import Judged
from ingest.schedule import Wishes, next_due_at, rhythm_after
from newstide.messages import NewsItem, Reject
from newstide.sources import Source, SourceState

ERROR_CHARS_MAX: Final = 500
"""Of an error that is kept and shown; it may hold a stranger's text."""


@dataclass(frozen=True, slots=True)
class Polled:
    """What came of asking a source once."""

    source: Source
    at: datetime
    answer: Fetched | NotModified | None = None
    parsed: Parsed = Parsed(())
    error: str = ""
    retry_after_s: float | None = None
    bodies: Mapping[str, str] = field(default_factory=dict)
    """By story id, what the pages of headlines say; see `ingest.articles`."""

    @property
    def outcome(self) -> str:
        if self.error:
            return "failed"
        return "not_modified" if isinstance(self.answer, NotModified) else "fetched"


def normalised(polled: Polled) -> tuple[list[NewsItem], list[Reject]]:
    """The stories of an answer and what is none. A reject's position is a hash of its bytes: it is kept once."""
    source = polled.source
    origin = Origin(source=source.name, place=f"{source.kind} {source.name}", received_at=polled.at)
    items: list[NewsItem] = []
    rejects: list[Reject] = []
    for entry in told_apart(polled.parsed.entries):
        claimed = entry if entry.language else msgspec.structs.replace(entry, language=source.language)
        outcome = normalise(claimed, origin, 0)
        if isinstance(outcome, NewsItem):
            items.append(outcome)
            continue
        raw = json.dumps(msgspec.to_builtins(entry)).encode("ascii")  # carries lone surrogates, as they came
        position = int.from_bytes(hashlib.sha256(raw).digest()[:7])
        rejects.append(msgspec.structs.replace(outcome, position=position, raw=raw))
    return items, rejects


def told_apart(entries: Sequence[Entry]) -> list[Entry]:
    """Entries that share an id in one list are no edits of one another, or each poll would number them anew.

    With links of their own the id names nothing, and their links do. With one link they are one story: the first
    counts, for it stands where the new ones do, and those behind it say the same.
    """
    links: dict[str, set[str]] = {}
    for entry in entries:
        if entry.id and not entry.withdrawn:
            links.setdefault(entry.id, set()).add(entry.url)
    first: dict[str, Entry] = {}
    told = []
    for entry in entries:
        if entry.withdrawn or not entry.id:
            told.append(entry)
        elif len(links[entry.id]) > 1 and entry.url:
            told.append(msgspec.structs.replace(entry, id=""))
        else:
            told.append(first.setdefault(entry.id, entry))
    return told


def next_state(state: SourceState, polled: Polled, judged: Judged, rejected: int) -> SourceState:
    """Where the source stands after the poll. The cursor moves only past a document that was read whole."""
    answer, new = polled.answer, len(judged.publish)
    failures = state.failures + 1 if polled.error else 0
    counted = state.counted(published=new, unchanged=judged.unchanged, rejected=rejected)
    rhythm_s = rhythm_after(state.rhythm_s, state.last_new_at, new, polled.at)
    due_at = next_due_at(
        every_s=polled.source.every_s,
        failures=failures,
        wishes=Wishes(polled.retry_after_s, polled.parsed.ttl_s, None if answer is None else answer.max_age_s),
        rhythm_s=rhythm_s,
        draw=draw_of(polled.source.name, polled.at),
        now=polled.at,
    )
    moved = replace(
        counted,
        failures=failures,
        last_error=polled.error,
        polled_at=polled.at,
        next_due_at=due_at,
        rhythm_s=rhythm_s,
        last_new_at=polled.at if new else state.last_new_at,
    )
    if polled.error:
        return moved
    moved = replace(moved, last_success_at=polled.at)
    if not isinstance(answer, Fetched):
        return moved
    problems = "; ".join(f"{problem.kind}: {problem.detail}" for problem in polled.parsed.problems)
    moved = replace(moved, last_error=printable(problems))
    if not polled.parsed.complete:
        return replace(moved, etag="", last_modified="")
    return replace(moved, etag=answer.etag, last_modified=answer.last_modified)


def draw_of(name: str, at: datetime) -> float:
    """A number in [0, 1) for the jitter: the same for the same source and moment."""
    return int.from_bytes(hashlib.sha256(f"{name} {at.timestamp()}".encode()).digest()[:7]) / 2**56


def printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text[:ERROR_CHARS_MAX])
