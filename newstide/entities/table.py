"""The master as a table, one entity a line: how the starter list ships and what people edit. Pure.

Columns, apart by tabs: entity_id, kind, names_en, names_zh, country, sector, listings. Lists are joined by `|`. A name
that begins with `~` is weak.
`NAME@2015-10-02..` was in use from that day on, `NAME@..2015-10-02` until the day before it. A listing is
`EXCHANGE:SYMBOL`, dated in the same way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Final, Literal

import msgspec

from newstide.entities.vocabulary import EXCHANGES, Entity, Kind, Listing, Name

COLUMNS: Final = ("entity_id", "kind", "names_en", "names_zh", "country", "sector", "listings")
_DATED: Final = re.compile(r"^(.*?)@(\d{4}-\d\d-\d\d)?\.\.(\d{4}-\d\d-\d\d)?$", re.DOTALL)


class NoEntity(ValueError):
    """A line that is none; the message says why."""


def read(text: str) -> Iterator[tuple[int, Entity | NoEntity]]:
    """Numbered lines of a table with its header: each an entity, or why it is none."""
    lines = text.splitlines()
    if not lines or tuple(lines[0].split("\t")) != COLUMNS:
        yield 1, NoEntity(f"the first line must name the columns: {', '.join(COLUMNS)}")
        return
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        try:
            yield number, entity_of(line.split("\t"))
        except NoEntity as error:
            yield number, error


def entity_of(cells: list[str]) -> Entity:
    """The entity of one row. Raises NoEntity."""
    if len(cells) != len(COLUMNS):
        raise NoEntity(f"{len(cells)} columns instead of {len(COLUMNS)}")
    entity_id, kind, names_en, names_zh, country, sector, listings = (cell.strip() for cell in cells)
    if kind not in set(Kind):
        raise NoEntity(f"unknown kind {kind!r}")
    entity = Entity(
        entity_id=entity_id,
        kind=Kind(kind),
        names=(*_names(names_en, "en"), *_names(names_zh, "zh")),
        country=country,
        sector=sector,
        listings=tuple(listing_of(each) for each in listings.split("|") if each),
    )
    return checked(entity)


def checked(entity: Entity) -> Entity:
    """The entity, when it keeps the bounds of its type and its names are all different. Raises NoEntity."""
    try:
        msgspec.convert(msgspec.to_builtins(entity), Entity)
    except msgspec.ValidationError as error:
        raise NoEntity(str(error)) from error
    texts = [name.text for name in entity.names]
    odd = next((text for text in (*texts, *_words(entity)) if not text.isprintable()), None)
    if odd is not None:
        raise NoEntity(f"{ascii(odd)} has characters that cannot be printed")
    dated: tuple[Name | Listing, ...] = (*entity.names, *entity.listings)
    late = next((each for each in dated if _never(each.valid_from, each.valid_to)), None)
    if late is not None:
        raise NoEntity(f"it ends before it begins: {_dates(late)}")
    if len(set(texts)) < len(texts):
        raise NoEntity(f"the same name twice: {next(text for text in texts if texts.count(text) > 1)}")
    unknown = [each.exchange for each in entity.listings if each.exchange not in EXCHANGES]
    if unknown:
        raise NoEntity(f"unknown exchange {unknown[0]!r}")
    return entity


def _words(entity: Entity) -> Iterator[str]:
    yield entity.sector
    for listing in entity.listings:
        yield listing.symbol


def _never(since: date | None, until: date | None) -> bool:
    return since is not None and until is not None and until <= since


def _names(cell: str, language: Literal["en", "zh"]) -> Iterator[Name]:
    for each in cell.split("|"):
        if each.strip():
            yield name_of(each.strip(), language)


def name_of(text: str, language: Literal["en", "zh"]) -> Name:
    """A name as the table writes it. Raises NoEntity."""
    bare, since, until = _dated(text)
    weak = bare.startswith("~")
    return Name(text=bare.removeprefix("~").strip(), language=language, weak=weak, valid_from=since, valid_to=until)


def listing_of(text: str) -> Listing:
    """A listing as the table writes it. Raises NoEntity."""
    bare, since, until = _dated(text.strip())
    exchange, colon, symbol = bare.partition(":")
    if not colon or not symbol:
        raise NoEntity(f"{text!r} is no listing; it is written EXCHANGE:SYMBOL")
    return Listing(exchange=exchange, symbol=symbol, valid_from=since, valid_to=until)


def _dated(text: str) -> tuple[str, date | None, date | None]:
    found = _DATED.match(text)
    if not found:
        return text, None, None
    try:
        since, until = (date.fromisoformat(each) if each else None for each in found.groups()[1:])
    except ValueError as error:
        raise NoEntity(f"{text!r}: {error}") from error
    return found[1], since, until


def write(entity: Entity) -> str:
    """The row of an entity, as `read` takes it."""
    names = {"en": [], "zh": []}  # type: dict[str, list[str]]
    for name in entity.names:
        names[name.language].append(("~" if name.weak else "") + name.text + _dates(name))
    listings = "|".join(f"{each.exchange}:{each.symbol}{_dates(each)}" for each in entity.listings)
    cells = (entity.entity_id, entity.kind, "|".join(names["en"]), "|".join(names["zh"]))
    return "\t".join((*cells, entity.country, entity.sector, listings))


def _dates(dated: Name | Listing) -> str:
    if dated.valid_from is None and dated.valid_to is None:
        return ""
    return f"@{dated.valid_from or ''}..{dated.valid_to or ''}"
