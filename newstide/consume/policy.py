"""What the loop decides, without a clock, a bus or a store. Pure."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from newstide.bus.port import Record
from newstide.messages import Tally

RECORDS_A_POLL_MAX: Final = 512
SUSPECTED_RECORDS: Final = RECORDS_A_POLL_MAX
"""After repeated deaths this many records are taken singly: no batch was ever longer."""
ISOLATE_AFTER: Final = 2
"""Deaths at one offset after which records are taken one at a time; one alone is mostly a deployment."""
CONDEMN_AFTER: Final = 3
"""Deaths after which the record at the offset is set aside undecoded."""
REJECT_WINDOW: Final = 1_000
"""Stories over which the share of rejects is judged."""


def fingerprint(record: Record) -> str:
    """Tells one record from another that came to stand at the same offset."""
    digest = hashlib.sha256(record.timestamp_ms.to_bytes(8, "big", signed=True))
    for part in (record.key, record.value):
        digest.update(b"\x00" if part is None else b"\x01" + len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()[:32]


def lines_of(record: Record) -> int:
    """How many stories a record holds, at most: its lines, counted without decoding."""
    return max(1, record.value.count(b"\n") + 1) if record.value else 1


def take(records: Sequence[Record], stories_max: int) -> tuple[list[Record], dict[int, int]]:
    """The records of one turn, and where to read on in each partition whose records did not all fit.

    At least one record is taken, so that a large one cannot stop the partition.
    """
    taken: list[Record] = []
    left: dict[int, int] = {}
    stories = 0
    for record in records:
        lines = lines_of(record)
        if record.partition not in left and (not taken or stories + lines <= stories_max):
            taken.append(record)
            stories += lines
        else:
            left.setdefault(record.partition, record.offset)
    return taken, left


def records_to_ask(stories_max: int, recent: Sequence[Record]) -> int:
    """How many records to poll for, judged by how many stories the last ones held."""
    lines = sum(map(lines_of, recent)) / len(recent) if recent else 1.0
    return max(1, min(RECORDS_A_POLL_MAX, int(stories_max / lines)))


@dataclass(slots=True)
class Suspicion:
    """Which partitions have a record that may kill the process, and for how many records more that is assumed."""

    left: dict[int, int] = field(default_factory=dict)
    condemned: set[int] = field(default_factory=set)
    """Partitions whose next record has killed too often: it is set aside without being looked at."""

    def assigned(self, attempts: Mapping[int, int]) -> None:
        self.left = {p: SUSPECTED_RECORDS for p, deaths in attempts.items() if deaths >= ISOLATE_AFTER}
        self.condemned = {p for p, deaths in attempts.items() if deaths >= CONDEMN_AFTER}

    def split(self, records: Sequence[Record]) -> list[list[Record]]:
        """Into turns: the records of suspected partitions each alone, all others together."""
        together = [record for record in records if record.partition not in self.left]
        alone = [[record] for record in records if record.partition in self.left]
        return alone + ([together] if together else [])

    def survived(self, record: Record) -> None:
        self.condemned.discard(record.partition)
        left = self.left.get(record.partition, 0) - 1
        if left > 0:
            self.left[record.partition] = left
        else:
            self.left.pop(record.partition, None)


@dataclass(slots=True)
class RejectBudget:
    """A consumer that sends nearly all to the dead letters is itself the outage: past a limit it must stop."""

    ratio_max: float
    run_max: int
    _recent: deque[tuple[int, int]] = field(default_factory=deque)
    _run: int = 0

    def spent(self, tally: Tally) -> str | None:
        """Count a turn; returns what limit is broken, or None."""
        if tally.received == 0:
            return None
        self._run = self._run + tally.dead if tally.dead == tally.received else 0
        self._recent.append((tally.received, tally.dead))
        while sum(received for received, _ in self._recent) - self._recent[0][0] >= REJECT_WINDOW:
            self._recent.popleft()
        received, dead = (sum(column) for column in zip(*self._recent, strict=True))
        if self._run >= self.run_max:
            return f"{self._run} stories in a row were rejected; the limit is {self.run_max}"
        if received >= REJECT_WINDOW and dead / received > self.ratio_max:
            return f"{dead / received:.0%} of the last {received:,} stories were rejected (limit {self.ratio_max:.0%})"
        return None
