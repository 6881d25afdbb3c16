"""`newstide alerts` and `newstide watchlists`: from a text to a rule, over the past and into the record."""

import json
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from cli.app import answer
from newstide.store import migrate
from newstide.store.database import Database
from tests.contract.stories import NOON, like, scored, store, towards

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    """Six stories about Apple, one a minute, the third a copy; the bad ones first."""
    monkeypatch.chdir(tmp_path)
    for name in ("NEWSTIDE_STORE__URL", "NEWSTIDE_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    made = Database("sqlite:///var/newstide.db")
    migrate.upgrade(made)
    scores = [-0.9, -0.8, -0.9, 0.7, 0.8, 0.9]
    store(
        made,
        [
            scored(n, score=s, minute=n, entities=(towards("apple", s),), novelty=like(n - n % 3 // 2, n % 3 // 2))
            for n, s in enumerate(scores)
        ],
        NOON + timedelta(minutes=10),
    )
    return made


@pytest.fixture
def call(database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["newstide", *arguments])
        with pytest.raises(SystemExit) as ended:
            answer()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


def test_a_rule_is_kept_changed_and_removed(call: Call) -> None:
    assert call("alerts", "add", "bad", "AAPL: story negative", "--who", "ann")[0] == 0
    assert call("alerts", "add", "bad", "AAPL: story")[0] == 2
    code, said, _ = call("alerts", "edit", "bad", "AAPL: story negative score < -0.85", "--off", "--json")
    assert (code, json.loads(said)["version"], json.loads(said)["enabled"]) == (0, 2, False)
    assert "nothing has changed" in call("alerts", "edit", "bad", "--off")[2]
    (row,) = json.loads(call("alerts", "list", "--json")[1])
    assert (row["text"], row["owner"]) == ("apple: story negative score < -0.85", "ann")
    assert call("alerts", "remove", "bad")[0] == 0
    assert json.loads(call("alerts", "list", "--json")[1]) == []
    assert call("alerts", "edit", "bad")[0] == 2


def test_a_wrong_rule_is_pointed_at(call: Call) -> None:
    code, _, said = call("alerts", "test", "AAPL: surprize < -2 over 1h")
    assert code == 2 and "      ^^^^^^^^" in said and "did you mean surprise" in said
    code, _, said = call("alerts", "add", "x", "Microsft: story")
    assert code == 2 and "did you mean microsoft" in said
    code, _, said = call("alerts", "add", "No Name", "AAPL: story")
    assert code == 2 and "no name for it" in said
    assert call("alerts", "add", "x", "AAPL: story\x1b[2J")[0] == 2


def test_files_are_applied_whole_and_once(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "rules"
    file.write_text("watchlist w = AAPL, MSFT\nbad = watchlist w: story negative\noff any = AAPL: story\n", "utf-8")
    counts = json.loads(call("alerts", "apply", str(file), "--json")[1])
    assert counts == {"watchlists changed": 1, "rules added": 2, "rules changed": 0, "rules unchanged": 0}
    counts = json.loads(call("alerts", "apply", str(file), "--json")[1])
    assert counts == {"watchlists changed": 0, "rules added": 0, "rules changed": 0, "rules unchanged": 2}
    file.write_text("bad = AAPL: story negative\nworse = AAPL: storie\n", "utf-8")
    code, _, said = call("alerts", "apply", str(file))
    assert code == 4 and "line 2" in said and "^^^^^^" in said
    assert [row["version"] for row in json.loads(call("alerts", "list", "--json")[1])] == [1, 1], "all or none"
    assert call("alerts", "apply", "--defaults")[0] == 0
    assert call("alerts", "apply")[0] == 2


def test_a_draft_is_rehearsed_and_judged(call: Call) -> None:
    span = ("--since", "2026-03-02", "--until", "2026-03-03")
    said = json.loads(call("alerts", "backtest", "AAPL: story negative", *span, "--json")[1])
    assert [f["evidence"][0]["title"] for f in said["firings"]] == ["Story 0", "Story 1"]
    assert (said["stories"], [week["alerts"] for week in said["weeks"]]) == (6, [2])
    call("alerts", "add", "mean", "AAPL: score < -0.5 until 0 over 1h, at least 2 stories")
    code, text, _ = call("alerts", "backtest", "--id", "mean", *span)
    assert code == 0 and "fired" in text and "resolved" in text and "Apple" in text
    assert call("alerts", "backtest", "AAPL: story")[0] == 2
    assert call("alerts", "backtest", *span)[0] == 2
    assert call("alerts", "judge", "none", "right")[0] == 2


def test_why_names_what_failed(call: Call) -> None:
    text = "AAPL: score < -0.5 over 1h, at least 3 stories"
    (found,) = json.loads(call("alerts", "why", text, "--at", "2026-03-02T12:02:30Z", "--json")[1])
    assert [(t["clause"], t["holds"]) for t in found["traces"]][:2] == [
        ("score < -0.5 over 1h", True),
        ("at least 3 stories over 1h", False),
    ]
    code, out, err = call("alerts", "why", 'AAPL: story negative text "bank"', "--at", "2026-03-02T12:03:00Z")
    assert code == 0 and 'fails  story text "bank"' in out and "Story 0" in err


def test_watchlists(call: Call) -> None:
    assert call("watchlists", "create", "tech", "AAPL", "Microsoft")[0] == 0
    assert call("watchlists", "create", "tech")[0] == 2
    assert call("watchlists", "add", "tech", "Nobody At All")[0] == 2
    assert "1 added" in call("watchlists", "add", "tech", "IBM", "AAPL")[2]
    assert "1 taken off" in call("watchlists", "remove", "tech", "AAPL")[2]
    rows = json.loads(call("watchlists", "show", "tech", "--json")[1])
    assert [row["entity"] for row in rows] == ["ibm", "microsoft"]
    assert json.loads(call("watchlists", "list", "--json")[1])[0]["members"] == ["ibm", "microsoft"]
    assert call("watchlists", "remove", "tech")[0] == 0
    assert call("watchlists", "show", "tech")[0] == 2
