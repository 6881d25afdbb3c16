"""`newstide model`: what it prints and what it refuses, without training anything."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.model import app
from newstide import artifact
from newstide.errors import DataInvalid, ModelInvalid, NewstideError, UsageError

COMMITTED = Path(__file__).resolve().parents[3] / "artifacts"


@pytest.fixture
def artifacts(tmp_path: Path) -> Path:
    shutil.copytree(artifact.resolve(COMMITTED), tmp_path / "one")
    return tmp_path


def call(*arguments: str) -> object:
    result = CliRunner().invoke(app, [*arguments, "--json"], catch_exceptions=False)
    assert result.exit_code == 0
    return json.loads(result.stdout)


def test_from_list_to_use(artifacts: Path) -> None:
    where = ("--artifacts", str(artifacts))
    version = artifact.load(artifacts / "one").version
    (entry,) = json.loads(json.dumps(call("list", *where)))
    assert (entry["name"], entry["version"], entry["active"]) == ("one", version, False)
    assert call("use", "one", *where) == {"name": "one", "version": version, "active": True}
    assert call("verify", *where) == {"name": "one", "version": version, "ok": True}
    shown = call("show", *where)
    assert isinstance(shown, dict) and shown["version"] == version and "test" in shown["metrics"]
    for command in ("list", "show", "verify"):
        assert CliRunner().invoke(app, [command, *where]).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (("verify", "absent"), ModelInvalid),
        (("show", "absent"), ModelInvalid),
        (("verify",), ModelInvalid),
        (("use", "../one"), UsageError),
        (("train", "--run", "a/b"), UsageError),
        (("train", "--data", "closed"), UsageError),
        (("train", "--set", "epochs"), UsageError),
        (("train", "--set", "epoks=2"), UsageError),
        (("train", "--set", "epochs=many"), UsageError),
        (("train", "--set", "epochs=0"), UsageError),
        (("train", "--set", "batch_texts=0"), UsageError),
        (("train", "--set", "max_tokens=5000"), UsageError),
        (("train", "--set", "dropout=2"), UsageError),
        (("pretrain", "--set", "steps=0"), UsageError),
        (("pretrain", "--set", "mask_share=7"), UsageError),
        (("train", "--way", "sideways"), UsageError),
        (("train",), DataInvalid),
        (("pretrain",), DataInvalid),
        (("finetune", "--from-labels", "absent", "--from", "absent"), ModelInvalid),
        (("baselines",), DataInvalid),
        (("export", "--run", "absent"), DataInvalid),
        (("evaluate", "one"), DataInvalid),
        (("evaluate", "one", "--against", "int4"), UsageError),
    ],
)
def test_refusals_are_errors_of_ours(
    artifacts: Path, arguments: tuple[str, ...], kind: type[NewstideError], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEWSTIDE_DATA", str(artifacts / "absent"))
    takes_artifacts = arguments[0] in ("verify", "show", "use", "export", "evaluate")
    where = ("--artifacts", str(artifacts)) if takes_artifacts else ()
    with pytest.raises(kind):
        CliRunner().invoke(app, [*arguments, *where], catch_exceptions=False)


def test_a_spoilt_artifact_is_listed_with_its_problem(artifacts: Path) -> None:
    (artifacts / "one" / "manifest.json").write_text("{}", encoding="utf-8")
    (entry,) = json.loads(json.dumps(call("list", "--artifacts", str(artifacts))))
    assert entry["problem"] and entry["version"] is None
