"""The leases that a worker holds, renewed by a thread of their own for as long as the process lives and turns."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from newstide.errors import NewstideError, Retryable
from newstide.service import Service
from newstide.store import leases
from newstide.store.database import Database
from newstide.store.leases import Claiming, Leased

RENEWALS_A_LEASE: Final = 3
"""Two renewals may fail before a lease ends."""
GIVEN_BACK_WITHIN_S: Final = 2.0
"""At the end: a renewal that hangs in a database that is away must not hold up the drain."""


@dataclass(slots=True)
class Holding:
    """A frozen process renews nothing and so loses its sources; one that waits for the bus keeps them."""

    database: Database
    service: Service
    lease_s: float
    _held: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _done: threading.Event = field(default_factory=threading.Event)

    def claim(self, claiming: Claiming) -> list[Leased]:
        taken = leases.claim(self.database, claiming, self.service.clock.now())
        with self._lock:
            self._held |= {each.source.name: each.epoch for each in taken}
        return taken

    def confirm(self, leased: Leased) -> bool:
        """Whether the lease is still ours, and if so then for its whole length from now."""
        return bool(self._renew({leased.source.name: leased.epoch}))

    def forget(self, names: Sequence[str]) -> None:
        """They are settled, or lost."""
        with self._lock:
            for name in names:
                self._held.pop(name, None)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Renews until the end, and gives back what is held then."""
        thread = threading.Thread(target=self._renew_until_done, name="leases", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._done.set()
            thread.join(GIVEN_BACK_WITHIN_S)
            with suppress(NewstideError):  # else they end by themselves
                leases.release(self.database, self._held)

    def _renew_until_done(self) -> None:
        while not self._done.wait(self.lease_s / RENEWALS_A_LEASE):
            with self._lock:
                held = dict(self._held)
            if not held or not self.service.alive():
                continue
            with suppress(Retryable):  # the store is away, so nobody else can take them either
                self._renew(held)

    def _renew(self, held: Mapping[str, int]) -> set[str]:
        now = self.service.clock.now()
        return leases.renew(self.database, held, now, now + timedelta(seconds=self.lease_s))
