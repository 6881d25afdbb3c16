import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from dashboard.figures import ago, clock, delay, flag_words, percent, score_words, signed, stamp_tone, web_address
from dashboard.words import ENGLISH, GLYPHS, say

NOW = datetime(2026, 3, 2, 14, 37, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.123, "+0.12"), (-0.5, "−0.50"), (0.001, "0.00"), (-0.001, "0.00"), (0.0, "0.00"), (None, "–")],
)
def test_a_figure_always_has_its_sign(value: float | None, words: str) -> None:
    assert signed(value) == words


@pytest.mark.parametrize(("value", "words"), [(0.4, "▲ +0.40"), (-0.4, "▼ −0.40"), (0.0, "0.00"), (None, "–")])
def test_a_score_has_an_arrow_too(value: float | None, words: str) -> None:
    assert score_words(value) == words


@pytest.mark.parametrize(
    ("share", "words"), [(0.0, "0%"), (0.054, "5.4%"), (0.0996, "10%"), (1.0, "100%"), (None, "–")]
)
def test_shares(share: float | None, words: str) -> None:
    assert percent(share) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-3, "just now"),
        (1, "just now"),
        (119, "119 s ago"),
        (120, "2 min ago"),
        (7_300, "2 h ago"),
        (200_000, "2 d ago"),
    ],
)
def test_ages(seconds: int, words: str) -> None:
    assert ago(NOW - timedelta(seconds=seconds), NOW) == words


def test_a_time_carries_its_date_when_that_is_not_today() -> None:
    shanghai = ZoneInfo("Asia/Shanghai")
    assert clock(NOW, NOW, UTC) == "14:37"
    assert clock(NOW, NOW, shanghai) == "22:37"
    assert clock(NOW, NOW + timedelta(hours=2), shanghai) == "02 Mar 22:37"
    assert clock(NOW - timedelta(days=400), NOW, UTC) == "26 Jan 2025 14:37"


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.04, "40 ms"), (3.9, "3.9 s"), (240, "4.0 min"), (9_000, "2.5 h"), (-5, "–")]
)
def test_delays(seconds: float, words: str) -> None:
    assert delay(seconds) == words


def test_the_stamp_warns_after_two_minutes_and_again_after_ten() -> None:
    tones = [stamp_tone(NOW - timedelta(seconds=s), NOW) for s in (0, 120, 121, 600, 601)]
    assert tones == ["gray", "gray", "orange", "orange", "red"]


@pytest.mark.parametrize("url", ["http://a.example/x", "https://a.example"])
def test_web_addresses_are_links(url: str) -> None:
    assert web_address(url) == url


@pytest.mark.parametrize(
    "url", ["", "javascript:alert(1)", "data:text/html,x", "file:///x", "https://", "http://[", "x"]
)
def test_nothing_else_is_a_link(url: str) -> None:
    assert web_address(url) is None


def test_flags_have_words_and_an_unknown_one_stays_as_it_is() -> None:
    assert "time of receipt" in flag_words("date_suspect")
    assert flag_words("{from_elsewhere}") == "{from_elsewhere}"


def test_words() -> None:
    assert all(ENGLISH.values())
    assert set(GLYPHS) == {"positive", "negative", "neutral", "unsure"}
    with pytest.raises(KeyError):
        say("no.such.key")


def test_every_flag_has_words() -> None:
    """Whatever ingest and the processor write down of a story can be read on its page."""
    root = Path(__file__).resolve().parents[3]
    said = "".join((root / name).read_text("utf-8") for name in ("ingest/normalise.py", "processor/pipeline.py"))
    flags = set(re.findall(r'flags\.append\("(\w+)"\)|flags=\(\*item\.flags, "(\w+)"\)', said))
    names = {name for pair in flags for name in pair if name}
    assert len(names) >= 6
    assert {flag for flag in ENGLISH if flag.startswith("flag.")} == {f"flag.{name}" for name in names}
