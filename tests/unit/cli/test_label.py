"""`newstide label`: from a question to a label and out again, on an embedded store."""

import io
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cli.app import answer
from newstide.messages import story_id_of
from newstide.store import labels, migrate, shadow, writes
from newstide.store.database import Database
from tests.contract.stories import scored

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SURE, DOUBTFUL, APART = (story_id_of("test", str(n)) for n in (1, 2, 3))

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    """Three scored stories: on one the model is sure, on one it is not, on one a shadow contradicts it."""
    monkeypatch.chdir(tmp_path)
    for name in ("NEWSTIDE_STORE__URL", "NEWSTIDE_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    made = Database("sqlite:///var/newstide.db")
    migrate.upgrade(made)
    with made.transaction() as connection:
        batch = [scored(1, title="Sure", score=0.9), scored(2, title="Doubtful", score=0.4)]
        writes.add_stories(connection, [*batch, scored(3, title="Apart", score=0.9)], NOON)
        shadow.add(connection, [scored(3, title="Apart", score=-0.9, model="s-1")], NOON)
    return made


@pytest.fixture
def newstide(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Runs the command: exit code, standard output, standard error."""

    def call(*arguments: str, stdin: bytes = b"") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["newstide", "label", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as ended:
            answer()
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return call


def lines(*objects: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in objects)


def test_what_would_teach_most_is_asked_first_and_what_is_labelled_no_more(database: Database, newstide: Call) -> None:
    code, out, _ = newstide("next", "--count", "2", "--json")
    first, second = json.loads(out)
    assert (code, first["story_id"], first["reason"]) == (0, APART, "disagreement")
    assert (second["text"], second["reason"], len(second["opinions"])) == ("Doubtful", "entropy", 1)
    assert newstide("add", "--story", APART, "--label", "negative", "--annotator", "ann")[0] == 0
    assert [each["text"] for each in json.loads(newstide("next", "--json")[1])] == ["Doubtful", "Sure"]
    assert "Doubtful" in newstide("next")[1]


def test_one_label_names_the_model_that_it_corrects(database: Database, newstide: Call) -> None:
    arguments = ("add", "--story", APART, "--topic", "earnings", "--note", "read twice", "--annotator", "ann", "--json")
    assert json.loads(newstide(*arguments)[1]) == {"lines": 1, "added": 1, "unchanged": 0, "bad": []}
    assert json.loads(newstide(*arguments)[1])["unchanged"] == 1
    (found,) = labels.standing(database)
    assert (found.text, found.topic, found.note, found.model_version) == ("Apart", "earnings", "read twice", "m-1")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--story", SURE),
        ("--story", "absent", "--label", "negative"),
        ("--story", SURE, "--label", "good"),
        ("--story", SURE, "--topic", "weather"),
        ("--story", "\udcff", "--label", "negative"),
        ("--label", "negative"),
    ],
)
def test_a_label_that_is_none_is_refused(database: Database, newstide: Call, arguments: tuple[str, ...]) -> None:
    code, out, err = newstide("add", *arguments, "--annotator", "ann")
    assert (code, out) == (2, "") and err.startswith("error NT-U01")
    assert labels.standing(database) == []


def test_bad_lines_are_told_by_number_and_the_good_ones_kept(database: Database, newstide: Call) -> None:
    good = lines(
        {"story_id": SURE, "label": "positive"}, {"text": "业绩不及预期", "label": "negative", "annotator": "bo"}
    )
    bad = b"\n" + b"no json\n" + lines({"story_id": "absent", "label": "neutral"}, {"text": "x"})
    code, out, err = newstide("import", "-", "--annotator", "ann", "--json", stdin=b"\xef\xbb\xbf" + good + bad)
    told = json.loads(out)
    assert code == 4 and "3 of 5 lines" in err and "line 4:" in err
    assert (told["lines"], told["added"], told["unchanged"]) == (5, 2, 0)
    assert [each["line"] for each in told["bad"]] == [4, 5, 6]
    assert {each.annotator for each in labels.standing(database)} == {"ann", "bo"}


def test_out_and_in_again_changes_nothing(database: Database, newstide: Call, tmp_path: Path) -> None:
    given = lines(
        {"story_id": SURE, "label": "positive", "note": "one"},
        {"story_id": SURE, "label": "negative", "entity": "Acme"},
        {"text": "a", "label": "neutral"},
        {"text": "a", "label": "positive", "topic": "legal"},
    )
    Path("labels.ndjson").write_bytes(given)
    first, second = (newstide("import", "labels.ndjson", "--annotator", "ann", "--json") for _ in range(2))
    assert (json.loads(first[1])["added"], json.loads(second[1])["added"]) == (3, 0)
    code, out, _ = newstide("export")
    assert code == 0 and len(out.splitlines()) == 3
    assert newstide("export", "--out", "out.ndjson")[0] == 0
    assert Path("out.ndjson").read_text("utf-8") == out
    assert json.loads(newstide("import", "out.ndjson", "--json")[1])["added"] == 0
    other = Database(f"sqlite:///{tmp_path / 'elsewhere' / 'newstide.db'}")
    migrate.upgrade(other)
    held = labels.standing(database)
    database.close()
    Path("newstide.toml").write_text("data_dir = 'elsewhere'\n", encoding="utf-8")
    assert newstide("import", "out.ndjson")[0] == 0
    assert labels.standing(other) == held
    other.close()


def test_files_that_cannot_be_read_or_written(database: Database, newstide: Call, tmp_path: Path) -> None:
    for arguments in (("import", "absent.ndjson"), ("import", str(tmp_path)), ("export", "--out", "absent/out")):
        code, _, err = newstide(*arguments)
        assert code == 2 and err.startswith("error NT-U01"), err


def test_an_import_has_a_limit(database: Database, newstide: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.label.LINES_MAX", 2)
    code, _, err = newstide("import", "-", stdin=lines(*({"text": str(n), "label": "neutral"} for n in range(3))))
    assert code == 4 and "more than 2 lines" in err
    assert labels.standing(database) == []


def test_a_line_without_end_is_one_bad_line(database: Database, newstide: Call) -> None:
    stdin = b"x" * 200_000 + b"\n" + lines({"text": "a", "label": "neutral"})
    code, out, err = newstide("import", "-", "--annotator", "ann", "--json", stdin=stdin)
    assert code == 4 and json.loads(out)["added"] == 1 and "longer than" in err


def test_without_a_database_it_says_what_to_do(tmp_path: Path, newstide: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = newstide("next")
    assert code == 3 and "error NT-D01" in err
