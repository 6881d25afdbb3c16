"""Several processes write stories, revisions and copies with rollups into one real PostgreSQL, and nobody deadlocks.

    python -m benchmarks.bench_rollups                   4 processes, 10 minutes
    python -m benchmarks.bench_rollups --seconds 45      a short one

What they have in common is what makes deadlocks: the same stories, the same minutes, the same few entities. Afterwards
the rollups are compared with those made anew of the rows, to the last bit, and a month's index is timed from rollups
and as of a moment in the past. Prints one JSON line; exit status 1 when a check fails.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from newstide.errors import NewstideError
from newstide.index.series import Steps
from newstide.messages import EntityOpinion, Label, NewsItem, ScoredStory, content_hash_of, story_id_of
from newstide.store import indexing, migrate, retention, rollups, writes
from newstide.store.database import Database
from newstide.store.facts import fact_of
from newstide.store.filters import Filters
from newstide.store.schema import rollups as table
from newstide.topics import TOPICS
from tests.services.database import Postgres

START = datetime(2026, 3, 2, tzinfo=UTC)
BATCH = 128
ENTITIES = 200
KEEP = {1: timedelta(days=14), 60: timedelta(days=400)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--processes", type=int, default=4)
    options = parser.parse_args()
    with Postgres() as postgres:
        url = postgres.url(postgres.fresh_database())
        database = Database(url)
        migrate.upgrade(database)
        context = multiprocessing.get_context("spawn")
        with context.Pool(options.processes) as pool:
            done = pool.starmap(write, [(url, seed, options.seconds) for seed in range(options.processes)])
        figures = {
            "benchmark": "rollups",
            "processes": options.processes,
            "seconds": options.seconds,
            "stories": sum(each["stories"] for each in done),
            "transactions": sum(each["transactions"] for each in done),
            "errors": sorted({error for each in done for error in each["errors"]}),
            "rollup_rows": _rows(database),
            "microseconds_of_rollups_a_story": round(cost_of_sums(), 1),
            **_timed(database),
        }
        checks = {"no error": not figures["errors"], "rollups equal the rows": _equal(database)}
        database.close()
    print(json.dumps(figures | {"checks": checks}))
    return 0 if all(checks.values()) else 1


def write(url: str, seed: int, seconds: int) -> dict[str, Any]:
    """Batches until the time is over; a third of the stories are known to other writers as well."""
    database, noise = Database(url), random.Random(seed)  # noqa: S311 - not a secret
    done: dict[str, Any] = {"stories": 0, "transactions": 0, "errors": []}
    ends_s = time.monotonic() + seconds
    while time.monotonic() < ends_s:
        batch = [story(noise, seed, done["stories"] + n) for n in range(BATCH)]
        now = START + timedelta(days=3)
        try:
            with database.transaction() as connection:
                writes.add_stories(connection, batch, now)
                retention.prune(connection, now, KEEP)
        except NewstideError as error:
            done["errors"].append(f"{error.what}: {error.why}")
        done["stories"] += len(batch)
        done["transactions"] += 1
    database.close()
    return done


def story(noise: random.Random, seed: int, number: int) -> ScoredStory:
    shared = noise.random() < 0.33
    name = f"shared-{number // 4}" if shared else f"{seed}-{number}"
    of_name = random.Random(name)  # noqa: S311 - the same text from every writer
    revision = 1 + (of_name.random() < 0.1) + (number % 4 == 3)
    positive = round(of_name.uniform(0, 1), 6)
    links = {f"entity-{int(of_name.paretovariate(0.8)) % ENTITIES}" for _ in range(of_name.randrange(3))}
    title = f"{name} {revision}"
    item = NewsItem(
        story_id=story_id_of("bench", name),
        revision=revision,
        content_hash=content_hash_of(title, ""),
        source=of_name.choice(("wire", "blog", "desk")),
        title=title,
        language=of_name.choice(("en", "zh")),
        published_at=START + timedelta(minutes=of_name.uniform(0, 3 * 1_440)),
        received_at=START,
    )
    label: Label = "positive" if positive > 0.5 else "neutral"
    return ScoredStory(
        item=item,
        model_version="bench-1",
        tokenizer_hash="t",
        p_negative=0.0,
        p_neutral=1 - positive,
        p_positive=positive,
        label=label,
        scored_at=START,
        topic=of_name.choice(TOPICS),
        tier=of_name.randrange(1, 4),
        entities=tuple(towards(entity_id, positive, label) for entity_id in sorted(links)),
    )


def towards(entity_id: str, positive: float, label: Label) -> EntityOpinion:
    return EntityOpinion(
        entity_id=entity_id,
        relevance=0.5,
        link_score=1.0,
        p_negative=0.0,
        p_neutral=1 - positive,
        p_positive=positive,
        label=label,
        matched=entity_id,
        field="title",
        start=0,
        end=1,
    )


def cost_of_sums(stories: int = 5_000) -> float:
    """Microseconds a story of what is done outside the database, on one core."""
    noise = random.Random(1)  # noqa: S311 - not a secret
    facts = [fact_of(story(noise, 0, n)) for n in range(stories)]
    ever = dict.fromkeys((1, 60, 1_440), rollups.EVER)
    started_s = time.process_time()
    for first in range(0, stories, BATCH):
        rollups.rollup_rows(facts[first : first + BATCH], (), ever)
    return (time.process_time() - started_s) / stories * 1e6


def _rows(database: Database) -> int:
    with database.transaction() as connection:
        return int(connection.execute(text("SELECT count(*) FROM rollups")).scalar_one())


def _equal(database: Database) -> bool:
    """Whether rollups made of the rows are those that were kept."""

    def held() -> set[tuple[Any, ...]]:
        kept = table.select().where((table.c["count"] != 0) | (table.c.copies != 0))
        with database.transaction() as connection:
            connection.execute(text("SET LOCAL statement_timeout = 0"))  # ours is for pages and turns, not for an audit
            return {tuple(row) for row in connection.execute(kept)}

    before = held()
    with database.transaction() as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        rollups.rebuild(connection)
    return before == held()


def _timed(database: Database) -> dict[str, float]:
    """Milliseconds of an index with its eight weeks, of the stream and of the busiest entity."""
    end = indexing.hour_of(START) + 72
    steps = Steps(end - 24, end)
    then = START + timedelta(days=30)

    def milliseconds(ask: Callable[[], object]) -> float:
        started_s = time.monotonic()
        ask()
        return round((time.monotonic() - started_s) * 1e3, 1)

    questions = {
        "stream": Filters(),
        "entity": Filters(entity="entity-1"),
        "stream_as_of": Filters(as_of=then),
        "entity_as_of": Filters(entity="entity-1", as_of=then),
    }
    timed = {f"{n}_ms": milliseconds(lambda f=f: indexing.index(database, f, steps)) for n, f in questions.items()}  # type: ignore[misc]
    timed["movers_ms"] = milliseconds(lambda: indexing.moved(database, Filters(), steps))
    timed["movers_as_of_ms"] = milliseconds(lambda: indexing.moved(database, Filters(as_of=then), steps))
    return timed


if __name__ == "__main__":
    sys.exit(main())
