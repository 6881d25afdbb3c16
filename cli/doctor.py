"""`newstide doctor`: is everything there that newstide needs? Each line says what to do where it is not."""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Annotated

import typer

from cli.context import Json, settings_of
from cli.output import emit_json, out, plain
from newstide.errors import NewstideError, PortInUse
from newstide.settings import Settings

DISK_FREE_MIN_GB = 2
"""A day of a busy feed, log and store together, is far below this."""


_START_IT = "start it, or correct its address (newstide config show says where that comes from)"


class Part(StrEnum):
    PYTHON = "python"
    MODEL = "model"
    BUS = "bus"
    STORE = "store"
    DASHBOARD = "dashboard"
    DISK = "disk"


@dataclass(frozen=True, slots=True)
class Finding:
    part: str
    ok: bool
    found: str
    fix: str = ""


def doctor(
    context: typer.Context,
    only: Annotated[list[Part] | None, typer.Option(help="Only this part; may be repeated.")] = None,
    as_json: Json = False,
) -> None:
    """Check Python, the model, the bus, the store, the dashboard's port and the disk; exits 3 when one is amiss."""
    settings = settings_of(context)
    findings: list[Finding] = []
    for part, check in CHECKS.items():
        if only and part not in only:
            continue
        try:
            findings += check(settings)
        except OSError as error:
            findings.append(Finding(part, False, f"the system says: {error}"))
        except NewstideError as error:
            fix = _START_IT if error.fix.startswith("newstide doctor") else error.fix
            findings.append(Finding(part, False, f"{error.what}{f' ({error.why})' if error.why else ''}", fix))
    if as_json:
        emit_json([asdict(finding) for finding in findings])
    for finding in findings if not as_json else ():
        mark = "[green]ok [/]" if finding.ok else "[red]BAD[/]"
        out.print(f"{mark} {finding.part:<10} ", end="")
        out.print(plain(finding.found), markup=False)
        if not finding.ok and finding.fix:
            out.print(f"    {'try':<10} {plain(finding.fix)}", markup=False)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(3)


def _python(_settings: Settings) -> Iterator[Finding]:
    yield Finding(
        Part.PYTHON, sys.version_info >= (3, 11), f"Python {platform.python_version()}", "Python 3.11 or newer"
    )
    runtimes = [name for name in ("onnxruntime", "onnxruntime-gpu") if _installed(name)]
    yield Finding(
        Part.PYTHON,
        len(runtimes) == 1,
        f"{' and '.join(runtimes) or 'no onnxruntime'} installed",
        "make setup" if not runtimes else "uninstall both and install one: they write the same folder",
    )


def _installed(name: str) -> bool:
    try:
        importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _model(settings: Settings) -> Iterator[Finding]:
    from newstide.scoring.connect import connect

    scorer = connect(settings)
    yield Finding(Part.MODEL, True, f"{scorer.version}, verified and loaded")


def _bus(settings: Settings) -> Iterator[Finding]:
    from newstide.bus.connect import connect

    admin = connect(settings).admin()
    try:
        for topic in (settings.bus.topic_raw, settings.bus.topic_scored):
            described = admin.describe_topic(topic)
            records = sum(b.end - b.start for b in described.bounds.values())
            yield Finding(
                Part.BUS, True, f"{settings.bus.kind}: {topic}, {described.partitions} partitions, {records:,} records"
            )
    finally:
        admin.close()


def _store(settings: Settings) -> Iterator[Finding]:
    from newstide.store import migrate
    from newstide.store.database import Database

    status = migrate.status(Database(settings.store_url, read_only=True))
    found = f"{status.database}, schema {status.current or 'none'}"
    yield Finding(Part.STORE, status.up_to_date, found, f"newstide db upgrade (this version needs {status.wanted})")


def _dashboard(settings: Settings) -> Iterator[Finding]:
    from dashboard.serve import free_port

    port = settings.dashboard.port
    try:
        free_port(settings.dashboard.host, port)
    except PortInUse as error:
        fix = "a dashboard may be running already; else set NEWSTIDE_DASHBOARD__PORT"
        yield Finding(Part.DASHBOARD, False, f"{error.what} ({error.why})", fix)
    else:
        yield Finding(Part.DASHBOARD, True, f"port {port} is free")


def _disk(settings: Settings) -> Iterator[Finding]:
    folder = settings.data_dir.resolve()
    while not folder.exists():
        folder = folder.parent
    free_gb = shutil.disk_usage(folder).free / 1e9
    yield Finding(Part.DISK, free_gb >= DISK_FREE_MIN_GB, f"{free_gb:.0f} GB free for {settings.data_dir}", "make room")


CHECKS: dict[Part, Callable[[Settings], Iterator[Finding]]] = {
    Part.PYTHON: _python,
    Part.MODEL: _model,
    Part.BUS: _bus,
    Part.STORE: _store,
    Part.DASHBOARD: _dashboard,
    Part.DISK: _disk,
}
