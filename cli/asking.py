"""What the commands that ask the store have in common: which stories, of which time, as known when."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final, cast, get_args

import typer

from cli.given import require_text, seconds_of
from cli.output import plain
from newstide.clock import SystemClock
from newstide.errors import UsageError
from newstide.messages import Label, Language
from newstide.topics import TOPICS

if TYPE_CHECKING:
    from newstide.index.series import IndexPoint, Steps
    from newstide.store.database import Database
    from newstide.store.filters import Filters

Since = Annotated[str | None, typer.Option(help="Published from then on: 2026-03-01, 2026-03-01T09:30Z; UTC.")]
Until = Annotated[str | None, typer.Option(help="Published before; default now, or the time of --as-of.")]
Entity = Annotated[str, typer.Option(help="Only stories linked to this entity: its id, a name or a symbol.")]
Topic = Annotated[list[str] | None, typer.Option(help="Only this topic; may be repeated.")]
Languages = Annotated[list[str] | None, typer.Option("--language", help="en, zh or und; may be repeated.")]
Source = Annotated[list[str] | None, typer.Option(help="Only this source; may be repeated.")]
Tier = Annotated[list[int] | None, typer.Option(min=1, max=3, help="Only sources of this tier; may be repeated.")]
AsOf = Annotated[str | None, typer.Option(help="As it was known then; the answer never changes.")]
Model = Annotated[str, typer.Option(help="A model version, instead of the one in use when a story came.")]
Step = Annotated[str, typer.Option(help="Between two values: 1h, 1d, 1w.")]
Window = Annotated[str, typer.Option(help="How far an index looks back: 6h, 1d, 2w.")]
HalfLife = Annotated[str, typer.Option(help="After which a story weighs half in the decayed index.")]

HOURS_MAX: Final = 520 * 168
"""Of a window, a step or a half-life: ten years, and ten half-lives before any time are still in the calendar."""
YEARS: Final = range(1900, 2200)
"""Of a time that somebody means; what is added to one of these is still in the calendar."""


def moment(text: str, option: str) -> datetime:
    """ISO 8601; without a zone it is UTC, a date is its first moment. Raises UsageError."""
    fix = "write it as 2026-03-01 or 2026-03-01T09:30:00Z"
    try:
        at = datetime.fromisoformat(text)
        at = (at.replace(tzinfo=UTC) if at.tzinfo is None else at).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{option} {text!r} is no time", fix=fix) from error
    if at.year not in YEARS:
        raise UsageError(f"{option} {text!r} is no time", why=f"years go from {YEARS[0]} to {YEARS[-1]}", fix=fix)
    return at


def hours(text: str, option: str) -> int:
    """6h, 1d or 2w in hours. Raises UsageError."""
    seconds = seconds_of(text, "hdw")
    if seconds is None or seconds > HOURS_MAX * 3_600:
        raise UsageError(f"{option} {text!r} is no length of time", fix="write it as 6h, 1d or 2w, up to ten years")
    return seconds // 3_600


def asked(default: timedelta | None, since: str | None, until: str | None, as_of: str | None, **more: Any) -> Filters:
    """The filters of these options; `more` are further fields of Filters as the options give them.

    Without `since` they begin `default` before their end, or at the beginning of all. Raises UsageError.
    """
    from newstide.store.filters import Filters
    from newstide.store.known import require_settled

    now = SystemClock().now()
    known = None if as_of is None else moment(as_of, "--as-of")
    require_settled(known, now)
    end = known or now if until is None else moment(until, "--until")
    begin = moment(since, "--since") if since is not None else None if default is None else _hour_after(end) - default
    if begin is not None and begin >= end:
        raise UsageError("--since is not before --until")
    given = {name: tuple(value or ()) if isinstance(value, list | None) else value for name, value in more.items()}
    for name, allowed in (("languages", get_args(Language)), ("labels", get_args(Label)), ("topics", TOPICS)):
        wrong = [value for value in given.get(name, ()) if value not in allowed]
        if wrong:
            raise UsageError(f"{wrong[0]!r} is none of {', '.join(allowed)}")
    require_text(*(said for value in given.values() for said in (value if isinstance(value, tuple) else (value,))))
    ends = until is not None or known is not None or default is not None
    return Filters(since=begin, until=end if ends else None, as_of=known, **cast("Any", given))


def about(database: Database, filters: Filters) -> Filters:
    """The filters with the id of the entity that they name in another way.

    Raises UsageError with who may be meant, and for a model version that has scored nothing.
    """
    from newstide.entities.finding import meant
    from newstide.store import entities, reads

    if filters.model and filters.model not in (versions := reads.model_versions(database, filters.as_of)):
        there = ", ".join(map(plain, versions)) or "none"
        raise UsageError(f"{plain(filters.model)!r} has scored no story", why=f"the model versions are: {there}")
    said = filters.entity
    if not said or entities.names_of(database, [said]):
        return filters
    found = meant(entities.load(database), said)
    if found.entity_id is None:
        why = f"did you mean {', '.join(found.suggestions)}?" if found.suggestions else ""
        raise UsageError(f"{plain(said)!r} is no entity", why=why, fix="newstide entities list --search NAME")
    return replace(filters, entity=found.entity_id)


def steps_of(filters: Filters, step: int, window: int, half_life: int) -> Steps:
    """Whole steps from the first hour on; the last may end with the hour that has begun."""
    from newstide.index.series import Steps
    from newstide.store.indexing import hour_of

    assert filters.until is not None  # noqa: S101 - a command that has steps gives a default length
    assert filters.since is not None  # noqa: S101
    start = hour_of(filters.since)
    count = (hour_of(_hour_after(filters.until)) - start) // step
    if not count:
        raise UsageError(f"there is no whole step of {step} hours", fix="ask for a longer time, or a shorter --step")
    if count > STEPS_MAX:
        raise UsageError(f"{count:,} steps are too many", why=f"at most {STEPS_MAX:,}", fix="ask for a longer --step")
    return Steps(start, start + count * step, step, window, float(half_life))


def _hour_after(at: datetime) -> datetime:
    """The end of the hour that has begun; a full hour is its own."""
    return at + timedelta(seconds=-at.timestamp() % 3_600)


STEPS_MAX: Final = 20_000
"""Of one answer: two years of hours, at which each is compared with eight weeks."""


def flat(point: IndexPoint) -> dict[str, Any]:
    """A point as one row; None is no data."""
    from newstide.store.indexing import at_hour

    found, past, volume, surprise = point.estimate, point.decayed, point.volume, point.surprise
    low, high = (found.interval if found else None) or (None, None)
    return {
        "at": at_hour(point.hour),
        "count": point.count,
        "copies": point.copies,
        "mean": found and found.mean,
        "standard_error": found and found.standard_error,
        "low": low,
        "high": high,
        "effective_stories": found and found.effective_stories,
        "dispersion": found and found.dispersion,
        "decayed": past and past.mean,
        "expected": volume.expected,
        "volume_z": volume.z,
        "volume_ratio_low": volume.ratio_low,
        "volume_ratio_high": volume.ratio_high,
        "surprise": surprise and surprise.difference,
        "surprise_low": surprise and surprise.low,
        "surprise_high": surprise and surprise.high,
        "surprise_z": surprise and surprise.z,
    }


def figure(value: float | None, digits: int = 2) -> str | None:
    """For people: signed, or None."""
    return None if value is None else f"{value:+.{digits}f}"
