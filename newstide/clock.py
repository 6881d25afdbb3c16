"""Time as an argument: loops hold a `Clock`, decisions get `now`."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """The wall clock, aware, UTC. For stamps."""
        ...

    def monotonic(self) -> float:
        """Seconds that never jump. For waits and deadlines."""
        ...

    def sleep(self, seconds: float, wake: threading.Event | None = None) -> None:
        """Wait; return early when `wake` is set."""
        ...


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float, wake: threading.Event | None = None) -> None:
        if wake is None:
            time.sleep(seconds)
        else:
            wake.wait(seconds)


class FakeClock:
    """Stands still until somebody sleeps or moves it."""

    def __init__(self, start: datetime = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)) -> None:
        self._start, self._elapsed_s = start, 0.0

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._elapsed_s)

    def monotonic(self) -> float:
        return self._elapsed_s

    def sleep(self, seconds: float, wake: threading.Event | None = None) -> None:
        if wake is None or not wake.is_set():
            self._elapsed_s += seconds

    def advance(self, seconds: float) -> None:
        self._elapsed_s += seconds
