"""The obvious way beside ours: the same weights, broker and database, in one run, slices interleaved A-B-B-A.

A, sequential:  for message in consumer: transformers.pipeline(text), and (text, name) of each company that B is asked
                about; INSERT; commit; consumer.commit()
B, ours:        `newstide process`, as many processes as given, one thread of the model each

`--stories-only` gives A the story alone to read, half of what B reads.

    python -m benchmarks.bench_sequential --run runs/bilingual

The run is a folder of `newstide model train` (config.json, tokenizer.json, best.pt): torch weights are not committed.
Prints a summary, then one JSON line. Exit status 1 when ours is not `--at-least` times as fast (default 8).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import psycopg

THREADS = 2
os.environ.update({"OMP_NUM_THREADS": str(THREADS), "TOKENIZERS_PARALLELISM": "false"})  # before torch is loaded

from benchmarks.ground import Ground, ground, headlines, machine, wait_until  # noqa: E402
from newstide.bus.port import Outgoing  # noqa: E402
from newstide.codec import decode_items, encode, pack  # noqa: E402
from newstide.entities import starter  # noqa: E402
from newstide.entities.linking import Linker  # noqa: E402
from newstide.messages import NewsItem, content_hash_of, partition_of, story_id_of  # noqa: E402
from newstide.text import model_input  # noqa: E402
from processor.subjects import links_of, questions  # noqa: E402

SEQUENTIAL_TOPIC = "bench.sequential"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, default=Path("runs/bilingual"))
    parser.add_argument("--slice", type=int, default=500, help="stories of one sequential slice (default 500)")
    parser.add_argument("--factor", type=int, default=8, help="our slices are so many times as long (default 8)")
    parser.add_argument("--repeats", type=int, default=5, help="rounds of A-B-B-A (default 5)")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--unpacked", action="store_true", help="ours too reads one story a record")
    parser.add_argument("--stories-only", action="store_true", help="the sequential side asks about no company")
    parser.add_argument("--at-least", type=float, default=8.0)
    options = parser.parse_args()
    missing = [n for n in ("config.json", "tokenizer.json", "best.pt") if not (options.run / n).is_file()]
    if missing:
        print(f"{options.run} lacks {', '.join(missing)}. Run first: newstide model train", file=sys.stderr)
        return 1
    with ground(6) as made:
        return _compare(made, options)


def _compare(made: Ground, options: argparse.Namespace) -> int:
    per_round = 2 * options.slice * (1 + options.factor)
    file, source = headlines(per_round * (options.repeats + 1), made.scratch)
    items = _items(file)
    linker = Linker(()) if options.stories_only else starter.linker(starter.entities())
    peer, ours = Sequential(made, options.run, linker), Ours(made, options.processes, options.unpacked)
    a_long, b_long = options.slice, options.slice * options.factor
    peer.run([next(items) for _ in range(50)])  # warm, both
    ours.run([next(items) for _ in range(500)])
    rounds: list[dict[str, float]] = []
    for number in range(options.repeats):
        rates: dict[str, list[float]] = {"a": [], "b": []}
        for side in "abba":
            some = [next(items) for _ in range(a_long if side == "a" else b_long)]
            rates[side].append((peer if side == "a" else ours).run(some))
        a, b = statistics.mean(rates["a"]), statistics.mean(rates["b"])
        rounds.append({"sequential": round(a, 1), "ours": round(b, 1), "ratio": round(b / a, 2)})
        print(f"round {number + 1}: sequential {a:.1f}/s, ours {b:.1f}/s, ratio {b / a:.2f}", flush=True)
    peer.close()
    ratios = [r["ratio"] for r in rounds]
    agreement = _agreement(made)
    report: dict[str, Any] = {
        "benchmark": "sequential",
        "machine": machine(),
        "source": source,
        "torch_threads": THREADS,
        "processes": options.processes,
        "records_of_ours": "one story each" if options.unpacked else "packed, as `newstide ingest replay` does",
        "sequential_per_second": statistics.median(r["sequential"] for r in rounds),
        "ours_per_second": statistics.median(r["ours"] for r in rounds),
        "sequential_milliseconds": peer.milliseconds(),
        "sequential_readings_a_story": peer.readings_a_story(),
        "ratio": statistics.median(ratios),
        "ratio_spread": [min(ratios), max(ratios)],
        "rounds": rounds,
        "stored": agreement,
        "passed": statistics.median(ratios) >= options.at_least,
    }
    for name in (
        "machine",
        "source",
        "sequential_per_second",
        "sequential_milliseconds",
        "sequential_readings_a_story",
        "ours_per_second",
        "ratio",
        "ratio_spread",
        "stored",
    ):
        print(f"{name.replace('_', ' '):>24}  {report[name]}")
    print(json.dumps(report))
    return 0 if report["passed"] else 1


def _items(file: Path) -> Iterator[NewsItem]:
    now = datetime.now(UTC)
    for number, line in enumerate(file.open(encoding="utf-8")):
        text = json.loads(line)["text"]
        yield NewsItem(
            story_id=story_id_of("bench", str(number)),
            revision=1,
            content_hash=content_hash_of(text, ""),
            source="bench",
            title=text,
            language="en",
            published_at=now,
            received_at=now,
        )


class Sequential:
    """The loop that everybody writes first. It gets torch's eager mode with the faster attention, and both cores."""

    def __init__(self, made: Ground, run: Path, linker: Linker) -> None:
        from kafka import KafkaConsumer  # a benchmark's peer uses the client bare

        with closing(made.bus().admin()) as admin:
            admin.create_topic(SEQUENTIAL_TOPIC, 1)
        self._database = psycopg.connect(made.database_url.replace("+psycopg", ""))
        self._database.execute(
            "CREATE TABLE sequential"
            " (story_id text, name text, title text, label text, score real, PRIMARY KEY (story_id, name))"
        )
        self._database.commit()
        self._producer = made.bus().producer()
        self._pipeline = _pipeline(run)
        self._linker = linker
        self._spent_s, self._stories, self._readings = np.zeros(3), 0, 0
        self._consumer = KafkaConsumer(
            SEQUENTIAL_TOPIC,
            bootstrap_servers=made.broker.bootstrap,
            group_id="sequential",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )

    def run(self, items: list[NewsItem]) -> float:
        """Stories a second, from the first publication to the last commit."""
        started_s = time.monotonic()
        self._producer.publish(SEQUENTIAL_TOPIC, [Outgoing(0, i.story_id.encode(), encode(i)) for i in items])
        left = len(items)
        for message in self._consumer:
            ((_, item),), _ = decode_items(message.value)
            begun_s = time.perf_counter()
            said = self._read(item)
            scored_s = time.perf_counter()
            for name, found in said:
                self._database.execute(
                    "INSERT INTO sequential VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                    (item.story_id, name, item.title, found["label"], found["score"]),
                )
            self._database.commit()
            stored_s = time.perf_counter()
            self._consumer.commit()
            self._spent_s += np.array([scored_s - begun_s, stored_s - scored_s, time.perf_counter() - stored_s])
            self._readings += len(said)
            left -= 1
            if not left:
                break
        self._stories += len(items)
        return len(items) / (time.monotonic() - started_s)

    def _read(self, item: NewsItem) -> list[tuple[str, Any]]:
        """What the pipeline says of each company by its name, and first of the story, which has none."""
        story = self._pipeline({"text": model_input(item.title)})
        asked = questions(item, links_of(item, self._linker))
        return [("", story), *((name, self._pipeline({"text": text, "text_pair": name})) for text, name in asked)]

    def milliseconds(self) -> dict[str, float]:
        """Where a story's time goes."""
        means = self._spent_s / self._stories * 1_000
        return dict(zip(("pipeline", "database", "offset"), (round(float(m), 2) for m in means), strict=True))

    def readings_a_story(self) -> float:
        """How often the model reads a story: as a whole, and once for each company."""
        return round(self._readings / self._stories, 2)

    def close(self) -> None:
        self._consumer.close()
        self._producer.close()
        self._database.close()


