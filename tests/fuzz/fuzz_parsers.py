"""Fuzz what reads strangers' bytes, led by coverage (atheris), for as long as asked.

    python -m tests.fuzz.fuzz_parsers --seconds 600                all targets, one after the other, each so long
    python -m tests.fuzz.fuzz_parsers --seconds 60 --target feed

Prints a line of JSON a target: executions, and findings by kind. What was found lies under `--findings`, to become a
fixture. Exit status 1 when there is any.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.fuzz.targets import TARGETS, seeds

SLOW_CPU_S = 2.0
"""Of one input of at most `INPUT_BYTES_MAX`: it counts as a finding."""
INPUT_BYTES_MAX = 16_384
_EXECUTED = re.compile(r"stat::number_of_executed_units:\s*(\d+)")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--target", choices=list(TARGETS), action="append")
    parser.add_argument("--findings", type=Path, default=Path("findings"))
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        _fuzz(options.inside, options.seconds, options.findings)
        return 0
    found = 0
    for name in options.target or TARGETS:
        folder = options.findings / name
        before = set(folder.glob("*"))
        command = [sys.executable, "-m", "tests.fuzz.fuzz_parsers", "--inside", name, "--seconds", str(options.seconds)]
        done = subprocess.run(
            [*command, "--findings", str(folder)], capture_output=True, text=True, check=False, errors="replace"
        )
        executed = _EXECUTED.search(done.stderr)
        kinds = sorted(path.name for path in set(folder.glob("*")) - before)
        if executed is None:
            kinds.append(f"ended with {done.returncode}: {done.stderr[-300:]}")
        found += len(kinds)
        report = {"target": name, "executions": int(executed[1]) if executed else 0, "findings": kinds}
        print(json.dumps(report), flush=True)  # noqa: T201 - a command: its output is its purpose
    return 1 if found else 0


def _fuzz(name: str, seconds: int, folder: Path) -> None:
    """In a process of its own: libFuzzer ends the process that it runs in."""
    import atheris

    target, known = TARGETS[name], set[str]()

    def once(data: bytes) -> None:
        started_s = time.process_time()
        try:
            target(data)
        except Exception as error:  # a finding is written down once, and the search goes on
            frame = error.__traceback__
            while frame is not None and frame.tb_next is not None:
                frame = frame.tb_next
            place = f"{Path(frame.tb_frame.f_code.co_filename).stem}-{frame.tb_lineno}" if frame else ""
            _keep(folder, f"{type(error).__name__}-{place}", data, known)
        if time.process_time() - started_s > SLOW_CPU_S:
            _keep(folder, "slow", data, known)

    for module in [module for key, module in sys.modules.items() if key.startswith(("ingest", "newstide.signing"))]:
        for function in [value for value in vars(module).values() if callable(value) and hasattr(value, "__code__")]:
            if function.__module__ == module.__name__:
                setattr(module, function.__name__, atheris.instrument_func(function))
    with tempfile.TemporaryDirectory() as corpus:
        for seed in seeds(name):
            (Path(corpus) / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
        limits = [f"-max_total_time={seconds}", f"-max_len={INPUT_BYTES_MAX}", "-timeout=60", "-rss_limit_mb=2048"]
        atheris.Setup([sys.argv[0], corpus, *limits, "-print_final_stats=1", "-verbosity=0"], once)
        atheris.Fuzz()


def _keep(folder: Path, kind: str, data: bytes, known: set[str]) -> None:
    if kind in known:
        return
    known.add(kind)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / kind).write_bytes(data)


if __name__ == "__main__":
    sys.exit(main())
