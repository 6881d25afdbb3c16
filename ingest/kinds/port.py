"""What a kind of source is. Everything in it is pure; `parse` runs in the killable worker. See `ingest.kinds`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import msgspec

from ingest.entry import Parsed, Problem
from newstide.sources import host_of

DETAIL_CHARS_MAX: Final = 500


class NoOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of a kind that has none."""


@dataclass(frozen=True, slots=True)
class Document:
    """What a source answered, from the address `url` that it was found at in the end."""

    body: bytes
    content_type: str = ""
    url: str = ""


class WrongOptions(ValueError):
    """What stands in `options` is not what the kind takes."""


O = TypeVar("O", bound=msgspec.Struct)  # noqa: E741 - of the options


@dataclass(frozen=True, slots=True)
class Kind(Generic[O]):
    """`ask(url, options)` is the address to fetch. `parse(document, options)` never raises on content.

    `rate_key` names what is asked one request at a time over all workers, and `gap_s` the least time from the end of
    one to the next; an empty key stands for the host, None for the gap of the settings. `needs_contact`: the publisher
    refuses who does not say whom to write to.
    """

    name: str
    options: type[O]
    ask: Callable[[str, O], str]
    parse: Callable[[Document, O], Parsed]
    rate_key: str = ""
    gap_s: float | None = None
    needs_contact: bool = False

    def read_options(self, written: Mapping[str, Any]) -> O:
        """Raises WrongOptions."""
        try:
            return msgspec.convert(dict(written), self.options)
        except (msgspec.ValidationError, ValueError) as error:
            raise WrongOptions(f"options of a source of kind {self.name}: {error}") from error

    def address(self, url: str, written: Mapping[str, Any]) -> str:
        """What to fetch. Raises WrongOptions."""
        return self.ask(url, self.read_options(written))

    def read(self, document: Document, written: Mapping[str, Any]) -> Parsed:
        """Raises WrongOptions."""
        return self.parse(document, self.read_options(written))

    def key_of(self, url: str) -> str:
        return self.rate_key or host_of(url)


def failed(kind: Any, detail: str) -> Parsed:
    return Parsed((), (Problem(kind, detail[:DETAIL_CHARS_MAX]),))


def as_it_is(url: str, _options: msgspec.Struct) -> str:
    return url
