"""The public sets that linking is measured on, each as texts with what is named in them."""

from __future__ import annotations

import csv
import gzip
import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple

_FORM: Final = re.compile(
    r"[\s,]+(?:\(The\)|Inc|Incorporated|Corp|Corporation|Co|Company|Ltd|Limited|plc|PLC|Plc|LLC|LP|NV|SA|AG|SE|"
    r"SPA|SpA|AB"
    r"|ASA|A/S|Holdings?|Group|& Co|and Company|International|Worldwide|ADR|\(Class A\))\.?$"
)


class Tagged(NamedTuple):
    """A headline, the day, and the ticker that its publisher put on it."""

    title: str
    day: date
    ticker: str
    company: str


class Named(NamedTuple):
    """A text, and the names in it that an annotator marked."""

    text: str
    names: frozenset[str]


class Headline(NamedTuple):
    """A Chinese headline, its day where the set has one, and the set. `code` is the listing its publisher put on it."""

    title: str
    day: date | None
    source: str
    code: str = ""


HEADLINE_CHARS_MAX: Final = 120
"""Of a flash item without a headline of its own."""


def chinese(root: Path) -> Iterator[Headline]:
    """Different Chinese headlines: company notices of 2016 to 2019, flash items of 2022, and the unlabelled texts that
    are short enough to be headlines. None of these sets has a test split."""
    seen: set[str] = set()
    for name, file in (("notices", "windows/zh_wwxmu_2016_2019"), ("flash", "windows/zh_flash_2022_untimed")):
        for row in _rows(root / f"streams/{file}.jsonl.gz"):
            title = row.get("title") or _headline(row["text"])
            if title not in seen:
                seen.add(title)
                day = date.fromisoformat(row["date"]) if "date" in row else None
                yield Headline(title, day, name, row.get("code", ""))
    for row in _rows(root / "text/zh_unlabelled.jsonl.gz"):
        title = _headline(row["text"])
        if title not in seen and title == row["text"] and len(title) <= HEADLINE_CHARS_MAX:
            seen.add(title)
            yield Headline(title, None, "texts")


def _headline(text: str) -> str:
    """What a flash item puts in brackets before its text, or its beginning."""
    if text.startswith("【") and "】" in text:
        return text[1 : text.index("】")]
    return text[:HEADLINE_CHARS_MAX]


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def daily(root: Path) -> Iterator[Tagged]:
    """`en_daily_2015_2018`, each headline once for each of its tickers."""
    seen: set[tuple[str, str]] = set()
    with gzip.open(root / "streams/en_daily_2015_2018.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            key = (row["ticker"], row["title"])
            if key not in seen:
                seen.add(key)
                yield Tagged(row["title"], date.fromisoformat(row["date"]), row["ticker"], row["company"])


def is_named(tagged: Tagged) -> bool:
    """Whether the company, without its legal form, or its ticker stands in the headline, letter by letter."""
    name = tagged.company.replace("&#39;", "'").replace("&amp;", "&").strip()
    while (shorter := _FORM.sub("", name).strip(" ,.")) != name and shorter:
        name = shorter
    wanted = [name] + ([tagged.ticker] if len(tagged.ticker) > 1 else [])
    return any(re.search(rf"(?<![A-Za-z0-9]){re.escape(each)}(?![A-Za-z0-9])", tagged.title) for each in wanted)


def finer(root: Path) -> Iterator[Named]:
    """Sentences of FiNER-ORD's test split with their organisations."""
    sentences: dict[tuple[str, str], list[tuple[str, str]]] = {}
    with (root / "topics_entities/finer_ord/test.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            key = (row["doc_idx"], row["sent_idx"])
            sentences.setdefault(key, []).append((row["gold_token"], row["gold_label"]))
    for tokens in sentences.values():
        text, names, open_name = "", [], -1
        for token, label in tokens:
            start = len(text) if token in (".", ",", "’s", "'s", ")", ":", "%") or not text else len(text) + 1
            text = text.ljust(start) + token
            if label == "5":
                names.append((start, len(text)))
                open_name = start
            elif label == "6" and open_name >= 0:
                names[-1] = (names[-1][0], len(text))
            else:
                open_name = -1
        yield Named(text, frozenset(text[a:b] for a, b in names))


def finnsp(root: Path) -> Iterator[Named]:
    """FinNSP's evaluation split: posts and news about lending platforms, with the firms that they name."""
    for row in json.loads((root / "topics_entities/zh_finnsp/eval_list.json").read_text("utf-8"))[1:]:
        yield Named(f"{row[1]} {row[2]}", frozenset(name for name in (row[3] or "").split(";") if name))


def cfbenchmark(root: Path) -> Iterator[Named]:
    """CFBenchmark's company task: Chinese news with the companies that they name."""
    with (root / "topics_entities/zh_cfbenchmark/basic_company.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            names = row["response"].replace("，", ",").replace("、", ",").split(",")
            yield Named(row["input"], frozenset(name.strip() for name in names if name.strip()))
