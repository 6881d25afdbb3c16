"""`newstide demo`: everything at once, on the embedded profile: the authored market day, or real news (`--live`)."""

from __future__ import annotations

import fcntl
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer

from cli.context import Json, settings_of
from cli.given import seconds_of
from cli.output import emit_json, emit_pairs, out, plain, say
from cli.tree import ProcessTree
from newstide.alerting.firing import Kind
from newstide.errors import AlreadyRunning, UsageError
from newstide.files import make_folder
from newstide.settings import Settings

TAPE_EVERY_S: Final = 2.0
TAPE_LINES: Final = 3
CATCH_UP_S: Final = 20.0
"""After the last story was published; the demo's backlog is a few hundred stories at the most."""
FOR_S_MAX: Final = 7 * 86_400


app = typer.Typer()


@dataclass(frozen=True, slots=True)
class Play:
    for_s: float | None
    pace: float
    seed: int
    dashboard: bool
    live: bool


@app.command("demo")
def demo(  # noqa: PLR0913, PLR0917 - the parameters of a command are its options
    context: typer.Context,
    for_: Annotated[str | None, typer.Option("--for", help="End by itself after 30s, 5m or 1h.")] = None,
    no_dashboard: Annotated[bool, typer.Option("--no-dashboard", help="Without the pages.")] = False,
    pace: Annotated[float, typer.Option(min=1, max=10_000, help="Times the day's own pace.")] = 15.0,
    seed: Annotated[int, typer.Option(help="Varies the background from round to round.")] = 1,
    port: Annotated[int | None, typer.Option(min=0, max=65_535, help="Of the dashboard.")] = None,
    live: Annotated[bool, typer.Option("--live", help="Real news, from the starter list; needs the internet.")] = False,
    as_json: Json = False,
) -> None:
    """Play a market day of invented news through the real model, and show it. Needs no service; Ctrl-C ends it."""
    base = settings_of(context)
    folder = base.data_dir / "demo"
    settings = settings_of(context, _overrides(folder, port, live))
    play = Play(_seconds(for_), pace, seed, not no_dashboard, live)
    tell: Callable[[str], None] = say if as_json else lambda line: out.print(plain(line), markup=False)
    with _alone_in(base.data_dir):
        shutil.rmtree(folder, ignore_errors=True)
        summary = _Demo(context, settings, play, tell).run()
    if as_json:
        emit_json(summary)
    else:
        _print(summary)


