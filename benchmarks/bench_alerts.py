"""Weeks that people remember, through the rules that ship; and how many stories a second the engine takes.

    python -m benchmarks.bench_alerts                       all windows: replay, score, rehearse (needs $NEWSTIDE_DATA)
    python -m benchmarks.bench_alerts --only brexit-vote
    python -m benchmarks.bench_alerts --scratch FOLDER      keep the scored databases there, and use them the next time
    python -m benchmarks.bench_alerts --throughput          10,000 rules, stories through the engine alone

Most archives have dates and no times: the stories of a day are spread over it evenly, in the order of the file. October
1987 is timed to the second. Eight weeks before a window are its baseline, where the archive has them. The alerts are
those of `newstide alerts backtest` on the twenty names that ship, which are what the live engine sends on the same
stories. Prints each alert with its day, then one JSON line; ends with 1 where a window is missed.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from benchmarks.alert_load import throughput
from newstide.alerting.files import defaults
from newstide.index.baseline import WEEKS

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Window:
    """What is rehearsed, [first, end), and what must come: `rule` fires within [from_, by), or at most so many."""

    name: str
    first: datetime
    end: datetime
    files: tuple[str, ...]
    rule: str = ""
    from_: datetime | None = None
    by: datetime | None = None
    alerts_max: int | None = None


def _at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


DAILY: Final = "streams/en_daily_2015_2018.jsonl.gz"
WINDOWS: Final = (
    Window(
        "brexit-vote", _at(2016, 6, 20), _at(2016, 6, 30), (DAILY, "streams/windows/en_reuters_brexit_2016.jsonl.gz"),
        rule="currency-shock", from_=_at(2016, 6, 24), by=_at(2016, 6, 25),
    ),
    Window(
        "february-2018", _at(2018, 1, 29), _at(2018, 2, 10),
        (DAILY, "streams/windows/en_reuters_volmageddon_2018.jsonl.gz"),
        rule="market-falls", from_=_at(2018, 2, 5), by=_at(2018, 2, 6),
    ),
    Window(
        "october-1987", _at(1987, 10, 19), _at(1987, 10, 21),
        ("streams/windows/en_reuters21578_black_monday_1987.jsonl.gz",),
        # From Tokyo's close on, until an hour after the burst began: DOW STOCK MARKET DROPS OVER 100 POINTS, 10:38:58.
        rule="market-falls", from_=_at(1987, 10, 19, 2), by=_at(1987, 10, 19, 11, 39),
    ),
    Window(
        "quiet-2017", _at(2017, 5, 22), _at(2017, 5, 29), (DAILY, "streams/windows/en_reuters_quiet_2017.jsonl.gz"),
        alerts_max=3,
    ),
)  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=[window.name for window in WINDOWS])
    parser.add_argument("--scratch", type=Path)
    parser.add_argument("--rules", type=Path, help="a file of rules, instead of those that ship")
    parser.add_argument("--throughput", action="store_true")
    options = parser.parse_args()
    if options.throughput:
        print(json.dumps({"benchmark": "alerts", "throughput": throughput()}))
        return 0
    data = Path(os.environ.get("NEWSTIDE_DATA") or ROOT.parent / "shared" / "data")
    rules = options.rules.read_text("utf-8") if options.rules else defaults()
    found: dict[str, Any] = {}
    for window in WINDOWS:
        if options.only in (None, window.name):
            with tempfile.TemporaryDirectory(prefix="newstide-alerts-") as folder:
                kept = (options.scratch or Path(folder)) / window.name
                found[window.name] = rehearsed(data, window, kept, rules)
    print(json.dumps({"benchmark": "alerts", "windows": found}, ensure_ascii=False))
    return 0 if all(each["kept"] for each in found.values()) else 1


def rehearsed(data: Path, window: Window, folder: Path, rules: str) -> dict[str, Any]:
    if not (folder / "scored").exists():
        score(data, window, folder)
    (folder / "rules").write_text(rules, "utf-8")
    newstide(folder, "alerts", "apply", str(folder / "rules"))
    span = ("--since", window.first.isoformat(), "--until", window.end.isoformat())
    said = json.loads(newstide(folder, "alerts", "backtest", "--file", str(folder / "rules"), *span, "--json"))
    fired = [firing for firing in said["firings"] if firing["kind"] == "fired"]
    print(f"\n{window.name}: {window.first:%Y-%m-%d} to {window.end:%Y-%m-%d}, {said['stories']:,} stories")
    for firing in fired:
        title = firing["evidence"][0]["title"][:70] if firing["evidence"] else ""
        value = firing["traces"][0]["value"]
        print(f"  {firing['at'][:16]}  {firing['rule_id']:<14} {firing['subject_name']:<22} {value:7.2f}  {title}")
    kept = window.alerts_max is None or len(fired) <= window.alerts_max
    if window.from_ is not None and window.by is not None:
        times = [datetime.fromisoformat(firing["at"]) for firing in fired if firing["rule_id"] == window.rule]
        kept = any(window.from_ <= at < window.by for at in times)
    weeks = {week["week"][:10]: week["alerts"] for week in said["weeks"]}
    print(f"  alerts by week: {weeks}; {'as wanted' if kept else 'MISSED'}")
    return {"alerts": len(fired), "weeks": weeks, "first": fired[0]["at"] if fired else None, "kept": kept}


def score(data: Path, window: Window, folder: Path) -> None:
    """Through the whole path, into a database of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "news.jsonl").open("w", encoding="utf-8") as out:
        for row in rows_of(data, window):
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
    newstide(folder, "topics", "create")
    newstide(folder, "ingest", "replay", str(folder / "news.jsonl"), "--source", "archive")
    newstide(folder, "process", "--drain")
    (folder / "scored").touch()


def rows_of(data: Path, window: Window) -> Iterator[dict[str, Any]]:
    """Each headline of a day once, from the baseline's beginning on; without a time, spread over the day."""
    since = window.first - timedelta(weeks=WEEKS)
    days: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for file in window.files:
        with gzip.open(data / file, "rt", encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                day = (row.get("published_at") or row["date"]).replace("-", "")[:8]
                if f"{since:%Y%m%d}" <= day < f"{window.end:%Y%m%d}":
                    days[day].setdefault(row["title"], row)
    for day, titles in sorted(days.items()):
        begin = datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC)
        for place, row in enumerate(titles.values()):
            spread = begin + timedelta(days=1) * (place / len(titles))
            body = row.get("summary") or row.get("body") or ""
            at = row.get("published_at") or spread.replace(microsecond=0).isoformat()
            yield {"published_at": at, "title": row["title"], "body": body}


def newstide(folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "cli.main", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "NEWSTIDE_DATA_DIR": str(folder)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=folder)
    if done.returncode:
        raise SystemExit(f"newstide {' '.join(arguments)} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
