"""A parser that may be killed: one short process a document, with limits of time and memory and without our secrets.

A process of its own costs a third of a second and is only started for documents that changed. In return no document can
hang, fill or crash the program that polls.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from ingest.entry import Parsed, Problem

PARSE_S: Final = 10.0
"""A thousand times what a usual feed takes."""
MEMORY_BYTES_MAX: Final = 1 << 30
"""Address space of the parser: a tree of the largest document allowed needs a few hundred MiB."""
_LOOK_EVERY_S: Final = 0.25
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
    header = json.dumps(told).encode("ascii")
    # Only what Python needs to find itself: a parser of strangers' bytes has no use for passwords in the environment.
    environment = {"PYTHONPATH": str(_ROOT), "PYTHONUTF8": "1", "PATH": os.defpath}
    try:
        process = subprocess.Popen(
            [sys.executable, "-s", "-P", "-m", "ingest.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            cwd="/",
        )
    except OSError as error:  # the system has no room for a process now; it may have at the next poll
        return Parsed((), (Problem("crashed", f"the parser cannot be started: {error}"),))
    deadline_s = time.monotonic() + limit_s
    message: bytes | None = header + b"\n" + body
    with process:
        try:
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    answer, _ = process.communicate(message, timeout=_LOOK_EVERY_S)
                    return _answer(answer, process.returncode)
                message = None  # communicate goes on where it was
                if time.monotonic() > deadline_s or cancelled():
                    return Parsed((), (Problem("time_limit", f"parsing took more than {limit_s:g} s"),))
        finally:
            process.kill()


def _answer(answer: bytes, status: int) -> Parsed:
    try:
        return msgspec.convert(json.loads(answer), Parsed)
    except (ValueError, msgspec.ValidationError):
        return Parsed((), (Problem("crashed", f"the parser ended with status {status} and no answer"),))


def main() -> None:
    """The process: a header line and the document on standard input, the result on standard output.

    The result is ASCII JSON of the standard library, which carries lone surrogates; msgspec's does not.
    """
    with contextlib.suppress(ValueError, OSError):  # not every system knows these limits; the time limit is ours
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    from ingest.kinds.catalogue import KINDS  # after the limits: this is what they are for
    from ingest.kinds.port import Document

    header, _, body = sys.stdin.buffer.read().partition(b"\n")
    told = json.loads(header)
    parsed = KINDS[told["kind"]].read(Document(body, told["content_type"], told["url"]), told["options"])
    sys.stdout.buffer.write(json.dumps(msgspec.to_builtins(parsed)).encode("ascii"))


if __name__ == "__main__":
    main()
