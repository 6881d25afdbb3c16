"""Real headlines through a real broker and a real database by real processes, and the ledger checked to the last row.

    python -m benchmarks.bench_stream                    50,000 headlines, 6 partitions, 3 processors
    python -m benchmarks.bench_stream --faults           the same, with one killed (-9) twice and one frozen and woken

Prints a summary, then one JSON line. Exit status 1 when any check fails.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from benchmarks.ground import Child, Ground, conclude, ground, headlines, machine, wait_until
from newstide.codec import decode_items, decode_stories
from newstide.messages import NewsItem, ScoredStory

Line = tuple[str, int]
"""Story id and revision."""


@dataclass
class Report:
    figures: dict[str, Any] = field(default_factory=dict)
    checks: dict[str, bool] = field(default_factory=dict)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stories", type=int, default=50_000)
    parser.add_argument("--processes", type=int, default=3)
    parser.add_argument("--partitions", type=int, default=6)
    parser.add_argument("--faults", action="store_true", help="kill one processor twice, freeze and wake another")
    parser.add_argument("--json", action="store_true", help="print one JSON line alone")
    options = parser.parse_args()
    report = Report()
    with ground(options.partitions) as made:
        file, source = headlines(options.stories, made.scratch)
        report.figures |= {"benchmark": "stream", "source": source, "machine": machine(), "faults": options.faults}
        children = [made.processor(f"p{n}") for n in range(1, options.processes + 1)]
        wait_until(lambda: all(child.ready() for child in children), "the processors are ready", 60)
        started_s = time.monotonic()
        replayed = json.loads(made.newstide("ingest", "replay", str(file), "--title", "text", "--json"))
        replayed_s = time.monotonic() - started_s
        if options.faults:
            _harm(made, children, replayed["published"], report)
        wait_until(lambda: _received(made) >= replayed["published"], "every story is taken in", 1_800)
        seconds = time.monotonic() - started_s
        report.figures |= {
            "stories": replayed["published"],
            "seconds": round(seconds, 2),
            "stories_per_second": round(replayed["published"] / seconds, 1),
            "replay_seconds": round(replayed_s, 2),
        }
        _stop(children, report)
        _check(made, replayed, report)
    return conclude({**report.figures, "checks": report.checks}, options.json)


def _received(made: Ground) -> int:
    return int(made.query("SELECT coalesce(sum(received), 0) FROM streams")[0][0])


def _offsets(made: Ground) -> dict[int, int]:
    return dict(made.query("SELECT partition, next_offset FROM streams"))


def _all_moved(made: Ground, stood: dict[int, int]) -> bool:
    """Whether every partition went on since: also those of one who is frozen, so somebody else has them."""
    return all(offset > stood[partition] for partition, offset in _offsets(made).items())


def _harm(made: Ground, children: list[Child], total: int, report: Report) -> None:
    """-9 twice for the first processor; the second is frozen until the others have its partitions, then woken."""
    victim, sleeper = children[0], children[1]
    for share in (0.1, 0.25):
        wait_until(lambda s=share: _received(made) >= total * s, f"{share:.0%} are done", 900)  # type: ignore[misc]
        victim.kill()
        victim.start()
        wait_until(victim.ready, "the killed processor is back", 60)
    rejections, freezes = 0.0, 0
    while not rejections and freezes < 3:  # a freeze between two turns holds nothing that could be rejected
        freezes += 1
        sleeper.signal(signal.SIGSTOP)
        stood = _offsets(made)
        wait_until(lambda s=stood: _all_moved(made, s), "the others have its partitions", 120)  # type: ignore[misc]
        sleeper.signal(signal.SIGCONT)
        deadline_s = time.monotonic() + 30
        while not rejections and time.monotonic() < deadline_s:
            time.sleep(0.2)
            rejections = sleeper.metric("newstide_consumer_cas_rejections_total")
    report.figures |= {"kills": 2, "freezes": freezes, "cas_rejections_of_the_frozen": rejections}
    report.checks["at least one compare-and-swap rejection"] = rejections >= 1


def _stop(children: list[Child], report: Report) -> None:
    report.figures["cas_rejections"] = sum(c.metric("newstide_consumer_cas_rejections_total") for c in children)
    ended = [child.stop() for child in children]
    report.figures["stop_seconds_max"] = round(max(seconds for _, seconds in ended), 2)
    report.checks["every processor ended in order within 10 s"] = all(
        status == 0 and seconds < 10 for status, seconds in ended
    )


def _read(made: Ground, topic: str) -> tuple[list[NewsItem], list[ScoredStory], dict[int, int]]:
    """All messages of a topic, and the lines of each partition."""
    ends = made.describe(topic).bounds
    left, lines = sum(bounds.end for bounds in ends.values()), Counter[int]()
    items: list[NewsItem] = []
    scored: list[ScoredStory] = []
    with closing(made.bus().consumer(topic, f"ledger of {topic}", "ledger", lambda partitions: {})) as consumer:
        while left:
            for record in consumer.poll(1.0, 500):
                left -= 1
                if topic == made.settings().bus.topic_raw:
                    found = [good.message for good in decode_items(record.value)[0]]
                    items += found
                    lines[record.partition] += len(found)
                else:
                    scored += [good.message for good in decode_stories(record.value)[0]]
    return items, scored, dict(lines)


def _check(made: Ground, replayed: dict[str, Any], report: Report) -> None:
    settings = made.settings()
    items, _, lines = _read(made, settings.bus.topic_raw)
    _, announced, _ = _read(made, settings.bus.topic_scored)
    sent = {(item.story_id, item.revision) for item in items}
    rows = made.query("SELECT story_id, revision, model_version FROM scores")
    partitions = made.query("SELECT partition, next_offset, received, stored, duplicates, dead FROM streams")
    ends = {partition: bounds.end for partition, bounds in made.describe(settings.bus.topic_raw).bounds.items()}
    kept, counted = made.query(
        "SELECT (SELECT count(*) FROM stories), (SELECT coalesce(sum(count + copies), 0) FROM rollups "
        "WHERE level = 1440 AND entity_id = '')"
    )[0]
    said = {(s.item.story_id, s.item.revision, s.model_version) for s in announced}
    report.checks |= {
        "the log holds what the replay published": len(items) == replayed["published"],
        "every story once: the ids are those of the log": {(s, r) for s, r, _ in rows} == sent,
        "no duplicate (story, revision, model)": len(rows) == len(set(rows)) == len(sent),
        "received = stored + duplicates + dead in each partition": all(
            received == stored + twice + dead for _, _, received, stored, twice, dead in partitions
        ),
        "received is what lies in each partition": {p: received for p, _, received, *_ in partitions}
        == {p: lines.get(p, 0) for p in ends},
        "stored counts are the rows": sum(row[3] for row in partitions) == len(rows),
        "every offset stands at the log's end": {row[0]: row[1] for row in partitions} == ends,
        "rollups count each story once": kept == counted == len(sent),
        "every row was announced": said >= set(rows) and said <= set(rows),
    }
    report.figures |= {"rows": len(rows), "announced": len(announced), "announced_again": len(announced) - len(said)}


if __name__ == "__main__":
    sys.exit(main())
