"""Files as strangers write them, row by row: what is read, what is set aside, what is refused as a whole."""

import gzip
import json
from pathlib import Path

import pytest

from ingest.columns import Columns, WrongType, entry_maker
from ingest.rows import Row, rows_of
from newstide.errors import DataInvalid, UsageError
from newstide.messages import Reason


def rows(path: Path, content: str | bytes, encoding: str = "utf-8") -> list[Row]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    with rows_of(path, "csv" if path.suffix == ".csv" else "jsonl", encoding) as found:
        return list(found)


def titles(found: list[Row]) -> list[object]:
    return [row.problem[0] if row.problem else row.cells.get("title") for row in found]


def test_a_quote_that_is_never_closed_costs_its_own_row_only(tmp_path: Path) -> None:
    lines = ["title,date", "First,2026-01-01", '"Second,2026-01-02', *(f"Story {n},2026-01-03" for n in range(500))]
    found = rows(tmp_path / "a.csv", "\n".join(lines) + "\n")
    assert titles(found) == ["First", Reason.WRONG_SHAPE, *(f"Story {n}" for n in range(500))]
    assert (found[1].line, found[1].raw) == (3, b'"Second,2026-01-02\n')
    assert [row.line for row in found] == list(range(2, 504))


def test_a_quote_that_is_closed_by_another_row_costs_its_own_row_only(tmp_path: Path) -> None:
    lines = ["title,date", '"First,2026-01-01', "Second,2026-01-02", '"Third, quoted",2026-01-03', "Fourth,2026-01-04"]
    found = rows(tmp_path / "a.csv", "\n".join(lines))
    assert titles(found) == [Reason.WRONG_SHAPE, "Second", "Third, quoted", "Fourth"]


def test_a_quote_past_the_limit_of_a_field_costs_its_own_row_only(tmp_path: Path) -> None:
    filler = f"{'x' * 99_990},2026-01-01\n"
    found = rows(tmp_path / "a.csv", f'title,date\n"Open,2026-01-01\n{filler * 180}')
    assert [bool(row.problem) for row in found] == [True, *[False] * 180]


def test_a_row_over_many_lines_is_a_row(tmp_path: Path) -> None:
    text = "\n".join(f"line {n}, with a comma" for n in range(2_000))
    found = rows(tmp_path / "a.csv", f'title,date\n"{text}",2026-01-01\nNext,2026-01-02\n')
    assert titles(found) == [text, "Next"] and found[1].line == 2_002


def test_a_file_that_ends_within_quotes_keeps_the_bytes(tmp_path: Path) -> None:
    found = rows(tmp_path / "a.csv", 'title,body\nFirst,one\nCut,"a long text\nthat goes on\nand')
    assert titles(found) == ["First", Reason.WRONG_SHAPE]
    assert found[1].raw == b'Cut,"a long text\nthat goes on\nand'


@pytest.mark.parametrize("encoding", ["hex", "rot13", "zip", "utf-16", "utf-32-le", "cp037", "no-such", "../x", ""])
def test_an_encoding_without_lines_or_without_text(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(UsageError, match="encoding|no lines"):
        rows(tmp_path / "a.csv", "title\nx\n", encoding)


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_a_file_in_utf_16_is_told_by_its_first_bytes(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataInvalid) as caught:
        rows(tmp_path / name, "title\nx\n".encode("utf-16"))
    assert "UTF-16" in caught.value.why and "iconv" in caught.value.fix


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "cp1252", "ascii", "latin-1"])
def test_encodings_of_text(tmp_path: Path, encoding: str) -> None:
    assert titles(rows(tmp_path / "a.csv", "title,date\nx,2026-01-01\n".encode(encoding), encoding)) == ["x"]


def test_odd_but_whole_csv(tmp_path: Path) -> None:
    odd = '\r\n\r\ntitle,title,,date\r\na,b,c,2026\r\nshort\r\n"He said ""no""",x\r\nnul\0,y\r\n,,,\r\n1,2,3,4,5,6\r\n'
    found = rows(tmp_path / "a.csv", odd)
    assert titles(found) == ["b", "short", "x", "y", "", "2"] and not any(row.problem for row in found)
    assert titles(rows(tmp_path / "b.csv", "title\n" + "x" * 200_000)) == ["x" * 200_000]


def test_json_lines_that_are_none(tmp_path: Path) -> None:
    lines = [
        "7",
        "null",
        '"text"',
        "[1]",
        "{",
        '{"title": ' + "9" * 5_000 + "}",
        "[" * 50_000,
        '{"a":' * 50_000,
        "\x00",
    ]
    found = rows(tmp_path / "a.jsonl", "\n".join(lines) + '\n{"title": "x"}\n{"title": NaN}')
    assert all(row.problem for row in found[:-2]) and titles(found)[-2] == "x"


def test_a_cell_that_is_no_number_is_no_cell() -> None:
    """Python writes NaN for what is missing: it must not become the one id of all stories without an id."""
    make = entry_maker(Columns(title="title", id="id", date="date", symbols="symbols"))
    made = make({"title": float("nan"), "id": float("nan"), "date": float("nan"), "symbols": [float("nan"), "A"]})
    assert (made.title, made.id, made.published, made.symbols) == ("", "", "", ("", "A"))
    assert make({"id": 10**40}).id == str(10**40)
    odd: tuple[dict[str, object], ...] = ({"id": True}, {"id": {}}, {"title": 7.5}, {"symbols": {}}, {"symbols": [[]]})
    for cell in odd:
        with pytest.raises(WrongType):
            make(cell)


@pytest.mark.parametrize("content", [b"\x1f\x8b", gzip.compress(b"x" * 10_000)[:-9], b"\x1f\x8b" + b"\xff" * 100])
def test_a_broken_archive(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DataInvalid):
        rows(tmp_path / "a.jsonl", content)


def test_an_archive_of_nothing(tmp_path: Path) -> None:
    assert rows(tmp_path / "a.jsonl", gzip.compress(b"")) == []
    assert rows(tmp_path / "a.jsonl", json.dumps({"title": "x"}).encode() + b"\r\n\r\n")[0].cells == {"title": "x"}
