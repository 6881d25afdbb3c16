"""Publishers who change their minds, workers who are killed, a broker that goes away: what was shown is on the bus.

    python -m benchmarks.bench_feeds                               200 feeds, 3 workers, 10 minutes
    python -m benchmarks.bench_feeds --seconds 90 --feeds 60       a short one

Starts a real broker, a real database and our own command. Prints a summary, then one JSON line. Exit status 1 when any
check fails.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from bisect import bisect_left
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from statistics import quantiles
from typing import Any, Final

from benchmarks.feed_server import FeedServer
from benchmarks.feed_world import Key, World, now_utc
from benchmarks.ground import Child, Ground, conclude, ground, machine, program, wait_until
from newstide.codec import decode_items
from newstide.messages import NewsItem
from tests.services.common import free_port

A_HOST: Final = 4
"""Feeds that share a host, so that sparing it means something."""
LEASE_S: Final = 10.0
GAP_S: Final = 0.5
"""`ingest.host_gap_s`"""
WINDOW_S: Final = 10.0
"""Requests to one host are counted in windows of this length: what is between the start of a poll and its request is no
manners of ours."""


@dataclass
class Run:
    made: Ground
    server: FeedServer
    every_s: float
    began: datetime = field(default_factory=now_utc)
    """When the workers were ready. What was shown before waited for them, not for a poll."""
    workers: list[Child] = field(default_factory=list)
    kills: int = 0
    outages: list[tuple[datetime, datetime]] = field(default_factory=list)
    arrived: dict[Key, datetime] = field(default_factory=dict)
    items: list[NewsItem] = field(default_factory=list)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--feeds", type=int, default=200)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--every", type=float, default=15.0, help="seconds between two polls of a feed")
    parser.add_argument("--change", type=float, default=60.0, help="seconds between two changes of a feed, in the mean")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print one JSON line alone")
    options = parser.parse_args()
    world = World(options.seed)
    world.found(options.feeds, A_HOST, now_utc())
    with ground(3) as made, FeedServer(world, options.change).running() as server:
        run = Run(made, server, options.every)
        _enter(run)
        run.workers = [_worker(made, f"w{n}") for n in range(1, options.workers + 1)]
        wait_until(lambda: all(worker.ready() for worker in run.workers), "the workers are ready", 300)
        run.began = now_utc()
        _harm(run, options.seconds)
        server.changing = False
        left = _wait_for_all(run, 900.0)
        for worker in run.workers:
            worker.stop()
        _read(run)
        figures, checks = _report(run, left, options.seconds)
    return conclude({**figures, "checks": checks}, options.json)


def _enter(run: Run) -> None:
    lines = (
        {"name": p.name, "url": f"http://{p.host}:{run.server.port}/{p.name}", "every_s": run.every_s}
        for p in run.server.world.publishers.values()
    )
    path = run.made.scratch / "sources.ndjson"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    run.made.newstide("sources", "import", str(path))


def _worker(made: Ground, name: str) -> Child:
    port = free_port()
    environment = made.environment(
        NEWSTIDE_SERVICE__HEALTH_PORT=str(port),
        NEWSTIDE_INGEST__ALLOW_PRIVATE_ADDRESSES="true",
        NEWSTIDE_INGEST__HOST_GAP_S=str(GAP_S),
        NEWSTIDE_INGEST__LEASE_S=str(LEASE_S),
    )
    child = Child(name, [*program(), "ingest", "feeds"], environment, made.scratch / f"{name}.log", port)
    made.children.append(child)
    child.start()
    return child


def _harm(run: Run, seconds: float) -> None:
    """A worker is killed each minute, one after the other; the broker is stopped at a third and at two thirds."""
    kill_every_s, outage_s = min(60.0, seconds / 4), min(20.0, seconds / 10)
    started_s = time.monotonic()
    outages_s = [seconds / 3, 2 * seconds / 3]
    next_kill_s = kill_every_s / 2
    while (passed_s := time.monotonic() - started_s) < seconds:
        if outages_s and passed_s >= outages_s[0]:
            outages_s.pop(0)
            began = now_utc()
            run.made.broker.stop()
            time.sleep(outage_s)
            run.made.broker.start()
            run.outages.append((began, now_utc()))
        if passed_s >= next_kill_s:
            next_kill_s += kill_every_s
            victim = run.workers[run.kills % len(run.workers)]
            run.kills += 1
            victim.kill()
            victim.start()
        time.sleep(0.2)


def _wait_for_all(run: Run, within_s: float) -> int:
    """Until every publisher's last list was taken in; returns how many were not in time. A source that failed a few
    times waits for minutes."""
    deadline_s = time.monotonic() + within_s
    publishers = run.server.world.publishers.values()
    while left := [p for p in publishers if not p.taken_in]:
        if time.monotonic() > deadline_s:
            break
        time.sleep(0.5)
    return len(left)


def _read(run: Run) -> None:
    topic = run.made.settings().bus.topic_raw
    left = sum(bounds.end for bounds in run.made.describe(topic).bounds.values())
    with closing(run.made.bus().consumer(topic, "ledger", "ledger", lambda _: {})) as consumer:
        while left:
            for record in consumer.poll(1.0, 500):
                left -= 1
                at = datetime.fromtimestamp(record.timestamp_ms / 1_000, UTC)
                for good in decode_items(record.value)[0]:
                    run.items.append(good.message)
                    key = good.message.story_id, good.message.content_hash
                    run.arrived[key] = min(at, run.arrived.get(key, at))


def _report(run: Run, left: int, seconds: float) -> tuple[dict[str, Any], dict[str, bool]]:
    world, log = run.server.world, run.server.log
    shown, arrived = set(world.shown), set(run.arrived)
    texts: dict[tuple[str, int], set[str]] = defaultdict(set)
    for item in run.items:
        texts[item.story_id, item.revision].add(item.content_hash)
    waits = {
        key: (run.arrived[key] - world.shown[key]) / timedelta(seconds=run.every_s)
        for key in shown & arrived
        if world.shown[key] >= run.began
    }
    calm = [share for key, share in waits.items() if not _disturbed(run, key)]
    most = max((_most_in_window(starts) for starts in log.starts.values()), default=0)
    figures = {
        "benchmark": "feeds", "machine": machine(), "seconds": seconds, "feeds": len(world.publishers),
        "workers": len(run.workers), "requests": sum(log.answers.values()), "answers": dict(log.answers),
        "stories": len(world.source_of), "texts": len(shown), "edits": world.edits, "moves": world.moves,
        "wrong_clocks": len(world.suspect), "kills": run.kills, "outages": len(run.outages),
        "on_the_bus": len(run.items), "published_again": len(run.items) - len(arrived),
        "lost": len(shown - arrived), "not_shown": len(arrived - shown), "feeds_not_done": left,
        "every_s": run.every_s, "share_of_interval": _spread(list(waits.values())),
        "share_of_interval_undisturbed": _spread(calm), "undisturbed": len(calm),
        "requests_of_a_host_in_10_s_max": most, "at_once_of_a_host_max": max(log.at_once_max.values(), default=0),
    }  # fmt: skip
    ids = {item.story_id for item in run.items}
    flagged = {item.story_id for item in run.items if "date_suspect" in item.flags}
    checks = {
        "nothing is lost": shown <= arrived,
        "nothing is there that was not shown": arrived <= shown,
        "each story has one id": ids == set(world.source_of),
        "each revision has one text": all(len(each) == 1 for each in texts.values()),
        "wrong clocks are flagged, and no others": flagged == world.suspect,
        "one request at a time for a host": max(log.at_once_max.values(), default=0) == 1,
        "no host is asked more often than allowed": most <= WINDOW_S / GAP_S + 1,
        "workers were killed and the broker stopped": run.kills >= 2 and len(run.outages) == 2,
    }
    return figures, checks


def _disturbed(run: Run, key: Key) -> bool:
    """The bus was away, or the publisher in one of its moods, while the story waited."""
    began, ended = run.server.world.shown[key], run.arrived[key]
    if any(start <= ended and began <= end + timedelta(seconds=run.every_s) for start, end in run.outages):
        return True
    failed = run.server.log.failed[run.server.world.source_of[key[0]]]
    return any(began - timedelta(seconds=2 * run.every_s) <= at <= ended for at in failed)


def _most_in_window(starts: list[float]) -> int:
    return max(bisect_left(starts, start + WINDOW_S) - place for place, start in enumerate(starts))


def _spread(shares: list[float]) -> dict[str, float]:
    if len(shares) < 2:
        return {}
    cuts = quantiles(shares, n=20)
    return {"p50": round(cuts[9], 2), "p95": round(cuts[18], 2)}


if __name__ == "__main__":
    sys.exit(main())
