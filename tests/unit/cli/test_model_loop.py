"""`newstide model shadow` and `rollback`: what they print."""

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from cli.app import answer
from model import registry, runs
from newstide import artifact
from newstide.artifact import Checks
from newstide.store import migrate, shadow, writes
from newstide.store.database import Database
from tests.contract.stories import scored
from tests.tiny_artifact import write

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def newstide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Runs the command in an empty folder: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NEWSTIDE_STORE__URL", raising=False)

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["newstide", "model", *arguments])
        with pytest.raises(SystemExit) as ended:
            answer()
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return call


def test_a_candidate_beside_the_model_in_use(newstide: Call) -> None:
    database = Database("sqlite:///var/newstide.db")
    migrate.upgrade(database)
    assert json.loads(newstide("shadow", "--json")[1]) == {"stories": 0}
    assert "process --shadow" in newstide("shadow")[2]
    with database.transaction() as connection:
        writes.add_stories(connection, [scored(1, title="[b]Up[/b]", score=0.5), scored(2, score=0.2)], NOON)
        shadow.add(connection, [scored(1, score=-0.5, model="s-1"), scored(2, score=0.2, model="s-1")], NOON)
    database.close()
    found = json.loads(newstide("shadow", "--json")[1])
    assert (found["active"], found["shadow"], found["stories"], found["agreement"]) == ("m-1", "s-1", 2, 0.5)
    assert found["confusion"] == {"positive": {"negative": 1, "positive": 1}}
    assert [each["difference"] for each in found["largest"]] == [-1.0]
    code, out, _ = newstide("shadow", "s-1")
    assert code == 0 and "50.00%" in out and "[b]Up[/b]" in out and "-0.50 negative" in out


def test_there_and_back_by_version(newstide: Call, tmp_path: Path) -> None:
    versions = {}
    for n, name in enumerate(("one", "two")):
        made = write(tmp_path / "artifacts" / name)
        manifest = msgspec.structs.replace(artifact.read_manifest(made), name=name, max_tokens=16 + n)
        versions[name] = artifact.version_of(manifest)
        checks = Checks(versions[name], True, {}, "2026-03-02T12:00:00Z")
        (made / artifact.MANIFEST).write_bytes(msgspec.json.encode(msgspec.structs.replace(manifest, checks=checks)))
    for name in ("one", "two"):
        found = json.loads(newstide("use", versions[name], "--json")[1])
        assert found == {"name": name, "version": versions[name], "active": True}
    assert json.loads(newstide("rollback", "--json")[1]) == {"name": "one", "version": versions["one"], "active": True}
    assert registry.active_name(tmp_path / "artifacts") == "one"
    code, _, err = newstide("rollback")
    assert code == 4 and "nothing to roll back to" in err


def test_a_damaged_run_hides_no_other(newstide: Call, tmp_path: Path) -> None:
    assert newstide("runs", "--json")[1] == "[]\n"
    assert "no finished run in runs" in newstide("runs")[2] and "no artifact in artifacts" in newstide("list")[2]
    record = runs.RunRecord(runs.TrainConfig(), "", "", "", 1, 1, "", "", best={"story_en": 0.5}, best_macro_f1=0.5)
    for name in ("bad", "good"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / runs.BEST).touch()
        runs.write(tmp_path / "runs" / name, record)
    (tmp_path / "runs" / "bad" / runs.RECORD).write_text("{", encoding="utf-8")
    code, out, err = newstide("runs", "--json")
    assert (code, [each["run"] for each in json.loads(out)]) == (0, ["good"])
    assert "bad is left out" in err
