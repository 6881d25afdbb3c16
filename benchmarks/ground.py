"""What the stream benchmarks stand on: a real broker, a real PostgreSQL, our own command as processes."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from newstide.bus.connect import connect as connect_bus
from newstide.bus.port import Bus, TopicDescription
from newstide.settings import Settings, load
from tests.services.broker import Broker
from tests.services.common import free_port
from tests.services.database import Postgres

ROOT = Path(__file__).resolve().parents[1]
SESSION_S = 6.0  # the least that a broker allows: a benchmark that kills and freezes does not wait longer than it must
CANDIDATES = ("text/en_unlabelled.jsonl.gz", "streams/en_daily_2015_2018.jsonl.gz")


def data_file() -> Path | None:
    """Real headlines, where they are: in $NEWSTIDE_DATA, or in the data sets beside the repository."""
    folder = Path(os.environ.get("NEWSTIDE_DATA") or ROOT.parent / "shared" / "data")
    return next((folder / name for name in CANDIDATES if (folder / name).is_file()), None)


def demo_texts(target: Path, count: int) -> Path:
    """The authored demo day, repeated and numbered: for machines without the data sets."""
    day = (ROOT / "ingest" / "scenario" / "day.jsonl").read_text("utf-8").splitlines()
    titles = [json.loads(line)["title"] for line in day]
    lines = (json.dumps({"text": f"{titles[n % len(titles)]} ({n // len(titles)})"}) for n in range(count))
    target.write_text("\n".join(lines) + "\n", "utf-8")
    return target


def headlines(count: int, scratch: Path) -> tuple[Path, str]:
    """A file with so many rows `{"text": …}`, and what it is, for the report. Texts differ from each other."""
    source = data_file()
    if source is None:
        return demo_texts(scratch / "demo.jsonl", count), "demo scenario (no data sets here)"
    target, seen = scratch / "headlines.jsonl", set[str]()
    with gzip.open(source, "rt", encoding="utf-8") as rows, target.open("w", encoding="utf-8") as out:
        for row in rows:
            fields = json.loads(row)
            text = fields.get("text") or fields.get("title") or ""
            if len(seen) < count and text and text not in seen:
                seen.add(text)
                out.write(json.dumps({"text": text}) + "\n")
    return target, source.name


@dataclass
class Child:
    """One process of ours. `restart` keeps its name in the group and its port."""

    name: str
    command: list[str]
    environment: dict[str, str]
    log: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command, env=self.environment, stdout=log, stderr=log, cwd=ROOT)

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        assert self.process is not None
        self.process.wait()

    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def ready(self) -> bool:
        return self._get("/readyz") is not None

    def metric(self, name: str) -> float:
        """Its value now; 0 where it was never counted or nobody answers."""
        lines = (self._get("/metrics") or "").splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.split("{")[0].split(" ")[0] == name)

    def cpu_s(self) -> float:
        """Of a core, since it began; of itself, without children."""
        assert self.process is not None
        fields = Path(f"/proc/{self.process.pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _get(self, path: str) -> str | None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=2) as answer:  # noqa: S310
                return str(answer.read().decode())
        except OSError:
            return None

    def stop(self) -> tuple[int, float]:
        """SIGTERM; returns the exit status and the seconds that it took."""
        started_s = time.monotonic()
        if self.running():
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
        assert self.process is not None
        try:
            status = self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
            status = -9
        return status, time.monotonic() - started_s


@dataclass
class Ground:
    broker: Broker
    database_url: str
    scratch: Path
    partitions: int
    children: list[Child] = field(default_factory=list)

    def environment(self, **more: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("NEWSTIDE_")}
        ours = {
            "NEWSTIDE_BUS__KIND": "kafka",
            "NEWSTIDE_BUS__BOOTSTRAP": self.broker.bootstrap,
            "NEWSTIDE_BUS__PARTITIONS": str(self.partitions),
            "NEWSTIDE_BUS__SESSION_TIMEOUT_S": str(SESSION_S),
            "NEWSTIDE_STORE__URL": self.database_url,
            "NEWSTIDE_DATA_DIR": str(self.scratch / "var"),
            "NEWSTIDE_SERVICE__LOG_LEVEL": "warning",
        }
        return kept | ours | more

    def settings(self) -> Settings:
        ours = {name: value for name, value in self.environment().items() if name.startswith("NEWSTIDE_")}
        return load(environment=ours)[0]

    def bus(self) -> Bus:
        return connect_bus(self.settings())

    def newstide(self, *arguments: str) -> str:
        """Run the command to its end; returns what it printed."""
        done = subprocess.run(
            [*program(), *arguments], env=self.environment(), capture_output=True, text=True, cwd=ROOT, check=False
        )
        if done.returncode:
            raise SystemExit(f"newstide {' '.join(arguments)} ended with {done.returncode}:\n{done.stderr}")
        return done.stdout

    def processor(self, name: str) -> Child:
        port = free_port()
        environment = self.environment(NEWSTIDE_SERVICE__HEALTH_PORT=str(port))
        command = [*program(), "process", "--instance", name]
        child = Child(name, command, environment, self.scratch / f"{name}.log", port)
        self.children.append(child)
        child.start()
        return child

    def describe(self, topic: str) -> TopicDescription:
        with contextlib.closing(self.bus().admin()) as admin:
            return admin.describe_topic(topic)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database_url.replace("+psycopg", ""), autocommit=True) as connection:
            return connection.execute(statement).fetchall()


def program() -> list[str]:
    return [str(Path(sys.executable).with_name("newstide"))]


@contextlib.contextmanager
def ground(partitions: int) -> Iterator[Ground]:
    """Broker, database with tables, topics; all gone at the end, processes first. A failed run keeps nothing: logs of
    ours are printed."""
    scratch = Path(tempfile.mkdtemp(prefix="newstide-bench-"))
    with Broker() as broker, Postgres() as postgres:
        made = Ground(broker, postgres.url(postgres.fresh_database()), scratch, partitions)
        try:
            made.newstide("db", "upgrade")
            made.newstide("topics", "create")
            yield made
        except BaseException:
            for child in made.children:
                print(f"--- end of the log of {child.name}\n{child.log.read_text('utf-8')[-2000:]}", file=sys.stderr)
            raise
        finally:
            for child in made.children:
                if child.running():
                    child.kill()
            shutil.rmtree(scratch, ignore_errors=True)


def wait_until(true: Callable[[], bool], what: str, within_s: float, every_s: float = 0.2) -> None:
    deadline_s = time.monotonic() + within_s
    while not true():
        if time.monotonic() > deadline_s:
            raise SystemExit(f"not within {within_s:.0f} s: {what}")
        time.sleep(every_s)


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    described: dict[str, Any] = {"cores": os.cpu_count(), "python": platform.python_version()}
    with contextlib.suppress(OSError):
        pairs = [line.partition(":") for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines()]
        known = {key.strip(): value.strip() for key, _, value in pairs}
        described["cpu"] = known.get("model name", "")
        described["family"], described["model"] = known.get("cpu family", ""), known.get("model", "")
    with contextlib.suppress(OSError):
        described["load"] = round(os.getloadavg()[0], 2)
    return described


def conclude(report: dict[str, Any], only_json: bool) -> int:
    """Print figures and checks for people, then the report as one JSON line; the exit status."""
    if not only_json:
        for name, value in report.items():
            if name != "checks":
                print(f"{name.replace('_', ' '):>32}  {value}")
        for name, passed in report["checks"].items():
            print(f"{'ok' if passed else 'FAILED':>32}  {name}")
    passed = all(report["checks"].values())
    print(json.dumps(report | {"passed": passed}))
    return 0 if passed else 1
