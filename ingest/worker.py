"""A parser that may be killed: one short process a document, with limits of time and memory and without our secrets.

A process of its own costs a third of a second and is only started for documents that changed. In return no document can
hang, fill or crash the program that polls.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from ingest.decoding import READ_BYTES_MAX
from ingest.entry import Parsed, Problem

PARSE_S: Final = 5.0
"""Of a core; five hundred times what a usual feed takes."""
PATIENCE: Final = 4.0
"""Times as long the process may take by the clock: a busy machine gives it a quarter of a core."""
MEMORY_BYTES_MAX: Final = 256 << 20
"""Address space of the parser. Python and the largest document read whole need half of it."""
ARTICLE: Final = "article"
"""What the process is told instead of a kind of source."""
ARTICLE_S: Final = 10.0
"""Of a web page: to load the library that reads it takes a second by itself."""
ARTICLE_BYTES_MAX: Final = 512 << 20
"""Address space where a web page is read: its tree is made by another library, which itself is larger."""
LOOK_EVERY_S: Final = 0.25
"""To notice a stop, and the end of the time."""
_ROOT: Final = Path(__file__).resolve().parent.parent


def parse_in_worker(
    body: bytes,
    content_type: str,
    url: str,
    *,
    kind: str = "feed",
    options: Mapping[str, Any] | None = None,
    limit_s: float = PARSE_S,
    cancelled: Callable[[], bool] = lambda: False,
) -> Parsed:
    """What a kind of source reads in a document, in a process of its own; a problem `time_limit` or `crashed` when it
    does not come back."""
    told = {"content_type": content_type, "url": url, "kind": kind, "options": dict(options or {})}
    answer = _answer(told, body, limit_s, cancelled)
    if isinstance(answer, Problem):
        return Parsed((), (answer,))
    try:
        return msgspec.convert(answer, Parsed)
    except msgspec.ValidationError as error:
        return Parsed((), (Problem("crashed", f"the parser answered nonsense: {error}"),))


def article_in_worker(page: bytes, content_type: str, cancelled: Callable[[], bool] = lambda: False) -> str:
    """The text of an article in a web page, read likewise; empty when there is none, or it could not be read."""
    answer = _answer({"content_type": content_type, "kind": ARTICLE}, page, ARTICLE_S, cancelled)
    return answer if isinstance(answer, str) else ""


def _answer(told: Mapping[str, Any], body: bytes, limit_s: float, cancelled: Callable[[], bool]) -> Any:
    """What the process says, or the Problem with it."""
    # Only what Python needs to find itself: a parser of strangers' bytes has no use for passwords in the environment.
    environment = {"PYTHONPATH": str(_ROOT), "PYTHONUTF8": "1", "PATH": os.defpath}
    # From a file, since a pipe of which the other end is slow cannot be fed and watched with a time limit as well.
    with tempfile.TemporaryFile() as document:
        document.write(json.dumps({**told, "cpu_s": math.ceil(limit_s)}).encode("ascii") + b"\n")
        document.write(body[: READ_BYTES_MAX + 1])
        document.seek(0)
        try:
            process = subprocess.Popen(
                [sys.executable, "-s", "-P", "-m", "ingest.worker"],
                stdin=document,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment,
                cwd="/",
            )
        except OSError as error:  # the system has no room for a process now; it may have at the next poll
            return Problem("crashed", f"the parser cannot be started: {error}")
    late = Problem("time_limit", f"parsing took more than {limit_s:g} s")
    deadline_s = time.monotonic() + PATIENCE * limit_s
    with process:
        try:
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    answer, _ = process.communicate(timeout=LOOK_EVERY_S)
                    return json.loads(answer)
                if time.monotonic() > deadline_s or cancelled():
                    return late
        except ValueError:
            if process.returncode == -signal.SIGXCPU:
                return late
            return Problem("crashed", f"the parser ended with status {process.returncode} and no answer")
        finally:
            process.kill()


def main() -> None:
    """The process: a header line and the document on standard input, the result on standard output.

    The result is ASCII JSON of the standard library, which carries lone surrogates; msgspec's does not.
    """
    told = json.loads(sys.stdin.buffer.readline())
    memory_bytes = ARTICLE_BYTES_MAX if told["kind"] == ARTICLE else MEMORY_BYTES_MAX
    with contextlib.suppress(ValueError, OSError):  # not every system knows these limits; the time limit is ours
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
        resource.setrlimit(resource.RLIMIT_CPU, (told["cpu_s"], told["cpu_s"] + 1))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    body = sys.stdin.buffer.read()
    sys.stdout.buffer.write(json.dumps(_done(told, body)).encode("ascii"))


def _done(told: Mapping[str, Any], body: bytes) -> Any:
    """Imports come after the limits: this is what they are for."""
    if told["kind"] == ARTICLE:
        from ingest.extract import article_text

        return article_text(body, told["content_type"])
    from ingest.kinds.catalogue import KINDS
    from ingest.kinds.port import Document

    document = Document(body, told["content_type"], told["url"])
    return msgspec.to_builtins(KINDS[told["kind"]].read(document, told["options"]))


if __name__ == "__main__":
    main()
