"""Which files of a watched folder are whole. Pure; what was seen and the time come in.

Nobody tells us when a file is written to its end. A writer that can writes under a name that begins with a dot, or ends
in none of ours, and renames it. For all others a file is whole when its size and its time of change stay the same for
SETTLE_S.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

SETTLE_S: Final = 5.0
"""Writers pause; a copy over a network rarely for so long."""


@dataclass(frozen=True, slots=True)
class Look:
    """A file as it stood at one look."""

    name: str
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Sighting:
    """A file that has stood like this since `since_s`."""

    look: Look
    since_s: float


def settle(
    before: Mapping[str, Sighting], looks: Iterable[Look], now_s: float
) -> tuple[dict[str, Sighting], list[Look]]:
    """What is seen now, and those files that have not changed for SETTLE_S, in the order of their names."""
    seen = {look.name: Sighting(look, now_s) for look in looks}
    seen |= {name: before[name] for name, now in seen.items() if name in before and before[name].look == now.look}
    whole = [one.look for one in seen.values() if now_s - one.since_s >= SETTLE_S]
    return seen, sorted(whole, key=lambda look: look.name)