@contextmanager
def _alone_in(data_dir: Path) -> Iterator[None]:
    """A second demo in the same folder would take the files of the first away from under it."""
    make_folder(data_dir)
    with (data_dir / "demo.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            fix = "end that one, or give this one a folder of its own: NEWSTIDE_DATA_DIR=FOLDER"
            raise AlreadyRunning(f"a demo is running in {data_dir} already", fix=fix) from error
        yield


def _overrides(folder: Path, port: int | None, live: bool) -> dict[str, Any]:
    """Whatever the settings say, the demo touches nobody's broker or database."""
    return {
        "data_dir": str(folder),
        "demo": not live,
        "bus.kind": "embedded",
        "store.url": "",
        "service.health_port": 0,
        "service.health_file": "",
        "dashboard.port": port,
    }


def _seconds(text: str | None) -> int | None:
    if text is None:
        return None
    seconds = seconds_of(text, "smh")
    if seconds is None or seconds > FOR_S_MAX:
        raise UsageError(f"--for {text!r} is no length of time up to a week", fix="write it as 30s, 5m or 1h")
    return seconds


class _Demo:
    def __init__(self, context: typer.Context, settings: Settings, play: Play, tell: Callable[[str], None]) -> None:
        from newstide.store.connect import connect as connect_store

        self._settings, self._play, self._tell = settings, play, tell
        self._database = connect_store(settings)
        self._ingest = self._enter_sources() if play.live else self._enter_cast()
        self._tree = ProcessTree(_command(context), _environment(settings), settings.data_dir / "logs")
        self._stop = threading.Event()
        self._told_seq = 0

    def _give_rules(self, text: str) -> None:
        """What fires lies in the inbox, on the page of alerts; nobody is sent anything."""
        from cli.alerts import take_in
        from newstide.alerting import files
        from newstide.alerting.subscription import EVERYONE
        from newstide.store import alert_rules

        with self._database.transaction() as transaction:
            lists, rules = files.read(text, alert_rules.names(transaction))
            take_in(transaction, lists, rules, EVERYONE, "demo")

    def run(self) -> dict[str, Any]:
        """Start, play, stop in order: first the source, then the processor when it has caught up, then the pages."""
        with self._interruptible(), ExitStack() as stack:
            stack.callback(self._database.close)
            stack.callback(self._tree.stop_all)
            if self._play.dashboard:
                self._show_dashboard(stack)
            self._tree.start("processor", "process")
            self._tree.start("alerts", "alerts", "run")
            self._tree.start("ingest", "ingest", *self._ingest)
            started_s = time.monotonic()
            self._watch(started_s)
            self._tree.stop("ingest")
            self._catch_up()
            return self._summary(time.monotonic() - started_s)

    def _enter_cast(self) -> list[str]:
        """The invented companies; returns what to tell ingest."""
        from ingest.scenario import day, subjects
        from newstide.store import entities

        cast = day.load_cast()
        entities.change(self._database, lambda master: subjects.taken_in(cast, master), "demo", datetime.now(UTC))
        self._give_rules(day.load_rules())
        return ["scenario", "--pace", str(self._play.pace), "--seed", str(self._play.seed)]

    def _enter_sources(self) -> list[str]:
        """The list that ships, every source of it on; returns what to tell ingest."""
        from cli.sources.common import enter
        from ingest.roster import starter
        from newstide.alerting import files

        enter(self._database, [msgspec.structs.replace(source, enabled=True) for source in starter()])
        self._give_rules(files.defaults())
        return ["feeds"]

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        previous = {n: signal.signal(n, lambda *_: self._stop.set()) for n in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _show_dashboard(self, stack: ExitStack) -> None:
        from dashboard.serve import serve

        dashboard = stack.enter_context(serve(self._settings))
        self._tell(f"\n  dashboard  {dashboard.address}      (Ctrl-C ends the demo)\n")

    def _watch(self, started_s: float) -> None:
        deadline_s = started_s + self._play.for_s if self._play.for_s else float("inf")
        while not self._stop.is_set() and time.monotonic() < deadline_s:
            self._tree.check()
            self._tape()
            self._stop.wait(min(TAPE_EVERY_S, max(0.0, deadline_s - time.monotonic())))

    def _tape(self) -> None:
        """The newest few stories, as they are stored."""
        from newstide.store import reads
        from newstide.store.filters import Filters

        fresh = [row for row in reads.list_stories(self._database, Filters(), TAPE_LINES) if row.seq > self._told_seq]
        for row in reversed(fresh):
            score = "  -  " if row.score is None else f"{row.score:+.2f}"
            self._tell(f"{row.published_at:%H:%M:%S}  {row.label:<8} {score}  {row.source}: {row.title}")
        self._told_seq = max((row.seq for row in fresh), default=self._told_seq)

    def _catch_up(self) -> None:
        from cli.status import gather

        deadline_s = time.monotonic() + CATCH_UP_S
        while gather(self._settings)["records_waiting"] and time.monotonic() < deadline_s:
            self._tree.check()
            time.sleep(0.2)
        self._tree.stop("processor")
        self._tree.stop("alerts")

    def _summary(self, seconds: float) -> dict[str, Any]:
        from cli.status import gather
        from newstide.store import health, inbox

        report = gather(self._settings)
        rejected = sum(source["rejected"] for source in report["sources"])
        latencies_ms = [1000 * s for s in health.latencies_s(self._database)]
        processor = report["processor"]
        return {
            "received": processor["received"] + rejected,
            "stored": processor["stored"],
            "duplicates": processor["duplicates"],
            "rejected": rejected,
            "dead": processor["dead"],
            "waiting": report["records_waiting"],
            "seconds": round(seconds, 1),
            "per_second": round(processor["stored"] / seconds, 1),
            "p50_ms": _percentile(latencies_ms, 0.50),
            "p95_ms": _percentile(latencies_ms, 0.95),
            "labels": health.label_counts(self._database),
            "alerts": inbox.count(self._database, None, (Kind.FIRED,)),
            "data_dir": str(self._settings.data_dir),
        }


def _percentile(ordered: list[float], share: float) -> float | None:
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1) if ordered else None


def _command(context: typer.Context) -> list[str]:
    from cli.context import Given

    given = context.find_object(Given) or Given()
    return [sys.executable, "-m", "cli.main", *(["--config", str(given.config)] if given.config else [])]


def _environment(settings: Settings) -> dict[str, str]:
    return {
        "NEWSTIDE_DATA_DIR": str(settings.data_dir),
        "NEWSTIDE_DEMO": str(settings.demo).lower(),
        "NEWSTIDE_ALERTS__LATENESS_S": "2",  # one publisher, whose stories come in their order
        "NEWSTIDE_BUS__KIND": "embedded",
        "NEWSTIDE_STORE__URL": "",
        "NEWSTIDE_SERVICE__HEALTH_PORT": "0",
        "NEWSTIDE_SERVICE__HEALTH_FILE": "",
        "NEWSTIDE_DASHBOARD__HOST": settings.dashboard.host,
    }


def _print(summary: dict[str, Any]) -> None:
    out.print()
    stored = summary["stored"]
    labels = ", ".join(f"{name} {count}" for name, count in sorted(summary["labels"].items()))
    emit_pairs(
        {
            "received": f"{summary['received']:,} = stored {stored:,} + duplicates {summary['duplicates']:,} + "
            f"rejected {summary['rejected']:,} + dead {summary['dead']:,}",
            "labels": labels or "none",
            "alerts": summary["alerts"],
            "rate": f"{summary['per_second']} stories/s over {summary['seconds']} s",
            "latency": f"p50 {summary['p50_ms']} ms, p95 {summary['p95_ms']} ms from receipt to storage",
            "kept in": summary["data_dir"],
            "next": "newstide init (your sources), newstide init --profile kafka (your Kafka), docker compose up",
        }
    )
