"""The command in surroundings that are not as they should be: streams, encodings, hosts, files, a neighbour."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def newstide(tmp_path: Path, root: Path) -> Run:
    """Runs `newstide WORDS` by a shell, which closes and joins streams as it is told."""

    def run(words: str, **settings: str) -> subprocess.CompletedProcess[str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("NEWSTIDE_")}
        return subprocess.run(
            ["bash", "-c", f'set -o pipefail; "$PYTHON" -m cli.main {words}'],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=120,
            cwd=tmp_path,
            env=clean | {"PYTHONPATH": str(root), "PYTHON": sys.executable} | settings,
            check=False,
        )

    return run


def calm(done: subprocess.CompletedProcess[str]) -> bool:
    """No traceback, and no complaint of Python's on its way out."""
    return not any(word in done.stderr + done.stdout for word in ("Traceback", "Exception ignored", "most recent call"))


def test_a_reader_that_leaves_early(newstide: Run) -> None:
    for words in ("config show | head -c 1", "config show --json | head -c 1"):
        done = newstide(words)
        assert calm(done) and done.returncode == 0, done.stderr


@pytest.mark.parametrize("redirection", [">&-", "<&- >&- 2>&-", "2>&-", "<&-"])
def test_streams_that_are_closed(newstide: Run, redirection: str) -> None:
    for words in ("config show", "status --json", "ingest replay none.csv"):
        done = newstide(f"{words} {redirection}")
        assert calm(done) and done.returncode in (0, 3, 4), done.stderr


def test_standard_output_that_is_full(newstide: Run) -> None:
    done = newstide("config show > /dev/full")
    assert calm(done) and done.returncode == 1 and "No space left on device" in done.stderr


def test_a_locale_that_knows_only_english(newstide: Run) -> None:
    done = newstide("classify '跌停' | cat", PYTHONIOENCODING="ascii", LC_ALL="C")
    assert calm(done) and done.returncode == 0 and "\\u8dcc" in done.stdout


def test_files_that_cannot_be_replayed(newstide: Run, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "empty.csv").touch()
    (tmp_path / "binary.csv").write_bytes(os.urandom(3_000).replace(b"\x1f\x8b", b""))
    for name in ("pipe.csv", "folder.csv", "empty.csv", "none.csv", f"{'a' * 5_000}.csv", "/dev/zero --format csv"):
        done = newstide(f"ingest replay {name}")
        assert calm(done) and done.returncode == 4 and "error NT-M02" in done.stderr, done.stderr
    done = newstide("ingest replay binary.csv")
    assert calm(done) and done.returncode in (2, 4)


def test_a_file_whose_name_is_no_text(newstide: Run, tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9.csv"
    with open(path, "wb") as file:
        file.write(b"title,date\nShares rise,2026-01-02\n,\n")
    done = newstide("ingest replay caf*.csv --json")
    assert calm(done) and done.returncode == 0 and '"published": 1, "unchanged": 0, "rejected": 1' in done.stdout, (
        done.stderr
    )


def test_doctor_with_hosts_that_are_none(newstide: Run) -> None:
    for host in ("::1", "no.such.host.invalid", "a" * 70):
        done = newstide("doctor --only dashboard", NEWSTIDE_DASHBOARD__HOST=host)
        assert calm(done) and done.returncode in (0, 3) and "dashboard" in done.stdout, done.stderr
    assert newstide("doctor --only dashboard", NEWSTIDE_DASHBOARD__HOST="ü").returncode == 2


def test_an_interruption_while_it_still_loads(newstide: Run, tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("raise KeyboardInterrupt\n")
    both = os.pathsep.join([str(tmp_path), str(Path(__file__).resolve().parents[2])])
    done = newstide("config show", PYTHONPATH=both)
    assert calm(done) and done.returncode == 130, done.stderr


def test_two_demos_do_not_share_a_folder(newstide: Run, tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    with (tmp_path / "var" / "demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = newstide("demo --for 5s --no-dashboard")
    assert calm(done) and done.returncode == 1 and "error NT-P03" in done.stderr
    assert "NEWSTIDE_DATA_DIR" in done.stderr


def test_what_nobody_foresaw_is_an_error_and_no_traceback(newstide: Run, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import newstide.settings as s\ndef boom(*_, **__): raise KeyError('odd')\ns.load = boom\n"
    )
    both = os.pathsep.join([str(tmp_path), str(Path(__file__).resolve().parents[2])])
    done = newstide("config show", PYTHONPATH=both)
    assert calm(done) and done.returncode == 1 and "error NT-X01: newstide failed: 'odd'" in done.stderr
    shown = newstide("config show", PYTHONPATH=both, NEWSTIDE_SERVICE__LOG_LEVEL="debug")
    assert "Traceback" in shown.stderr, "whoever asks for it gets it"
