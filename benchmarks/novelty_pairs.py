"""Pairs of real headlines for a person to judge, and what the person said: a stratified, seeded sample.

    python -m benchmarks.novelty_pairs --draw FILE --sample held_out    the pairs, to be read and judged (do not commit)
    python -m benchmarks.novelty_pairs --keep FILE --sample held_out    the judged file into
    benchmarks/novelty_judgements.tsv

The frame is every pair of different titles published within two days of each other, on DAYS seeded days, whose
runs of four characters have a Jaccard similarity of at least FRAME_MIN. The strata do not depend on what is
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

from model.data import data_root, read_bytes, unpack
from newstide.novelty.guard import facts_of
from newstide.novelty.text import canonical, undressed
from newstide.text import model_input

JUDGEMENTS = Path(__file__).with_name("novelty_judgements.tsv")
SOURCE = "streams/en_daily_2015_2018.jsonl.gz"
DAYS, FRAME_MIN = 72, 0.4
SEEDS = {"development": 20_260_302, "held_out": 20_260_303}
"""The rules were written with the first sample in view; the second was drawn and judged when they stood."""
BINS = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
DRAWN = {(True, False): 34, (True, True): 5, (False, False): 10, (False, True): 2}
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


def frame(data: Path, seed: int) -> dict[Stratum, list[tuple[str, str]]]:
    """Every pair of the frame, by stratum."""
    days = by_day(data)
    found: defaultdict[Stratum, list[tuple[str, str]]] = defaultdict(list)
    for day in random.Random(seed).sample(sorted(days), DAYS):  # noqa: S311 - a sample, no secret
        first = days[day]
        pool = [*first, *(title for later in (1, 2) for title in days.get(day + later, ()))]
        for pair, stratum in _pairs(pool, len(first)):
            found[stratum].append(pair)
    return found


def _pairs(pool: list[Title], firsts: int) -> list[tuple[tuple[str, str], Stratum]]:
    """Pairs of which at least one is among the first so many of the pool."""
    texts = [readable(title) for title, _ in pool]
    runs = [_runs(canonical(text)) for text in texts]
    holders: defaultdict[str, list[int]] = defaultdict(list)
    found = []
    for number, mine in enumerate(runs):
        shared = Counter(other for run in mine for other in holders[run])
        for other, count in shared.items():
            likeness = count / (len(mine) + len(runs[other]) - count)
            if likeness >= FRAME_MIN and pool[number][0] != pool[other][0]:
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


def _runs(text: str) -> frozenset[str]:
    padded = f" {text} "
    return frozenset(padded[n : n + 4] for n in range(max(1, len(padded) - 3)))


def draw(data: Path, target: Path, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311
    with target.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, delimiter="\t")
        writer.writerow(["number", "stratum", "weight", "same", "one", "other"])
        number = 0
        for stratum, pairs in sorted(frame(data, seed).items()):
            drawn = dice.sample(pairs, min(len(pairs), DRAWN[stratum[1:]]))
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
        draw(data_root(), options.draw, SEEDS[options.sample])
    if options.keep:
        keep(options.keep, options.sample)


if __name__ == "__main__":
    main()
