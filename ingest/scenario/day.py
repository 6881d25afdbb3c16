"""The demo day and its cast: read them (`load`, `load_cast`) and check them (`parse`, pure).

The label `expect` is what an editor says of a story. It is for tests and for people; it must never reach the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from importlib import resources
from typing import Final, Literal

import msgspec

from newstide.errors import DataInvalid

Arc = Literal["quiet", "earnings_beat", "scandal", "denial", "sector_shock", "background"]
Expect = Literal["negative", "neutral", "positive"]
Tier = Literal["wire", "exchange", "newspaper", "flash", "blog", "forum", "analyst", "aggregator"]
StoryLanguage = Literal["en", "zh"]

DAY_STARTS_AT: Final = timedelta(hours=7, minutes=30)
DAY_ENDS_AT: Final = timedelta(hours=18, minutes=30)

_FIX: Final = "restore ingest/scenario from the release; it is part of the program"


class Company(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An invented listed company."""

    ticker: str
    name_en: str
    name_zh: str
    sector: str
    country: str
    about: str


class Outlet(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An invented publisher; it writes in one language."""

    name: str
    language: StoryLanguage
    tier: Tier
    host: str


class Cast(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is in the day. `fictional` can only be true: nobody may slip a real company in unnoticed."""

    fictional: bool
    note: str
    companies: tuple[Company, ...]
    outlets: tuple[Outlet, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioStory:
    """One line of the day. `at` counts from midnight of the market's clock."""

    at: timedelta
    id: str
    source: str
    language: StoryLanguage
    title: str
    body: str
    symbols: tuple[str, ...]
    url: str
    arc: Arc
    expect: Expect
    copy_of: str | None = None
    """The story of another outlet that this one repeats, rewrites or translates."""
    revises: str | None = None
    """The earlier story of the same outlet that this text replaces."""

    @property
    def root_id(self) -> str:
        """What the publisher calls it: the same for a story and all its later texts."""
        return self.revises or self.id


class _Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    t: str
    id: str
    source: str
    language: StoryLanguage
    title: str
    body: str
    url: str
    arc: Arc
    expect: Expect
    symbols: tuple[str, ...] = ()
    copy_of: str | None = None
    revises: str | None = None


def load() -> tuple[ScenarioStory, ...]:
    """The packaged day in time order. Raises DataInvalid, naming the line, where the file is not sound."""
    return parse(_packaged("day.jsonl"), load_cast())


def load_cast() -> Cast:
    """The packaged companies and outlets. Raises DataInvalid where the file is not sound."""
    try:
        cast = msgspec.json.decode(_packaged("companies.json"), type=Cast)
    except msgspec.DecodeError as error:
        raise DataInvalid("companies.json of the demo scenario is not sound", why=str(error), fix=_FIX) from error
    keys = [company.ticker for company in cast.companies] + [outlet.name for outlet in cast.outlets]
    if cast.fictional is not True or len(keys) != len(set(keys)):
        why = "a ticker or an outlet is there twice, or the cast is not declared fictional"
        raise DataInvalid("companies.json of the demo scenario is not sound", why=why, fix=_FIX)
    return cast


def load_rules() -> str:
    """The alert rules of the demo, as text."""
    return _packaged("day.rules")


def parse(text: str, cast: Cast) -> tuple[ScenarioStory, ...]:
    """The stories of a day file, checked against its cast and one another. Pure.

    Raises DataInvalid at the first line that has the wrong shape, an unknown outlet or ticker, a time out of order,
    an id used before, or a `copy_of` or `revises` that points nowhere or at the wrong outlet.
    """
    outlets = {outlet.name: outlet for outlet in cast.outlets}
    tickers = {company.ticker for company in cast.companies}
    seen: dict[str, ScenarioStory] = {}
    last = DAY_STARTS_AT
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            story = _story(msgspec.json.decode(line, type=_Line))
            _check(story, outlets=outlets, tickers=tickers, seen=seen, last=last)
        except (msgspec.DecodeError, ValueError) as error:
            raise DataInvalid(f"line {number} of the demo day is not sound", why=str(error), fix=_FIX) from error
        seen[story.id] = story
        last = story.at
    if not seen:
        raise DataInvalid("the demo day is empty", fix=_FIX)
    return tuple(seen.values())


def _packaged(name: str) -> str:
    try:
        return resources.files("ingest.scenario").joinpath(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataInvalid(f"{name} of the demo scenario cannot be read", why=str(error), fix=_FIX) from error


def _story(line: _Line) -> ScenarioStory:
    hours, minutes, seconds = (int(part) for part in line.t.split(":"))
    return ScenarioStory(
        at=timedelta(hours=hours, minutes=minutes, seconds=seconds),
        id=line.id,
        source=line.source,
        language=line.language,
        title=line.title,
        body=line.body,
        symbols=line.symbols,
        url=line.url,
        arc=line.arc,
        expect=line.expect,
        copy_of=line.copy_of,
        revises=line.revises,
    )


def _check(
    story: ScenarioStory,
    *,
    outlets: dict[str, Outlet],
    tickers: set[str],
    seen: dict[str, ScenarioStory],
    last: timedelta,
) -> None:
    outlet = outlets.get(story.source)
    copied = seen.get(story.copy_of) if story.copy_of else None
    revised = seen.get(story.revises) if story.revises else None
    rules = (
        (bool(story.id) and story.id not in seen, "the id is empty or was used before"),
        (bool(story.title.strip()), "the title is empty"),
        (last <= story.at < DAY_ENDS_AT, "the time is before the line above or outside the day"),
        (outlet is not None and outlet.language == story.language, "the outlet is unknown or writes another language"),
        (outlet is not None and story.url.startswith(f"https://{outlet.host}/"), "the address is not the outlet's"),
        (tickers.issuperset(story.symbols), "a ticker is not in the cast"),
        (
            not story.copy_of or (copied is not None and copied.source != story.source),
            "copy_of names no earlier story of another outlet",
        ),
        (
            not story.revises
            or (
                revised is not None
                and not revised.revises
                and (revised.source, revised.url) == (story.source, story.url)
            ),
            "revises names no earlier first text of the same outlet and address",
        ),
    )
    for holds, complaint in rules:
        if not holds:
            raise ValueError(complaint)
