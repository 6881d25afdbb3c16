"""The kinds there are, by name, and the check of a source against its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ingest.kinds.edgar import EDGAR
from ingest.kinds.feed import FEED
from ingest.kinds.gdelt import GDELT
from ingest.kinds.listing import JSON
from ingest.kinds.port import Kind, WrongOptions
from newstide.sources import Source, host_of

KINDS: Final[Mapping[str, Kind[Any]]] = {kind.name: kind for kind in (FEED, JSON, EDGAR, GDELT)}


def problem_of(source: Source) -> str:
    """Why the source cannot be polled; empty when it can."""
    kind = KINDS.get(source.kind)
    if kind is None:
        return f"there is no kind {source.kind}; the kinds are {', '.join(KINDS)}"
    if not host_of(source.url):
        return "its url is no http or https address, or carries a user name or a password"
    try:
        address = kind.address(source.url, source.options)
    except WrongOptions as error:
        return str(error)
    return "" if host_of(address) else "the address that its options lead to is none"


def rate_key_of(source: Source) -> str:
    return KINDS[source.kind].key_of(source.url)


def gaps_s(host_gap_s: float) -> dict[str, float]:
    """By kind, the least time from the end of a poll to the next with the same rate key."""
    return {name: host_gap_s if kind.gap_s is None else kind.gap_s for name, kind in KINDS.items()}
