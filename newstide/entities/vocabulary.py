"""The words of the entity master: who there is, what they are called and when, and where they are listed. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Final, Literal

import msgspec

NAME_CHARS_MAX: Final = 64
"""Of a name; the model's pair pass cuts there too."""
NAMES_MAX: Final = 64
"""Of one entity: more is a list of something else."""


class Kind(StrEnum):
    """What an entity is. Stored and shown: never rename one."""

    COMPANY = "company"
    INDEX = "index"
    COMMODITY = "commodity"
    CURRENCY = "currency"
    CRYPTO = "crypto"
    BOND = "bond"
    CENTRAL_BANK = "central_bank"
    STATISTICS = "statistics"
    REGULATOR = "regulator"
    ORGANISATION = "organisation"
    EXCHANGE = "exchange"
    THEME = "theme"
    """What a year talks about: a vote, a dispute, an epidemic."""


EXCHANGES: Final = frozenset(
    "US SSE SZSE BSE HKEX TWSE KRX TSE XETRA EPA LSE SWX BIT BME STO CPH MOEX TADAWUL NSE TSX ASX SGX JSE".split()
)
"""Where a listing may be. US is NYSE, NASDAQ and AMEX together: a symbol means one thing on all three."""

EntityId = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$")]


class Name(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that an entity is called. `weak`: it means other things too, and needs evidence beside it."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=NAME_CHARS_MAX)]
    language: Literal["en", "zh"]
    weak: bool = False
    valid_from: date | None = None
    """The first day on which it was in use; None: always was."""
    valid_to: date | None = None
    """The first day on which it no longer was."""


class Listing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A symbol on an exchange. Symbols change hands, so they have dates and are nobody's id."""

    exchange: str
    symbol: Annotated[str, msgspec.Meta(min_length=1, max_length=16)]
    valid_from: date | None = None
    valid_to: date | None = None


class Entity(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody or something that news is about. The id is a fixed, readable slug and outlives every name and symbol."""

    entity_id: EntityId
    kind: Kind
    names: Annotated[tuple[Name, ...], msgspec.Meta(min_length=1, max_length=NAMES_MAX)]
    """The first of each language is the one that is shown."""
    country: Annotated[str, msgspec.Meta(pattern=r"^(?:[A-Z]{2})?$")] = ""
    """ISO 3166 alpha-2, EU for the euro area; empty: of no one country."""
    sector: Annotated[str, msgspec.Meta(max_length=32)] = ""
    listings: tuple[Listing, ...] = ()

    def name(self, language: str) -> str:
        """The name to show in a language, or in the other where there is none."""
        return next((name.text for name in self.names if name.language == language), self.names[0].text)


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """One change of the master as it is kept: the entity before and after, None where there was or is none."""

    entity_id: str
    at: datetime
    who: str
    before: Entity | None
    after: Entity | None


def in_force(since: date | None, until: date | None, on: date) -> bool:
    """Whether something dated [since, until) held on a day."""
    return (since is None or since <= on) and (until is None or on < until)


def version_of(entities: Iterable[Entity]) -> str:
    """The version of a master: equal exactly when every entity is, whatever their order."""
    digest = hashlib.sha256()
    for entity in sorted(entities, key=lambda each: each.entity_id):
        digest.update(msgspec.json.encode(entity) + b"\n")
    return digest.hexdigest()[:16]
