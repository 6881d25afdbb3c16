"""Files and folders: what is wrong with them, in words."""

import sqlite3
from pathlib import Path

import pytest

from newstide.errors import FileDamaged, SettingsInvalid
from newstide.files import make_folder, name_of, require_whole


def test_a_folder_where_a_file_is(tmp_path: Path) -> None:
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    (tmp_path / "file").touch()
    with pytest.raises(SettingsInvalid, match="file/inner") as caught:
        make_folder(tmp_path / "file" / "inner")
    assert "data_dir" in caught.value.fix
    with pytest.raises(SettingsInvalid):
        make_folder(tmp_path / ("a" * 5_000))


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    assert name_of(Path("b\udcff.csv")) == "b?.csv"
    assert name_of(tmp_path / "号外.csv") == str(tmp_path / "号外.csv")


def test_only_damage_is_damage(tmp_path: Path) -> None:
    (tmp_path / "none.db").write_bytes(b"this is no database at all" * 100)
    with sqlite3.connect(tmp_path / "none.db") as connection, pytest.raises(sqlite3.Error) as caught:
        connection.execute("SELECT * FROM sqlite_master")
    connection.close()
    with pytest.raises(FileDamaged, match="the log is damaged"):
        require_whole("the log", caught.value)
    require_whole("the log", sqlite3.OperationalError("database is locked"))
    require_whole("the log", OSError("any other"))
