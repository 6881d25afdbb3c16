"""What a program must be able to do to have its records carried by the loop."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeVar, runtime_checkable

from newstide.bus.port import Record
from newstide.messages import Reason, Tally
from newstide.store.database import Transaction

W = TypeVar("W")
"""What a program makes of records: whatever its own `write` takes."""


Behind = Callable[[], Collection[int]]
"""Asks the bus, at the moment of the call, of which of our partitions more is to be read."""


@runtime_checkable
class Timed(Protocol):
    """What a handler has besides when time passes for it though nothing comes."""

    def reading(self, behind: Behind) -> None:
        """Before `prepare`, the records in hand counted as read. Raises Retryable, or StandDown: that ends the loop."""
        ...

    def idle(self, behind: Behind) -> None:
        """Nothing came. About once a second; may be repeated. Raises as `reading` does."""
        ...


class Handler(Protocol[W]):
    """What a program does with records. `prepare` and `announce` may be repeated; `write` is inside the transaction."""

    def prepare(self, records: Sequence[Record]) -> W:
        """Decode, decide, score. Never raises on content."""
        ...

    def give_up(self, record: Record, reason: Reason, detail: str) -> W:
        """The same for a record that must not be looked at any more: a dead letter."""
        ...

    def announce(self, work: W) -> None:
        """Publish what follows from it, acknowledged on return. Raises BusUnavailable."""
        ...

    def write(self, transaction: Transaction, work: W, now: datetime) -> Mapping[int, Tally]:
        """Store the results; says of each partition what became of its stories."""
        ...
