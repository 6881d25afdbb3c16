"""Weeks that people remember, replayed: who moved most, by volume and by sentiment, against their own eight weeks.

    python -m benchmarks.bench_movers                    all windows: replay, score, link, ask (needs $NEWSTIDE_DATA)
    python -m benchmarks.bench_movers --tags             from the companies that the data itself names, without a model
    python -m benchmarks.bench_movers --only brexit-vote

The archives have dates and no times, so a window is of whole days. The stream before a window is its baseline. The
first lists are newstide's own (`newstide ingest replay`, `process --drain`, `query movers`); those of --tags use the
same formula on the source's tags, and are what linking is to be held against. Prints a table for each window, then one
JSON line.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from newstide.index.baseline import WEEKS
from newstide.index.moments import Moments
from newstide.index.series import Steps, movers, ranked

ROOT = Path(__file__).resolve().parents[1]
SHOWN: Final = 12


@dataclass(frozen=True)
class Window:
    """Days [first, end), and the files that hold them and what came before."""

    name: str
    first: date
    end: date
    files: tuple[str, ...]


DAILY: Final = "streams/en_daily_2015_2018.jsonl.gz"
CHINESE: Final = ("streams/windows/zh_wwxmu_2016_2019.jsonl.gz",)
WINDOWS: Final = (
    Window(
        "brexit-vote", date(2016, 6, 24), date(2016, 6, 29), (DAILY, "streams/windows/en_reuters_brexit_2016.jsonl.gz")
    ),
    Window(
        "february-2018",
        date(2018, 2, 5),
        date(2018, 2, 10),
        (DAILY, "streams/windows/en_reuters_volmageddon_2018.jsonl.gz"),
    ),
    Window("leeco-2017", date(2017, 7, 3), date(2017, 7, 8), CHINESE),
    Window("zte-ban-2018", date(2018, 4, 23), date(2018, 4, 28), CHINESE),
    Window("gree-2019", date(2019, 1, 14), date(2019, 1, 19), CHINESE),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tags", action="store_true")
    parser.add_argument("--only", choices=[window.name for window in WINDOWS])
    options = parser.parse_args()
    data = Path(os.environ.get("NEWSTIDE_DATA") or ROOT.parent / "shared" / "data")
    found: dict[str, Any] = {}
    for window in WINDOWS:
        if options.only in (None, window.name):
            rows = list(rows_of(data, window))
            found[window.name] = {"by tags": by_tags(rows, window)} if options.tags else by_newstide(rows, window)
            tell(window, len(rows), found[window.name])
    print(json.dumps({"benchmark": "movers", "windows": found}, ensure_ascii=False))
    return 0


def rows_of(data: Path, window: Window) -> Iterator[dict[str, Any]]:
    """Each headline of a day once, with the companies that the source names, from the baseline's beginning on."""
    since = window.first - timedelta(weeks=WEEKS)
    merged: dict[tuple[str, str], set[str]] = defaultdict(set)
    bodies: dict[tuple[str, str], str] = {}
    for file in window.files:
        with gzip.open(data / file, "rt", encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                day = row["date"].replace("-", "")[:8]
                if not f"{since:%Y%m%d}" <= day < f"{window.end:%Y%m%d}":
                    continue
                key = (day, row["title"])
                merged[key] |= {name for name in (*row.get("companies", ()), row.get("company")) if name}
                bodies.setdefault(key, row.get("summary") or "")
    for (day, title), names in sorted(merged.items()):
        yield {
            "date": f"{day[:4]}-{day[4:6]}-{day[6:]}",
            "title": title,
            "body": bodies[day, title],
            "names": sorted(names),
        }


def by_tags(rows: list[dict[str, Any]], window: Window) -> list[dict[str, Any]]:
    stream: Counter[int] = Counter()
    subjects: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for row in rows:
        hour = _hour(date.fromisoformat(row["date"]))
        stream[hour] += 1
        for name in row["names"]:
            subjects[name][hour] += 1
    steps = _steps(window)
    hourly = {name: _moments(counts) for name, counts in subjects.items()}
    found = ranked(movers(hourly, _moments(stream), min(stream), steps), "volume")[:SHOWN]
    return [
        {
            "entity": m.entity_id,
            "count": m.point.count,
            "expected": m.point.volume.expected,
            "volume_z": m.point.volume.z,
        }
        for m in found
    ]


def by_newstide(rows: list[dict[str, Any]], window: Window) -> dict[str, list[dict[str, Any]]]:
    """Through the whole path, in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="newstide-movers-") as folder:
        file = Path(folder) / "news.jsonl"
        with file.open("w", encoding="utf-8") as out:
            for row in rows:
                out.write(json.dumps(row, ensure_ascii=False) + "\n")

        def newstide(*arguments: str) -> str:
            command = [sys.executable, "-m", "cli.main", *arguments]
            environment = os.environ | {"PYTHONPATH": str(ROOT), "NEWSTIDE_DATA_DIR": folder}
            return subprocess.run(
                command, capture_output=True, text=True, check=True, env=environment, cwd=folder
            ).stdout

        newstide("topics", "create")
        newstide("ingest", "replay", str(file), "--source", "archive")
        newstide("process", "--drain")
        days = (window.end - window.first).days
        asked = ("--until", window.end.isoformat(), "--window", f"{days}d", "--limit", str(SHOWN), "--json")
        return {
            f"by {by}": json.loads(newstide("query", "movers", "--by", by, *asked)) for by in ("volume", "sentiment")
        }


def tell(window: Window, stories: int, lists: dict[str, list[dict[str, Any]]]) -> None:
    print(f"\n{window.name}: {window.first} to {window.end - timedelta(days=1)}, {stories:,} stories with the baseline")
    for name, rows in lists.items():
        print(f"  {name}")
        for row in rows:
            figures = ((k, row.get(k)) for k in ("count", "expected", "volume_z", "mean", "surprise_z"))
            print(f"    {row['entity']:<40}", "  ".join(f"{k} {v:.1f}" for k, v in figures if v is not None))


def _moments(counts: Counter[int]) -> dict[int, Moments]:
    return {hour: Moments(count=n) for hour, n in counts.items()}


def _steps(window: Window) -> Steps:
    start, end = _hour(window.first), _hour(window.end)
    return Steps(start, end, end - start, end - start)


def _hour(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) // 3_600


if __name__ == "__main__":
    sys.exit(main())
