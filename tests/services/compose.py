"""A compose file without an engine: read, interpolated and merged as the engine does, its services run as processes."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from tests.services.broker import find_java, jar_folder
from tests.services.common import ServiceFailed, died_with_parent, plain_environment

VARIABLE = re.compile(r"\$(?:(\$)|\{(\w+)(?::([-?])([^}]*))?\})")
END_S_MAX = 10.0  # the promise of every program of ours


def variables_of(env_file: Path) -> dict[str, str]:
    """The variables of a file like .env: NAME=value, quoted or not."""
    pairs = (shlex.split(line, comments=True) for line in env_file.read_text("utf-8").splitlines())
    return dict(words[0].split("=", 1) for words in pairs if words)


def interpolated(value: Any, variables: Mapping[str, str]) -> Any:
    """A tree with every ${NAME}, ${NAME:-default} and ${NAME:?message} replaced. KeyError where it must be set."""
    if isinstance(value, Mapping):
        return {key: interpolated(item, variables) for key, item in value.items()}
    if isinstance(value, list):
        return [interpolated(item, variables) for item in value]
    return VARIABLE.sub(lambda found: _value(found, variables), value) if isinstance(value, str) else value


def _value(found: re.Match[str], variables: Mapping[str, str]) -> str:
    dollar, name, kind, rest = found.groups()
    if dollar:
        return "$"
    if variables.get(name):
        return variables[name]
    if kind == "-":
        return str(rest)
    raise KeyError(f"{name} {rest or 'is not set'}")


def read(path: Path, variables: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The file; with `variables` as the engine sees it, without them as it is written."""
    tree: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return tree if variables is None else dict(interpolated(tree, variables))


def merged(base: Any, override: Any) -> Any:
    """As `-f base -f override`: mappings are merged, sequences joined, all else replaced."""
    if isinstance(base, Mapping) and isinstance(override, Mapping):
        both = {key: merged(value, override[key]) if key in override else value for key, value in base.items()}
        return {**override, **both}
    return [*base, *override] if isinstance(base, list) and isinstance(override, list) else override


@dataclass(frozen=True)
class Place:
    """Where this machine has what the file names: (text in the file, text here), applied in order to every string."""

    folder: Path
    texts: Sequence[tuple[str, str]]

    def here(self, text: str) -> str:
        for there, here in self.texts:
            text = text.replace(there, here)
        return text


@dataclass
class Program:
    """One service as a process: its own entry point, command, environment and health check. Use it in `with`."""

    name: str
    service: Mapping[str, Any]
    place: Place
    image_entrypoint: Sequence[str] = ("newstide",)
    _child: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def log(self) -> Path:
        return self.place.folder / f"{self.name}.log"

    def environment(self) -> dict[str, str]:
        """The service's own variables and what the image sets; of this machine only where its programs are."""
        own = {key: self.place.here(str(value)) for key, value in self.service.get("environment", {}).items()}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return plain_environment() | {"PATH": path, "HOME": str(self.place.folder), "PYTHONUTF8": "1"} | own

    def argv(self) -> list[str]:
        words = [*self.service.get("entrypoint", self.image_entrypoint), *self.service.get("command", ())]
        return [self.place.here(word) for word in words]

    def __enter__(self) -> "Program":
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                [*died_with_parent("KILL"), *self.argv()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment(),
                cwd=self.place.folder,
                start_new_session=True,
            )
        return self

    def __exit__(self, *_: object) -> None:
        if self._child is not None and self._child.poll() is None:
            os.killpg(self._child.pid, signal.SIGKILL)
            self._child.wait()

    def wait(self, limit_s: float) -> int:
        """The exit code of a service that ends by itself."""
        assert self._child is not None
        try:
            return self._child.wait(limit_s)
        except subprocess.TimeoutExpired:
            raise ServiceFailed(f"{self.name} did not end within {limit_s:.0f} s\n{self.said()}") from None

    def healthy(self) -> bool:
        """What the service's own health check says. Raises when the process is no more."""
        assert self._child is not None
        if self._child.poll() is not None:
            raise ServiceFailed(f"{self.name} ended with {self._child.returncode}\n{self.said()}")
        how, *words = (self.place.here(word) for word in self.service["healthcheck"]["test"])
        assert how == "CMD"
        checked = subprocess.run(words, env=self.environment(), capture_output=True, timeout=10, check=False)
        return checked.returncode == 0

    def terminate(self) -> tuple[int, float]:
        """SIGTERM as the engine sends it; the exit code, and the seconds until the end."""
        assert self._child is not None
        started_s = time.monotonic()
        self._child.terminate()
        return self.wait(END_S_MAX + 5), time.monotonic() - started_s

    def said(self) -> str:
        return self.log.read_text("utf-8", "replace")[-4000:]


def kafka_programs(service: Mapping[str, Any], place: Place) -> Iterator[Program]:
    """The two steps of the image's start script, with the image's own tool: settings from the environment and a
    formatted folder, then the broker."""
    java, jars = find_java() or "java", str(jar_folder() / "*")
    defaults, final = place.folder / "defaults", place.folder / "config"
    for path in (defaults, final, place.folder / "mounted"):
        path.mkdir()
    (defaults / "server.properties").touch()
    for name in ("log4j2.yaml", "tools-log4j2.yaml"):
        (defaults / name).write_text("Configuration:\n  Loggers:\n    Root:\n      level: WARN\n", "utf-8")
    folders = {"default": defaults, "mounted": place.folder / "mounted", "final": final}
    options = [word for name, path in folders.items() for word in (f"--{name}-configs-dir", str(path))]
    setup = [java, "-cp", jars, "kafka.docker.KafkaDockerWrapper", "setup", *options]
    heap = service["environment"]["KAFKA_HEAP_OPTS"].split()
    run = [java, *heap, "-Xshare:auto", "-cp", jars, "kafka.Kafka", str(final / "server.properties")]
    yield Program("kafka-setup", service, place, setup)
    yield Program("kafka", service, place, run)
