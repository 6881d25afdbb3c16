"""Rows into what a page shows: windows, steps, series, tiles, words for numbers and times. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, Literal, cast

from dashboard.figures import Tone, percent, score_words, signed
from dashboard.words import GLYPHS, say
from newstide.messages import Label, Language
from newstide.store.filters import Filters
from newstide.store.reads import StoryRow, TrendPoint
from newstide.store.totals import Totals

Window = Literal["1h", "6h", "24h", "7d", "30d", "all"]

LENGTHS: Final[Mapping[Window, timedelta]] = {
    "1h": timedelta(hours=1),
    "6h": timedelta(hours=6),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
STEPS: Final[Mapping[Window, timedelta]] = {
    "1h": timedelta(minutes=2),
    "6h": timedelta(minutes=10),
    "24h": timedelta(minutes=30),
    "7d": timedelta(hours=3),
    "30d": timedelta(hours=12),
}
WINDOWS: Final[tuple[Window, ...]] = (*LENGTHS, "all")
LABELS: Final[tuple[Label, ...]] = ("positive", "neutral", "negative", "unsure")
STACK: Final[tuple[Label, ...]] = ("negative", "unsure", "neutral", "positive")
"""From the bottom of a bar to its top: the two that matter lie at its ends."""

STEPS_MAX: Final = 60
"""Steps of a chart: enough to see a shape, few enough that each holds stories and can be pointed at."""
_LADDER_MINUTES: Final = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1_440, 2_880, 10_080, 43_200, 525_600)
_Z95: Final = 1.96


@dataclass(frozen=True, slots=True)
class Choice:
    """What the reader asked for; all of it stands in the address of the page."""

    window: Window = "24h"
    languages: tuple[Language, ...] = ()
    sources: tuple[str, ...] = ()
    labels: tuple[Label, ...] = ()
    text: str = ""
    entity: str = ""
    """The id of a company, or whatever else news is about; empty: the whole stream."""

    @property
    def narrowed(self) -> bool:
        """Whether anything but the time is filtered."""
        return bool(self.languages or self.sources or self.labels or self.text or self.entity)


@dataclass(frozen=True, slots=True)
class Frame:
    """A choice made concrete: what to read, and the axis to draw it on."""

    current: Filters
    previous: Filters | None
    """The window before, of the same length; None where the record does not cover it."""
    start: datetime
    end: datetime
    step: timedelta

    @property
    def hours(self) -> float:
        """The length of what is read, at least a minute."""
        since = self.current.since or self.start
        return max(1 / 60, (self.end - since) / timedelta(hours=1))


@dataclass(frozen=True, slots=True)
class Tile:
    label: str
    value: str
    note: str
    delta: str | None = None
    rising: bool | None = None
    tone: Tone = "gray"
    help: str | None = None


def frame_of(choice: Choice, now: datetime, span: tuple[datetime, datetime]) -> Frame:
    """The windows to read. Times lie on whole minutes, because rollups do: every count of a page then agrees."""
    now = _floor(now, timedelta(minutes=1))
    length = LENGTHS.get(choice.window)
    since = None if length is None else now - length
    start = since if since is not None else span[0]
    end = now if since is not None else span[1] + timedelta(minutes=1)
    current = Filters(
        since=since, languages=choice.languages, sources=choice.sources, labels=choice.labels, text=choice.text,
        entity=choice.entity,
    )  # fmt: skip
    previous = None
    if since is not None and length is not None and span[0] <= since - length:
        previous = replace(current, since=since - length, until=since)
    step = STEPS.get(choice.window) or step_for(end - start)
    return Frame(current, previous, _floor(start, step), end, step)


def step_for(length: timedelta) -> timedelta:
    """The shortest step of a round length that cuts `length` into at most STEPS_MAX."""
    minutes = length / timedelta(minutes=1)
    return timedelta(minutes=next((m for m in _LADDER_MINUTES if minutes / m <= STEPS_MAX), _LADDER_MINUTES[-1]))


def _floor(at: datetime, step: timedelta) -> datetime:
    seconds = int(step.total_seconds())
    return datetime.fromtimestamp(int(at.timestamp()) // seconds * seconds, UTC)


def sentiment_rows(points: Sequence[TrendPoint], frame: Frame) -> list[dict[str, Any]]:
    """One row for each step of the frame. Steps without stories have no mean, so that the line breaks there."""
    found = {point.start: point for point in points}
    rows = [_sentiment_row(start, found.get(start), frame.step) for start in _starts(frame)]
    drawn = [row["mean"] is not None for row in rows]
    for place, row in enumerate(rows):
        row["lone"] = (
            drawn[place] and not any(drawn[max(0, place - 1) : place]) and not any(drawn[place + 1 : place + 2])
        )
    return rows


def _starts(frame: Frame) -> list[datetime]:
    count = max(1, -(-(frame.end - frame.start) // frame.step))
    return [frame.start + place * frame.step for place in range(count)]


def _sentiment_row(start: datetime, point: TrendPoint | None, step: timedelta) -> dict[str, Any]:
    mean = point.mean_score if point else None
    error = point.standard_error if point else None
    low = high = None
    if mean is not None and error is not None:
        low, high = max(-1.0, mean - _Z95 * error), min(1.0, mean + _Z95 * error)
    return {
        "start": start,
        "middle": start + step / 2,
        "end": start + step,
        "mean": mean,
        "above": None if mean is None else max(0.0, mean),
        "below": None if mean is None else min(0.0, mean),
        "low": low,
        "high": high,
        "mean_words": score_words(mean),
        "band_words": say("none") if low is None else f"{signed(low)} … {signed(high)}",
        "stories": point.count if point else 0,
    }


def volume_rows(points: Sequence[TrendPoint], frame: Frame, labels: Sequence[Label] = LABELS) -> list[dict[str, Any]]:
    """A row for each step that has stories and each of the labels, with its place in the stack. No labels: all."""
    counted = {point.start: {label: cast("int", getattr(point, label)) for label in LABELS} for point in points}
    return _stack(counted, frame, labels or LABELS)


def histogram_rows(rows: Sequence[StoryRow], frame: Frame) -> list[dict[str, Any]]:
    """The same from a list of stories."""
    counted: defaultdict[datetime, Counter[Label]] = defaultdict(Counter)
    for row in rows:
        counted[_floor(row.published_at, frame.step)][row.label] += 1
    return _stack(counted, frame, LABELS)


def _stack(
    counted: Mapping[datetime, Mapping[Label, int]], frame: Frame, labels: Sequence[Label]
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for start in sorted(counted):
        base = 0
        for label in (name for name in STACK if name in labels):
            count = counted[start].get(label, 0)
            rows.append(
                {
                    "start": start,
                    "end": start + frame.step,
                    "label": label,
                    "words": say(f"label.{label}"),
                    "stories": count,
                    "from": base,
                    "to": base + count,
                }
            )
            base += count
    return rows


def score_reach(rows: Sequence[Mapping[str, Any]]) -> float:
    """How far the score axis goes both ways. Few sizes, so that it rarely jumps."""
    ends = [abs(row[name]) for row in rows for name in ("mean", "low", "high") if row[name] is not None]
    return next(reach for reach in (0.25, 0.5, 0.75, 1.0) if reach >= min(1.0, max(ends, default=0.0)))


def mix_rows(totals: Totals) -> list[dict[str, Any]]:
    """One row a label, in the order of LABELS; nothing when there are no stories."""
    if not totals.count:
        return []
    return [
        {
            "label": label,
            "words": f"{GLYPHS[label]} {say(f'label.{label}')}",
            "share": getattr(totals, label) / totals.count,
            "stories": getattr(totals, label),
            "share_words": f"{percent(getattr(totals, label) / totals.count)}  ·  {getattr(totals, label):,}",
        }
        for label in LABELS
    ]


def probability_rows(negative: float, neutral: float, positive: float) -> list[dict[str, Any]]:
    given = _given(negative, neutral, positive)
    return [
        {"label": label, "words": f"{GLYPHS[label]} {say(f'label.{label}')}", "share": p, "share_words": f"{p:.1%}"}
        for label, p in given
    ]


def nearest_label(negative: float, neutral: float, positive: float) -> Label:
    """The label of the highest probability."""
    return max(_given(negative, neutral, positive), key=lambda pair: pair[1])[0]


def _given(negative: float, neutral: float, positive: float) -> tuple[tuple[Label, float], ...]:
    return ("positive", positive), ("neutral", neutral), ("negative", negative)


def tiles(totals: Totals, previous: Totals | None, frame: Frame, window: Window, sources: int) -> list[Tile]:
    """The five figures at the top. Without stories there is no mean and no share, and "-" says so."""
    before = previous if previous and previous.count else None
    versus = say("tile.versus", window=say(f"window.{window}"))
    if before is None:
        versus = say("tile.alone", window=say(f"window.{window}")) if window != "all" else say("tile.alone.all")
    mean, negative, unsure = (
        None if before is None else _change(measure(totals), measure(before))
        for measure in (_mean, partial(share, label="negative"), partial(share, label="unsure"))
    )
    growth = None if before is None else totals.count / before.count - 1
    from_sources = say("tile.stories.note.one") if sources == 1 else say("tile.stories.note", n=sources)
    return [
        Tile(say("tile.stories"), f"{totals.count:,}", from_sources),
        Tile(
            say("tile.mean"), score_words(totals.mean_score), versus, None if mean is None else signed(mean),
            _rising(mean), _tone(mean, good_up=True), say("tile.mean.help"),
        ),
        Tile(
            say("tile.negative"), percent(share(totals, "negative")), versus, _points(negative),
            _rising(negative), _tone(negative, good_up=False),
        ),
        Tile(
            say("tile.rate"), _rate(totals.count, frame.hours), versus,
            None if growth is None else f"{signed(growth * 100, 0)} %", _rising(growth),
        ),
        Tile(
            say("tile.unsure"), percent(share(totals, "unsure")), versus, _points(unsure), _rising(unsure),
            help=say("tile.unsure.help"),
        ),
    ]  # fmt: skip


def _mean(totals: Totals) -> float | None:
    return totals.mean_score


def share(totals: Totals, label: Label) -> float | None:
    return cast("int", getattr(totals, label)) / totals.count if totals.count else None


def _change(now: float | None, before: float | None) -> float | None:
    return None if now is None or before is None else now - before


def _rising(change: float | None) -> bool | None:
    return None if change is None or abs(change) < 0.0005 else change > 0


def _tone(change: float | None, *, good_up: bool) -> Tone:
    rising = _rising(change)
    if rising is None:
        return "gray"
    return "blue" if rising is good_up else "orange"


def _points(change: float | None) -> str | None:
    return None if change is None else say("points", n=signed(change * 100, 1))


def _rate(count: int, hours: float) -> str:
    rate = count / hours
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:,.1f}"
