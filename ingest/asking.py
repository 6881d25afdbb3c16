"""One poll: ask a source, and read what it says. For the polling loop, and for a person who tries a source."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Final

from ingest.entry import Parsed
from ingest.fetch import Fetcher, NotModified
from ingest.kinds.catalogue import KINDS, problem_of
from ingest.polled import Polled, printable
from ingest.worker import parse_in_worker
from newstide.errors import SourceUnavailable
from newstide.sources import Source, SourceState

_CONTACT: Final = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+|https?://")


def ask(
    source: Source, state: SourceState, fetcher: Fetcher, now: datetime, cancelled: Callable[[], bool] = lambda: False
) -> Polled:
    """A failure is a value: whatever a source does, the others go on."""
    try:
        return _ask(source, state, fetcher, now, cancelled)
    except SourceUnavailable as error:
        why = f"{error.what}: {error.why}" if error.why else error.what
        return Polled(source, now, error=printable(why), retry_after_s=error.retry_after_s)
    except Exception as error:  # what a stranger makes a library do that nobody has listed must not end the worker
        return Polled(source, now, error=printable(f"{type(error).__name__}: {error}"))


def _ask(source: Source, state: SourceState, fetcher: Fetcher, now: datetime, cancelled: Callable[[], bool]) -> Polled:
    problem = problem_of(source)  # an older or newer version of us may have entered it
    if problem:
        return Polled(source, now, error=printable(problem))
    kind = KINDS[source.kind]
    if kind.needs_contact and not _CONTACT.search(fetcher.user_agent):
        return Polled(source, now, error="the publisher wants to know whom to write to: set ingest.user_agent")
    address = kind.address(source.url, source.options)
    answer = fetcher.fetch(address, etag=state.etag, last_modified=state.last_modified, now=now, cancelled=cancelled)
    if isinstance(answer, NotModified):
        return Polled(source, now, answer)
    parsed = parse_in_worker(
        answer.body, answer.content_type, answer.url, kind=source.kind, options=source.options, cancelled=cancelled
    )
    return Polled(source, now, answer, parsed, error=_failure(parsed))


def _failure(parsed: Parsed) -> str:
    if not parsed.failed:
        return ""
    problem = parsed.problems[0]
    return printable(f"{problem.kind}: {problem.detail}")
