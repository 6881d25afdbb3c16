"""Files for other programs: typed, whole or not there, and harmless in a spreadsheet."""

import csv
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newstide import tables
from newstide.errors import UsageError
from newstide.tables import Column, write

COLUMNS = (
    Column("title", "text"),
    Column("revision", "int"),
    Column("score", "float"),
    Column("copy", "bool"),
    Column("at", "time"),
    Column("symbols", "texts"),
)
AT = datetime(2026, 3, 2, 12, 0, 0, 250, tzinfo=timezone(timedelta(hours=8)))
ROWS: list[tuple[Any, ...]] = [
    ('=HYPERLINK("http://evil.example")', 1, -0.125, True, AT, ["AAPL", "0700.HK"]),
    ('Profit, "up"\n贵州茅台', 2, None, False, AT, []),
    ("'quoted' from the start", 3, 0.1 + 0.2, None, AT, ["=1+1"]),
    ("-5% on the day", 4, 1e-9, False, AT, []),
]


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_csv_keeps_numbers_and_disarms_formulas_so_that_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    assert write(path, COLUMNS, ROWS) == 4
    rows = read_csv(path)
    assert [row["title"][:2] for row in rows] == ["'=", "Pr", "''", "'-"]
    for row, (title, _, score, *_) in zip(rows, ROWS, strict=True):
        assert row["title"].removeprefix("'") == title
        assert (float(row["score"]) if row["score"] else None) == score
    assert rows[0]["score"] == "-0.125", "a number is a number, also below zero"
    assert rows[0]["at"] == "2026-03-02T04:00:00.000250Z"
    assert [row["copy"] for row in rows] == ["true", "false", "", "false"]
    assert json.loads(rows[2]["symbols"]) == ["=1+1"]


@given(st.text(st.characters(codec="utf-8"), max_size=30))
def test_every_text_comes_back_from_csv(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    write(path, [Column("t", "text"), Column("n", "int")], [(text, 1)])
    (row,) = read_csv(path)
    assert not row["t"].startswith(("=", "+", "-", "@", "\t", "\r", "＝"))
    assert row["t"].removeprefix("'") == text


def test_ndjson_has_every_value_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "out.ndjson"
    write(path, COLUMNS, ROWS)
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert [row["title"] for row in rows] == [row[0] for row in ROWS]
    assert rows[1]["score"] is None
    assert rows[2]["score"] == 0.1 + 0.2
    assert rows[0]["at"] == "2026-03-02T04:00:00.000250Z"


def test_parquet_is_typed_and_in_utc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "ROWS_AT_ONCE", 3)
    path = tmp_path / "out.parquet"
    assert write(path, COLUMNS, iter(ROWS)) == 4
    found = pq.read_table(path)
    types = [pa.string(), pa.int64(), pa.float64(), pa.bool_(), pa.timestamp("us", tz="UTC"), pa.list_(pa.string())]
    assert found.schema.types == types
    assert pq.ParquetFile(path).num_row_groups == 2
    assert found.column("title").to_pylist() == [row[0] for row in ROWS]
    assert found.column("score").to_pylist() == [row[2] for row in ROWS]
    assert found.column("at").to_pylist()[0] == AT.astimezone(UTC)
    assert write(tmp_path / "none.parquet", COLUMNS, []) == 0
    assert pq.read_table(tmp_path / "none.parquet").num_rows == 0


@pytest.mark.parametrize("name", ["out.csv", "out.ndjson", "out.parquet"])
def test_a_file_that_was_not_finished_is_not_there(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("the one before")

    def broken() -> Iterator[tuple[Any, ...]]:
        yield ROWS[0]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write(path, COLUMNS, broken())
    assert path.read_text() == "the one before"
    assert [each.name for each in tmp_path.iterdir()] == [name]


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="out.xlsx"):
        write(tmp_path / "out.xlsx", COLUMNS, ROWS)
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "file").touch()

    def never() -> Iterator[tuple[Any, ...]]:
        pytest.fail("rows were asked for that nobody can write")
        yield

    for name in ("nowhere/out.csv", "folder.csv", "file/out.parquet", f"{'x' * 300}.ndjson"):
        with pytest.raises(UsageError, match="cannot be written"):
            write(tmp_path / name, COLUMNS, never())
