"""Pairs of real headlines for a person to judge, and what the person said: a stratified, seeded sample.

    python -m benchmarks.novelty_pairs --draw FILE --sample held_out    the pairs, to be read and judged (do not commit)
    python -m benchmarks.novelty_pairs --keep FILE --sample held_out    the judged file into
    benchmarks/novelty_judgements.tsv

The frame is every pair of different titles published within two days of each other, on DAYS seeded days, whose
runs of four characters have a Jaccard similarity of at least FRAME_MIN. In Chinese it is runs of two, company notices
of 2016 to 2019 by their day, and flash items of 2022 by their order, FLASH_A_DAY to a day; half of the days are for
development, the other half held out, and both for the fresh sample. The strata do not depend on what is
measured: similarity, whether the pair has a ticker in common, whether each title has a figure that the other
lacks. Each judged pair stands for as many of its stratum as were not drawn.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import random
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from benchmarks import linking_sets
from model.data import data_root, read_bytes, unpack
from newstide.novelty.guard import facts_of
from newstide.novelty.text import canonical, undressed
from newstide.text import model_input

JUDGEMENTS = Path(__file__).with_name("novelty_judgements.tsv")
SOURCE = "streams/en_daily_2015_2018.jsonl.gz"
DAYS, FRAME_MIN = 72, {"en": 0.4, "zh": 0.3}
FLASH_A_DAY = 600
SEEDS = {
    "development": 20_260_302,
    "held_out": 20_260_303,
    "fresh": 20_260_305,
    "zh_development": 20_260_306,
    "zh_held_out": 20_260_307,
    "zh_fresh": 20_260_308,
    "zh_frozen": 20_261_126,
    "zh_last": 20_261_127,
}
"""Rules were written with the samples of development in view; the others were drawn and judged when they stood. What
`zh_held_out` showed was mended, and so were bands and figures in English: `fresh` and `zh_fresh` came after that. Then
the Chinese halves were read for the rules of notices, with unjudged pairs of the days of development; `zh_fresh` was
not. `zh_frozen` was drawn from the other days when those rules stood, `zh_last` after the mends that it and `zh_fresh`
showed; both were judged before their outcome was seen. Their frame is that of the rules before all this (e12e5bf)."""
BINS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
DRAWN = {
    "en": {(True, False): 34, (True, True): 5, (False, False): 10, (False, True): 2},
    "zh": {(True, False): 10, (True, True): 4, (False, False): 16, (False, True): 6},
    "zh_fresh": {(True, False): 7, (True, True): 2, (False, False): 9, (False, True): 2},
    "zh_frozen": {(True, False): 12, (True, True): 12, (False, False): 22, (False, True): 8},
    "zh_last": {(True, False): 10, (True, True): 8, (False, False): 20, (False, True): 4},
    "fresh": {(True, False): 17, (True, True): 4, (False, False): 5, (False, True): 1},
}
"""Of each similarity bin: by ticker in common, and figures in conflict."""

Stratum = tuple[float, bool, bool]
Title = tuple[str, frozenset[str]]
"""A title and its tickers of a day."""


@dataclass(frozen=True)
class Judged:
    """A pair by the hashes of its titles; `weight` is how many pairs of the frame it stands for."""

    sample: str
    one: str
    other: str
    stratum: str
    weight: float
    same: bool


def hash_of(title: str) -> str:
    return hashlib.sha256(title.encode()).hexdigest()[:16]


def readable(title: str) -> str:
    return undressed(model_input(title))


def rows(data: Path) -> list[dict[str, str]]:
    return [msgspec.json.decode(line) for line in unpack(SOURCE, read_bytes(data, SOURCE)).splitlines()]


def by_day(data: Path) -> dict[int, list[Title]]:
    """The different titles of each day, with their tickers."""
    tickers: defaultdict[int, defaultdict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in rows(data):
        day = datetime.strptime(row["date"], "%Y%m%d").toordinal()  # noqa: DTZ007 - a day, not a moment
        tickers[day][row["title"]].add(row["ticker"].strip())
    return {day: [(t, frozenset(some)) for t, some in sorted(titles.items())] for day, titles in tickers.items()}


def chinese_by_day(data: Path) -> dict[int, list[Title]]:
    """The same of Chinese headlines; flash items have no day but an order, and count their days from 1."""
    days: defaultdict[int, list[Title]] = defaultdict(list)
    flash = 0
    for each in linking_sets.chinese(data):
        if each.day:
            days[each.day.toordinal()].append((each.title, frozenset({each.code})))
        elif each.source == "flash":
            flash += 1
            days[1 + flash // FLASH_A_DAY].append((each.title, frozenset()))
    return dict(days)


def frame(data: Path, sample: str) -> dict[Stratum, list[tuple[str, str]]]:
    """Every pair of the frame that is in no other sample, by stratum."""
    language = language_of(sample)
    days = chinese_by_day(data) if language == "zh" else by_day(data)
    found: defaultdict[Stratum, list[tuple[str, str]]] = defaultdict(list)
    read = {(judged.one, judged.other) for judged in judgements() if judged.sample != sample}
    for day in _days(sample, sorted(days)):
        first = days[day]
        pool = [*first, *(title for later in (1, 2) for title in days.get(day + later, ()))]
        for pair, stratum in _pairs(pool, len(first), language):
            if (hash_of(pair[0]), hash_of(pair[1])) not in read:
                found[stratum].append(pair)
    return found


def language_of(sample: str) -> str:
    return "zh" if sample.startswith("zh_") else "en"


def _days(sample: str, days: list[int]) -> list[int]:
    if language_of(sample) == "en":
        return random.Random(SEEDS[sample]).sample(days, DAYS)  # noqa: S311 - a sample, no secret
    random.Random(SEEDS["zh_development"]).shuffle(days)  # noqa: S311
    if sample == "zh_fresh":
        return days
    half = len(days) // 2
    return days[:half] if sample == "zh_development" else days[half:]


def _pairs(pool: list[Title], firsts: int, language: str) -> list[tuple[tuple[str, str], Stratum]]:
    """Pairs of which at least one is among the first so many of the pool."""
    texts = [readable(title) for title, _ in pool]
    runs = [_runs(canonical(text), 2 if language == "zh" else 4) for text in texts]
    holders: defaultdict[str, list[int]] = defaultdict(list)
    found = []
    for number, mine in enumerate(runs):
        shared = Counter(other for run in mine for other in holders[run])
        for other, count in shared.items():
            likeness = count / (len(mine) + len(runs[other]) - count)
            if likeness >= FRAME_MIN[language] and pool[number][0] != pool[other][0]:
                a, b = facts_of(texts[other]).numbers, facts_of(texts[number]).numbers
                stratum = (
                    max(low for low in BINS if low <= likeness),
                    bool(pool[number][1] & pool[other][1]),
                    bool(a - b and b - a),
                )
                found.append(((pool[other][0], pool[number][0]), stratum))
        if number < firsts:
            for run in mine:
                holders[run].append(number)
    return found


def _runs(text: str, chars: int) -> frozenset[str]:
    padded = f" {text} "
    return frozenset(padded[n : n + chars] for n in range(max(1, len(padded) - chars + 1)))


def draw(data: Path, target: Path, sample: str) -> None:
    dice = random.Random(SEEDS[sample])  # noqa: S311
    wanted = DRAWN.get(sample) or DRAWN[language_of(sample)]
    with target.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, delimiter="\t")
        writer.writerow(["number", "stratum", "weight", "same", "one", "other"])
        number = 0
        for stratum, pairs in sorted(frame(data, sample).items()):
            drawn = dice.sample(pairs, min(len(pairs), wanted[stratum[1:]]))
            for one, other in drawn:
                number += 1
                name = f"{stratum[0]}/{'ticker' if stratum[1] else 'other'}/{'figures' if stratum[2] else '-'}"
                writer.writerow([number, name, round(len(pairs) / len(drawn), 3), "", one, other])


def keep(judged: Path, sample: str) -> None:
    others = [j for j in judgements() if j.sample != sample]
    with judged.open(encoding="utf-8", newline="") as lines, JUDGEMENTS.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, delimiter="\t", lineterminator="\n")
        writer.writerow(["sample", "one", "other", "stratum", "weight", "same"])
        writer.writerows([j.sample, j.one, j.other, j.stratum, j.weight, int(j.same)] for j in others)
        for row in csv.DictReader(lines, delimiter="\t"):
            verdict = {"y": 1, "n": 0}[row["same"]]
            one, other = hash_of(row["one"]), hash_of(row["other"])
            writer.writerow([sample, one, other, row["stratum"], row["weight"], verdict])


def judgements() -> list[Judged]:
    with JUDGEMENTS.open(encoding="utf-8", newline="") as lines:
        return [
            Judged(row["sample"], row["one"], row["other"], row["stratum"], float(row["weight"]), row["same"] == "1")
            for row in csv.DictReader(lines, delimiter="\t")
        ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draw", type=Path)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--sample", choices=tuple(SEEDS), default="held_out")
    options = parser.parse_args()
    if options.draw:
        draw(data_root(), options.draw, options.sample)
    if options.keep:
        keep(options.keep, options.sample)


if __name__ == "__main__":
    main()
