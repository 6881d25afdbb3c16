"""A process tree: our own programs as children, each with its log, all gone when we go."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from newstide.errors import ChildFailed

STOP_WITHIN_S: Final = 12.0
"""A service drains in ten seconds; two more until the process is gone."""
TAIL_LINES: Final = 5
_DIE_WITH_PARENT: Final = 1
"""PR_SET_PDEATHSIG of Linux's prctl: no orphan keeps a port when the parent is killed outright."""


class ProcessTree:
    def __init__(self, command: Sequence[str], environment: Mapping[str, str], logs: Path) -> None:
        self._command, self._environment, self._logs = list(command), dict(environment), logs
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        logs.mkdir(parents=True, exist_ok=True)

    def start(self, name: str, *arguments: str) -> None:
        """Start `newstide ARGUMENTS`. A Ctrl-C on the terminal reaches us alone: we stop the others in order."""
        with self._log(name).open("wb") as log:
            self._children[name] = subprocess.Popen(  # noqa: S603 - our own command
                [*self._command, *arguments],
                env=os.environ | self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - we have one thread
            )

    def check(self) -> None:
        """Raises ChildFailed when one that should be running is not."""
        for name, child in self._children.items():
            if child.poll() is not None:
                raise ChildFailed(
                    f"the {name} ended with exit code {child.returncode}",
                    why=self._tail(name),
                    fix=f"read {self._log(name)}",
                )

    def stop(self, name: str) -> None:
        """Ask it to end, and see to it that it does."""
        child = self._children.pop(name, None)
        if child is None:
            return
        with suppress(ProcessLookupError):
            child.send_signal(signal.SIGTERM)
        try:
            child.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def stop_all(self) -> None:
        for name in list(self._children):
            self.stop(name)

    def _log(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def _tail(self, name: str) -> str:
        lines = self._log(name).read_text(encoding="utf-8", errors="replace").splitlines()
        return " / ".join(lines[-TAIL_LINES:]) or "it said nothing"


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGTERM)
