"""The desk: requests hand in what they carry, one thread publishes all that is waiting and answers all of it.

Bus and database are asked once a turn and not once a request: that is what lets 500 requests/s fit on a part of a core.
While one of them is away the desk refuses at once, and tries again with the first message after a while.
"""

from __future__ import annotations

import asyncio
import math
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from ingest.publish import Publisher
from ingest.push.settle import Outcome, Taken, settle
from newstide.errors import NewstideError, Retryable, StoreRefused
from newstide.service import Service
from newstide.store import push
from newstide.store.database import Database

TURN_EVERY_S: Final = 0.02
"""Between the starts of two turns: ten of 500 messages/s share one."""
REST_S: Final = 0.005
"""Between the end of a turn and the next, however long it took: SQLite's other writers look every few milliseconds."""
TURN_BYTES_MAX: Final = 4 << 20
"""Of bodies in a turn: what the producer sends before it waits for an acknowledgement."""
WAITING_MAX: Final = 1_000
"""Messages at the desk; two seconds of the pace that we promise."""
STUCK_S: Final = 3.0
"""A turn that takes longer than this does not get more to do."""
AWAY_S: Final = (1.0, 10.0)
"""How long we refuse after a failure, at first and at most."""
IDLE_S: Final = 0.5
"""The thread shows that it lives at least so often."""
FORGET_EVERY_S: Final = 10.0

_AWAY: Final = "the bus or the database is away"


@dataclass(frozen=True, slots=True)
class _Waiting:
    taken: Taken
    answer: asyncio.Future[Outcome]


@dataclass(slots=True)
class Desk:
    """Handed messages by the event loop, in which their answers arrive; works in the thread of `run`."""

    database: Database
    publisher: Publisher
    """With a patience of 0: what is away is told to the senders, not waited for."""
    service: Service
    loop: asyncio.AbstractEventLoop
    turned_s: float = 0.0
    """When the thread last showed that it lives."""
    failed: BaseException | None = None
    """What no sender can mend: the program ends with it."""
    _waiting: deque[_Waiting] = field(default_factory=deque)
    _wake: threading.Condition = field(default_factory=threading.Condition)
    _closed: bool = False
    _turn_began_s: float | None = None
    _away_until_s: float = 0.0
    _away_s: float = 0.0
    _forgot_s: float = 0.0

    def refusal(self) -> Outcome | None:
        """Why nothing can be taken now."""
        now_s = self.service.clock.monotonic()
        if self.service.stop.is_set() or self._closed:
            return Outcome(503, error="the receiver is stopping", retry_after_s=5)
        if now_s < self._away_until_s:
            return Outcome(503, error=_AWAY, retry_after_s=max(1, math.ceil(self._away_until_s - now_s)))
        if self._turn_began_s is not None and now_s - self._turn_began_s > STUCK_S:
            return Outcome(503, error=_AWAY, retry_after_s=math.ceil(AWAY_S[1]))
        if len(self._waiting) >= WAITING_MAX:
            return Outcome(503, error="too many messages are waiting", retry_after_s=2)
        return None

    def hand_in(self, taken: Taken) -> asyncio.Future[Outcome]:
        """Ask `refusal` first."""
        answer = self.loop.create_future()
        with self._wake:
            self._waiting.append(_Waiting(taken, answer))
            self._wake.notify()
        return answer

    def close(self) -> None:
        """What was handed in is still done; then the thread ends."""
        with self._wake:
            self._closed = True
            self._wake.notify()

    def run(self) -> None:
        try:
            while (some := self._next()) is not None:
                if some:
                    self._turn(some)
                self._tidy()
        except BaseException as error:  # the thread's end must be the program's, whatever it was
            self.failed = error
            self.service.ask_to_stop()

    def _next(self) -> list[_Waiting] | None:
        """The messages of the next turn; none after IDLE_S without one; None when closed and all is done."""
        clock, began_s = self.service.clock, self._turn_began_s
        self.turned_s = clock.monotonic()
        if began_s is not None:
            self._turn_began_s = None
            self.service.wait(max(REST_S, began_s + TURN_EVERY_S - self.turned_s))
        with self._wake:
            if not self._waiting and not self._closed:
                self._wake.wait(IDLE_S)
            if not self._waiting:
                return None if self._closed else []
            some: list[_Waiting] = []
            size = 0
            while self._waiting and size < TURN_BYTES_MAX:
                some.append(self._waiting.popleft())
                size += len(some[-1].taken.message.body)
            self._turn_began_s = clock.monotonic()
            return some

    def _turn(self, some: list[_Waiting]) -> None:
        outcomes = [Outcome(503, error=_AWAY, retry_after_s=math.ceil(AWAY_S[1]))] * len(some)
        try:
            outcomes = self._settle([one.taken for one in some])
            self._away_s = 0.0
        except Retryable as error:
            self._refuse_for_a_while(error)
        finally:
            pairs = [(one.answer, outcome) for one, outcome in zip(some, outcomes, strict=True)]
            self.loop.call_soon_threadsafe(_answer, pairs)

    def _settle(self, some: Sequence[Taken]) -> list[Outcome]:
        """All at once; each alone when the database refuses what one of them holds."""
        try:
            return settle(some, self.database, self.publisher, self.service.clock.now())
        except StoreRefused as error:
            if len(some) > 1:
                return [outcome for one in some for outcome in self._settle([one])]
            self.service.log.warning("push_refused", source=some[0].message.source, why=error.why or error.what)
            return [Outcome(422, error="the database refuses what this message holds")]

    def _refuse_for_a_while(self, error: Retryable) -> None:
        least, most = AWAY_S
        self._away_s = min(most, max(least, 2 * self._away_s))
        self._away_until_s = self.service.clock.monotonic() + self._away_s
        self.service.ready.clear()
        self.service.log.warning("push_refusing", why=error.why or error.what, for_s=self._away_s)

    def _tidy(self) -> None:
        now_s = self.service.clock.monotonic()
        if now_s >= self._away_until_s:
            self.service.ready.set()  # to be found out by the next message: there may be none while we are not ready
        if now_s - self._forgot_s < FORGET_EVERY_S:
            return
        self._forgot_s = now_s
        try:
            with self.database.transaction() as connection:
                push.forget(connection, self.service.clock.now())
        except NewstideError as error:
            self.service.log.warning("push_messages_not_forgotten", why=error.why or error.what)


def _answer(pairs: Sequence[tuple[asyncio.Future[Outcome], Outcome]]) -> None:
    for answer, outcome in pairs:
        if not answer.done():  # its sender has left
            answer.set_result(outcome)
