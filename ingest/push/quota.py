"""How many messages a sender may send. Pure; time comes in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

BURST_S: Final = 2.0
"""A sender that was silent may send what it could have sent in this time at once."""


@dataclass(slots=True)
class Quota:
    """A bucket that fills at `per_second` and holds BURST_S of it, one message at least."""

    per_second: float
    _left: float | None = None
    _at_s: float = 0.0

    def take(self, now_s: float) -> float:
        """Take one, or say how many seconds later there will be one; 0 when taken."""
        full = max(1.0, BURST_S * self.per_second)
        left = full if self._left is None else min(full, self._left + (now_s - self._at_s) * self.per_second)
        self._at_s = now_s
        taken = left >= 1.0
        self._left = left - 1.0 if taken else left
        return 0.0 if taken else (1.0 - left) / self.per_second
