"""What a source said, before it is judged: text as it came, nothing cleaned, nothing believed."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

import msgspec

ProblemKind = Literal[
    "not_a_feed",
    "empty",
    "doctype",
    "too_deep",
    "malformed",
    "truncated",
    "repaired",
    "encoding_guessed",
    "time_limit",
    "crashed",
]

CURSOR_STAYS: Final[frozenset[ProblemKind]] = frozenset(
    {"not_a_feed", "empty", "doctype", "too_deep", "malformed", "time_limit", "crashed"}
)
"""After one of these the document is asked for again in full: a part of it may be missing."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One item of a feed or one row of a file."""

    id: str = ""
    url: str = ""
    title: str = ""
    body: str = ""
    published: str = ""
    """The date as written."""
    published_at: datetime | None = None
    """The date where it was no text, or where the feed parser understood what we do not. Aware."""
    language: str = ""
    symbols: tuple[str, ...] = ()
    withdrawn: bool = False
    """The source says that it takes the story back. Then there may be no text."""


class Problem(msgspec.Struct, frozen=True):
    """Something wrong with a document as a whole."""

    kind: ProblemKind
    detail: str


class Parsed(msgspec.Struct, frozen=True):
    """All that could be read of a document, and what stood in the way."""

    entries: tuple[Entry, ...]
    problems: tuple[Problem, ...] = ()
    ttl_s: float | None = None
    """How often the document itself says that it changes."""

    @property
    def failed(self) -> bool:
        """Nothing was read, and not because there was nothing."""
        return not self.entries and bool(self.problems)

    @property
    def complete(self) -> bool:
        """Whether the source may be asked next time only for what is newer."""
        return not any(problem.kind in CURSOR_STAYS for problem in self.problems)
