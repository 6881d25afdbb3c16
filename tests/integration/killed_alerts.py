"""`newstide alerts run` that is killed with signal 9 when it has done a step of a turn.

Run as a program (`python -m tests.integration.killed_alerts STEP TURN`): the real command, which dies right after the
step of the TURNth turn that says anything. It drains the topic, so that it ends where it is not killed.
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from newstide.consume.positions import Positions
from newstide.store import alert_state, alerting, outbox

STEPS: dict[str, tuple[Any, str]] = {
    "firings written": (alerting, "add_firings"),
    "outbox written": (outbox, "add"),
    "state written": (alert_state, "write"),
    "committed": (Positions, "moved"),
}
"""In their order. All but the last stand in one transaction; after the last the bus has not been told."""


class Killer:
    def __init__(self, turn: int) -> None:
        self._left, self._speaking = turn, False

    def heard(self, done: Callable[..., Any]) -> Callable[..., Any]:
        """`outbox.add`: counts the turns that say something."""

        def counted(transaction: Any, said: Any, now: Any) -> Any:
            self._speaking |= bool(said)
            return done(transaction, said, now)

        return counted

    def after(self, done: Callable[..., Any], step: str) -> Callable[..., Any]:
        def killed(*given: Any) -> Any:
            found = done(*given)
            speaks = bool(found) if step == "firings written" else self._speaking
            if speaks:
                self._left -= 1
                self._speaking = False
            if speaks and not self._left:
                os.kill(os.getpid(), signal.SIGKILL)
            return found

        return killed


def main(step: str, turn: int) -> None:
    killer = Killer(turn)
    outbox.add = killer.heard(outbox.add)
    owner, name = STEPS[step]
    setattr(owner, name, killer.after(getattr(owner, name), step))
    sys.argv = ["newstide", "alerts", "run", "--drain", "--instance", "killed"]
    from cli.main import run

    run()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