def _pipeline(run: Path) -> Any:
    """`transformers.pipeline` over our own weights."""
    import torch
    from transformers import pipeline

    from benchmarks.model_peers import stock_model, tokenizer_of

    torch.set_num_threads(THREADS)
    torch.set_num_interop_threads(1)
    make: Any = pipeline  # its many overloads know no model of ours
    return make("text-classification", model=stock_model(run), tokenizer=tokenizer_of(run), truncation=True, device=-1)


class Ours:
    """Processors that wait for news, and the topic filled as `newstide ingest replay` fills it."""

    def __init__(self, made: Ground, processes: int, unpacked: bool) -> None:
        self._made, self._unpacked, self._stored = made, unpacked, 0
        self._topic = made.settings().bus.topic_raw
        self._producer = made.bus().producer()
        self._partitions = self._producer.partitions(self._topic)
        children = [made.processor(f"p{n}") for n in range(1, processes + 1)]
        wait_until(lambda: all(child.ready() for child in children), "the processors are ready", 60)

    def run(self, items: list[NewsItem]) -> float:
        started_s = time.monotonic()
        lines: dict[int, list[bytes]] = {}
        for item in items:
            lines.setdefault(partition_of(item.story_id, self._partitions), []).append(encode(item))
        records = [
            Outgoing(partition, b"bench", value)
            for partition, mine in lines.items()
            for value in (mine if self._unpacked else (packed for packed, _ in pack(mine)))
        ]
        self._producer.publish(self._topic, records)
        self._stored += len(items)
        wait_until(self._all_stored, "ours has stored its slice", 600, every_s=0.02)
        return len(items) / (time.monotonic() - started_s)

    def _all_stored(self) -> bool:
        return bool(self._made.query("SELECT coalesce(sum(stored), 0) FROM streams")[0][0] >= self._stored)


def _agreement(made: Ground) -> dict[str, int]:
    """Every story of both sides is in the database."""
    return {
        "sequential": int(made.query("SELECT count(DISTINCT story_id) FROM sequential")[0][0]),
        "ours": int(made.query("SELECT count(*) FROM scores")[0][0]),
    }


if __name__ == "__main__":
    sys.exit(main())
