"""The command as a person meets it: what it prints, how it fails, with which exit code."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from newstide.scoring.connect import SHIPPED

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def newstide(tmp_path: Path, root: Path) -> Run:
    """Runs the command in an empty folder, with no settings but those given."""

    def run(*arguments: str, stdin: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("NEWSTIDE_")}
        return subprocess.run(
            [sys.executable, "-m", "cli.main", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            cwd=tmp_path,
            env=clean | {"PYTHONPATH": str(root)} | settings,
            check=False,
        )

    return run


def assert_refused(done: subprocess.CompletedProcess[str], exit_code: int, *parts: str) -> None:
    """Three parts on standard error, the right exit code, no traceback, nothing on standard output."""
    assert done.returncode == exit_code, done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert done.stderr.startswith("error NT-"), done.stderr
    for part in parts:
        assert part in done.stderr, done.stderr
    assert done.stdout == ""


def test_help_is_instant_because_nothing_heavy_is_imported(newstide: Run) -> None:
    heavy = ("torch", "streamlit", "onnxruntime", "kafka", "sqlalchemy")
    ask = f"import cli.app, sys; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert "demo" in newstide("--help").stdout


def test_without_a_command_it_says_what_there_is_and_what_to_do_next(newstide: Run) -> None:
    done = newstide()
    assert done.returncode == 0
    assert "next:" in done.stdout and "newstide demo" in done.stdout


def test_classify_prints_one_json_object(newstide: Run) -> None:
    done = newstide("classify", "--json", "Shares plunge 30% after the auditor resigns")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert set(answer) >= {"label", "score", "p_negative", "p_neutral", "p_positive", "model"}
    assert set(answer) >= {"entity", "topic", "topic_group", "p_topic"}
    assert answer["label"] == "negative"
    assert answer["score"] == pytest.approx(answer["p_positive"] - answer["p_negative"], abs=1e-5)
    assert answer["p_negative"] + answer["p_neutral"] + answer["p_positive"] == pytest.approx(1, abs=1e-5)


def test_classify_reads_texts_and_json_lines_and_answers_in_order(newstide: Run) -> None:
    good, bad = "Profit doubles, outlook raised", '{"text": "Company files for bankruptcy"}'
    lines = [good, bad, "", "{not json", good]
    done = newstide("classify", stdin="\n".join(lines) + "\n")
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(lines)
    assert answers[0]["label"] == "positive" and answers[1]["label"] == "negative"
    assert answers[2]["label"] == "unsure", "an empty text gets no made-up label"
    assert answers[2]["score"] is None and answers[2]["topic"] is None, "absent is not zero"
    assert answers[0] == answers[4], "same text, same answer"


def test_classify_answers_the_other_lines_when_some_hold_no_text(newstide: Run) -> None:
    lines = ['{"title": "x"}', "Profit doubles", '{"text": 7}', "x" * 5_000_000, '{"text": "Shares plunge 30%"}']
    done = newstide("classify", stdin="\n".join(lines))
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert ["error" in answer for answer in answers] == [True, False, True, False, False]
    assert "line 1" in answers[0]["error"] and answers[4]["label"] == "negative"
    assert done.returncode == 4 and done.stderr.startswith("error NT-M02") and "Traceback" not in done.stderr


def test_classify_answers_for_the_company_that_is_named(newstide: Run) -> None:
    text = "Acme plunges after profit warning while rival Beta surges to a record high"
    lines = [json.dumps({"text": text, "entity": name}) for name in ("Acme", "Beta")]
    acme, beta = (json.loads(line) for line in newstide("classify", stdin="\n".join(lines)).stdout.splitlines())
    assert (acme["entity"], acme["label"], beta["entity"], beta["label"]) == ("Acme", "negative", "Beta", "positive")
    alone = json.loads(newstide("classify", "--json", "--entity", "Beta", text).stdout)
    assert alone == beta


def test_classify_names_the_words_that_carried_the_score(newstide: Run) -> None:
    done = newstide("classify", "--json", "--explain", "Shares plunge 30% after the auditor resigns")
    answer = json.loads(done.stdout)
    assert {word["word"] for word in answer["words"]} == {
        "Shares",
        "plunge",
        "30%",
        "after",
        "the",
        "auditor",
        "resigns",
    }
    assert all(answer["read"][word["start"] : word["end"]] == word["word"] for word in answer["words"])
    shares = [abs(word["share"]) for word in answer["words"]]
    assert shares == sorted(shares, reverse=True) and answer["words"][0]["share"] < 0


def test_unknown_command_and_flag(newstide: Run) -> None:
    assert_refused(newstide("clasify", "x"), 2, "clasify")
    assert_refused(newstide("status", "--jsn"), 2, "--jsn")


def test_unknown_key_in_the_environment_is_refused_with_a_suggestion(newstide: Run) -> None:
    assert_refused(newstide("config", "show", NEWSTIDE_BUS__KIMD="kafka"), 2, "bus.kimd", "did you mean bus.kind?")


def test_unknown_key_in_the_file_is_refused(newstide: Run, tmp_path: Path) -> None:
    (tmp_path / "newstide.toml").write_text("[store]\nulr = 'x'\n")
    assert_refused(newstide("status"), 2, "store.ulr", "newstide.toml")


def test_secrets_are_masked(newstide: Run) -> None:
    done = newstide("config", "show", NEWSTIDE_STORE__URL="postgresql+psycopg://me:hunter2@db/x")
    assert done.returncode == 0 and "hunter2" not in done.stdout + done.stderr and "me:***" in done.stdout


def test_init_then_config_show_names_the_file(newstide: Run) -> None:
    assert newstide("init").returncode == 0
    assert_refused(newstide("init"), 2, "--force")
    shown = json.loads(newstide("config", "show", "--json").stdout)
    assert shown["data_dir"] == {"value": "var", "origin": "file newstide.toml"}


def test_no_broker(newstide: Run) -> None:
    closed = _closed_port()
    settings = {"NEWSTIDE_BUS__KIND": "kafka", "NEWSTIDE_BUS__BOOTSTRAP": f"127.0.0.1:{closed}"}
    assert_refused(newstide("topics", "describe", **settings), 3, f"127.0.0.1:{closed}", "doctor")


def test_no_database(newstide: Run) -> None:
    url = f"postgresql+psycopg://me:hunter2@127.0.0.1:{_closed_port()}/x"
    done = newstide("db", "status", NEWSTIDE_STORE__URL=url)
    assert_refused(done, 3, "does not answer")
    assert "hunter2" not in done.stderr


def test_a_truncated_model_is_refused(newstide: Run, tmp_path: Path) -> None:
    folder = _copy_of_the_artifact(tmp_path)
    graph = next(folder.glob("*.onnx"))
    graph.write_bytes(graph.read_bytes()[:100_000])
    assert_refused(newstide("classify", "x", NEWSTIDE_MODEL__ARTIFACT=str(folder)), 4, graph.name)


def test_a_swapped_tokenizer_is_refused(newstide: Run, tmp_path: Path) -> None:
    folder = _copy_of_the_artifact(tmp_path)
    tokenizer = folder / "tokenizer.json"
    tokenizer.write_text(tokenizer.read_text(encoding="utf-8").replace('"▁should"', '"▁shuold"', 1), encoding="utf-8")
    assert_refused(newstide("classify", "x", NEWSTIDE_MODEL__ARTIFACT=str(folder)), 4, "tokenizer.json")


def test_the_demo_counts_every_story(newstide: Run, tmp_path: Path) -> None:
    done = newstide("demo", "--for", "8s", "--no-dashboard", "--json")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["received"] == summary["stored"] + summary["duplicates"] + summary["rejected"] + summary["dead"]
    assert summary["stored"] > 100 and summary["dead"] == 0 and summary["waiting"] == 0
    assert summary["p95_ms"] >= summary["p50_ms"] > 0 and summary["per_second"] > 0
    assert sum(summary["labels"].values()) == summary["stored"]
    stored = json.loads(newstide("status", "--json", NEWSTIDE_DATA_DIR=str(tmp_path / "var" / "demo")).stdout)
    assert stored["reconciled"] and stored["processor"]["stored"] == summary["stored"]


def test_the_demo_refuses_a_port_in_use(newstide: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert_refused(newstide("demo", "--for", "5s", "--port", port), 1, port, "--port 0")


def test_doctor_names_what_is_amiss_and_exits_3(newstide: Run) -> None:
    done = newstide("doctor", "--json")
    findings = {finding["part"]: finding for finding in json.loads(done.stdout)}
    assert done.returncode == 3 and findings["model"]["ok"] and not findings["bus"]["ok"] and findings["bus"]["fix"]


def _copy_of_the_artifact(tmp_path: Path) -> Path:
    active = SHIPPED / (SHIPPED / "ACTIVE").read_text(encoding="utf-8").strip()
    return Path(shutil.copytree(active, tmp_path / "artifact"))


def _closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
