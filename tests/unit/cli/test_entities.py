"""`newstide entities`: from a fresh store through edits and an import to what is linked, on an embedded store."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.app import answer

ACME = "acme ; company ; ~Acme|Acme Corp ; 极点公司 ; US ; industrials ; US:ACMX"
LIST = (
    "code,region,name,exchange,type\n600519,SH,贵州茅台,SSE,stock\n"
    "609999,SH,星辰科技,SSE,stock\n609998,SH,某基金,SSE,fund\n"
)

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def newstide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Runs the command in an empty folder: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    for name in ("NEWSTIDE_STORE__URL", "NEWSTIDE_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["newstide", "entities", *arguments])
        with pytest.raises(SystemExit) as ended:
            answer()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return call


def test_an_entity_is_added_linked_edited_and_its_history_told(newstide: Call) -> None:
    assert newstide("add", ACME, "--who", "ann", "--json")[0] == 0
    code, out, err = newstide("add", ACME)
    assert (code, out) == (2, "") and "already" in err
    linked = json.loads(newstide("link", "Acme Corp wins order; target stays", "--json")[1])
    assert [each["entity_id"] for each in linked["links"]] == ["acme"]
    assert linked["links"][0]["reason"] and linked["entities_version"]
    edited = "acme ; company ; ~Acme|Acme Corp ; ; US ; ; US:ACMY"
    assert newstide("edit", edited, "--who", "bo")[0] == 0, "columns without anything between two semicolons"
    edits = json.loads(newstide("history", "acme", "--json")[1])
    assert [(each["who"], each["before"] is None) for each in edits] == [("bo", False), ("ann", True)]
    assert edits[0]["after"]["listings"] == [{"exchange": "US", "symbol": "ACMY"}]
    assert "ACMY" in newstide("show", "acme")[1]
    code, out, err = newstide("history", "nobody")
    assert (code, out) == (2, "") and "there is no entity nobody" in err


def test_a_list_is_imported_once_and_its_refusals_named(newstide: Call, tmp_path: Path) -> None:
    (tmp_path / "sse.csv").write_text(LIST, encoding="utf-8")
    first = json.loads(newstide("import", "sse.csv", "--json")[1])
    again = json.loads(newstide("import", "sse.csv", "--json")[1])
    assert (first["added"], first["unchanged"], [each["line"] for each in first["refused"]]) == (1, 1, [4])
    assert (again["added"], again["changed"], again["unchanged"]) == (0, 0, 2)
    assert "星辰科技" in newstide("list", "--search", "609999")[1]


def test_the_list_that_is_written_can_be_imported(newstide: Call, tmp_path: Path) -> None:
    table = newstide("list", "--kind", "index", "--table")[1]
    (tmp_path / "all.tsv").write_text(table, encoding="utf-8")
    found = json.loads(newstide("import", "all.tsv", "--json")[1])
    assert (found["added"], found["changed"], found["refused"]) == (0, 0, [])
    assert found["unchanged"] == table.count("\n") - 1 > 20


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("show", "absent"), 2, "there is no entity"),
        (("history", "\udcff"), 2, "not UTF-8"),
        (("list", "--kind", "compny"), 2, "one of company, index"),
        (("add", "acme ; company ; A\udcff ; ; ; ; "), 2, "cannot be printed"),
        (("add", "acme ; company ; Acme@2020-01-01..2010-01-01 ; ; ; ; "), 2, "ends before it begins"),
        (("add", ACME, "--who", "\udcff"), 2, "not UTF-8"),
        (("edit", "absent ; company ; X ;  ;  ;  ; "), 2, "there is no entity"),
        (("add", "no row"), 2, "1 columns instead of 7"),
        (("import", "absent.csv"), 2, "cannot be read"),
        (("import", "odd.csv"), 4, "its first line is 'a,b'"),
        (("import", "bytes.csv"), 4, "not UTF-8"),
        (("import", "empty.csv", "--format", "listing"), 4, "no listing file"),
    ],
)
def test_what_cannot_be_is_said(
    newstide: Call, tmp_path: Path, arguments: tuple[str, ...], code: int, told: str
) -> None:
    (tmp_path / "odd.csv").write_text("a,b\n1,2\n")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "empty.csv").write_text("")
    found, out, err = newstide(*arguments)
    assert (found, out) == (code, "")
    assert told in " ".join(err.split())
