"""`newstide status`: how far, how many, what went wrong; and what `newstide` says when asked nothing."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from cli.context import Json, settings_of
from cli.output import emit_json, emit_pairs, emit_table, out
from newstide.errors import NewstideError, TopicMissing
from newstide.settings import Settings
from newstide.sources import TROUBLED


def status(
    context: typer.Context,
    as_json: Json = False,
    watch: Annotated[bool, typer.Option("--watch", help="Again every two seconds, until Ctrl-C.")] = False,
) -> None:
    """Hop by hop: what the sources gave, what the processor made of it, what is still waiting, what went wrong."""
    settings = settings_of(context)
    while True:
        report = gather(settings)
        if as_json:
            emit_json(report)
        else:
            _print(report)
        if not watch:
            return
        time.sleep(2)


def gather(settings: Settings) -> dict[str, Any]:
    """The report. received = stored + duplicates + dead for each consumer; the bus is asked only for what waits.

    A source's `condition` is None where it is not polled.
    """
    from newstide.store import health, registry, sources
    from newstide.store.connect import connect

    database = connect(settings, read_only=True)
    try:
        partitions = health.partitions(database)
        now = datetime.now(UTC)
        conditions = {each.source.name: each.condition(now) for each in registry.load_all(database)}
        report: dict[str, Any] = {
            "bus": settings.bus.kind,
            "store": database.name,
            "sources": [
                asdict(state) | {"condition": conditions.get(state.source)} for state in sources.load_all(database)
            ],
            "partitions": [asdict(partition) for partition in partitions],
            "dead_letters": health.dead_letter_counts(database),
            "gap_records": health.gap_total(database),
        }
    finally:
        database.close()
    of_news = [p for p in partitions if p.topic == settings.bus.topic_raw]  # alerts read what is scored, and count too
    totals = {name: sum(getattr(p, name) for p in of_news) for name in ("received", "stored", "duplicates", "dead")}
    reconciled = totals["received"] == totals["stored"] + totals["duplicates"] + totals["dead"]
    waiting = _waiting(settings, {(p.topic, p.partition): p.next_offset for p in partitions})
    return report | {"processor": totals, "reconciled": reconciled, "records_waiting": waiting}


def _waiting(settings: Settings, next_offsets: dict[tuple[str, int], int]) -> int | None:
    """Records on the bus that the processor has not read; None when the bus cannot say."""
    from newstide.bus.connect import connect

    topic = settings.bus.topic_raw
    try:
        admin = connect(settings).admin()
        try:
            bounds = admin.describe_topic(topic).bounds
        finally:
            admin.close()
    except TopicMissing:  # nothing was ever published
        return 0
    except NewstideError:
        return None
    return sum(max(0, b.end - next_offsets.get((topic, p), b.start)) for p, b in bounds.items())


def _print(report: dict[str, Any]) -> None:
    emit_pairs({"bus": report["bus"], "store": report["store"]})
    out.print()
    names: tuple[str, ...] = (
        "source",
        "kind",
        "condition",
        "received",
        "published",
        "unchanged",
        "rejected",
        "last_error",
    )
    emit_table([n.replace("_", " ") for n in names], [[s[n] for n in names] for s in report["sources"]], "ingest")
    out.print()
    names = ("topic", "partition", "next_offset", "received", "stored", "duplicates", "dead")
    emit_table([n.replace("_", " ") for n in names], [[p[n] for n in names] for p in report["partitions"]], "processor")
    out.print()
    totals = report["processor"]
    emit_pairs(
        {
            "reconciled": f"{'yes' if report['reconciled'] else 'NO'}: received {totals['received']:,} = stored "
            f"{totals['stored']:,} + duplicates {totals['duplicates']:,} + dead {totals['dead']:,}",
            "records waiting": "the bus does not answer"
            if report["records_waiting"] is None
            else report["records_waiting"],
            "records lost to retention": report["gap_records"],
            "sources to look at": _troubled(report["sources"]),
            "dead letters": ", ".join(f"{n} {reason}" for reason, n in report["dead_letters"].items()) or "none",
        }
    )


def _troubled(sources: Sequence[dict[str, Any]]) -> str:
    named = (f"{each['source']} ({each['condition']})" for each in sources if each["condition"] in TROUBLED)
    return ", ".join(named) or "none"


def hello(context: typer.Context) -> None:
    """Three lines: what there is, and the next useful command. Never an error."""
    try:
        settings = settings_of(context)
        report = gather(settings)
    except NewstideError as error:
        out.print("newstide watches financial news, scores it and shows the trend.", markup=False)
        out.print(f"now:  {error.what}", markup=False)
        out.print("next: newstide demo     (everything at once, no services; newstide --help lists all commands)")
        return
    totals = report["processor"]
    out.print(f"newstide: bus {report['bus']}, store {report['store']}", markup=False)
    waiting = report["records_waiting"]
    out.print(f"now:  {totals['stored']:,} stories stored, {'unknown' if waiting is None else waiting} records waiting")
    polled = any(each["condition"] for each in report["sources"])
    out.print(f"next: {_next(totals['stored'], waiting, polled)}", markup=False)


def _next(stored: int, waiting: int | None, polled: bool) -> str:
    if waiting is None:
        return "newstide doctor --only bus"
    if waiting:
        return "newstide process       (scores what waits)"
    if stored:
        return "newstide dashboard     (shows what is stored)"
    if polled:
        return "newstide ingest feeds  (polls your sources)"
    return "newstide sources add URL, newstide ingest replay FILE, or newstide demo"
