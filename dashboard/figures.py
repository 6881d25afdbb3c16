"""Words for figures and times, and the few decisions that hang on them. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from typing import Final, Literal
from urllib.parse import urlsplit

from dashboard.words import known, say

Tone = Literal["blue", "orange", "gray", "red"]
_MINUS: Final = "\N{MINUS SIGN}"


def signed(value: float | None, digits: int = 2) -> str:
    """Always with its sign; a value that rounds to zero has none."""
    if value is None:
        return say("none")
    text = f"{abs(value):.{digits}f}"
    return text if float(text) == 0 else f"{'+' if value > 0 else _MINUS}{text}"


def score_words(score: float | None) -> str:
    """Arrow, sign and figure of a score."""
    text = signed(score)
    return text if text[0] not in "+" + _MINUS else f"{'▲' if text[0] == '+' else '▼'} {text}"


def percent(share: float | None) -> str:
    return say("none") if share is None else f"{share:.0%}" if share >= 0.0995 or share == 0 else f"{share:.1%}"


def ago(then: datetime, now: datetime) -> str:
    seconds = int((now - then).total_seconds())
    if seconds < 2:
        return say("ago.now")
    for key, unit, below in (("seconds", 1, 120), ("minutes", 60, 7_200), ("hours", 3_600, 172_800)):
        if seconds < below:
            return say(f"ago.{key}", n=seconds // unit)
    return say("ago.days", n=seconds // 86_400)


def clock(at: datetime, now: datetime, zone: tzinfo) -> str:
    """The time of day; with the date when it is not today's, with the year when it is not this year's."""
    local, today = at.astimezone(zone), now.astimezone(zone)
    if local.date() == today.date():
        return f"{local:%H:%M}"
    return f"{local:%d %b %H:%M}" if local.year == today.year else f"{local:%d %b %Y %H:%M}"


def delay(seconds: float) -> str:
    """A stretch of time in its natural unit."""
    if seconds < 0:
        return say("none")
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    for unit, size, below in (("s", 1, 120), ("min", 60, 7_200), ("h", 3_600, 172_800)):
        if seconds < below:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds / 86_400:.1f} d"


def step_words(step: timedelta) -> str:
    minutes = int(step / timedelta(minutes=1))
    for key, size in (("days", 1_440), ("hours", 60)):
        if minutes % size == 0:
            return say(f"step.{key}", n=minutes // size)
    return say("step.minutes", n=minutes)


def stamp_tone(stored_at: datetime, now: datetime) -> Tone:
    """In live use: late after two minutes without anything new, very late after ten."""
    age = now - stored_at
    return "red" if age > timedelta(minutes=10) else "orange" if age > timedelta(minutes=2) else "gray"


def flag_words(flag: str) -> str:
    key = f"flag.{flag}"
    return say(key) if known(key) else flag


def web_address(url: str) -> str | None:
    """The address if a browser may be sent there; else None."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme in ("http", "https") and parts.hostname else None
