"""What people hand to commands: lengths of time and files, or a plain no."""

from pathlib import Path

import pytest

from cli.given import read_text, seconds_of
from newstide.errors import DataInvalid, UsageError


@pytest.mark.parametrize(
    ("text", "units", "seconds"),
    [("30s", "smh", 30), ("5m", "smh", 300), ("1h", "smh", 3_600), ("2w", "hdw", 1_209_600), ("1d", "smh", None),
     ("0s", "s", None), ("-1s", "s", None), ("1.5h", "h", None), ("nan", "s", None), ("", "s", None), ("5", "s", None),
     ("٣s", "s", None), ("9" * 100 + "s", "s", None)],
)  # fmt: skip
def test_lengths_of_time(text: str, units: str, seconds: int | None) -> None:
    assert seconds_of(text, units) == seconds


def test_files_that_cannot_be_taken(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_text(tmp_path, 10)
    (tmp_path / "list").write_bytes(b"\xff" * 11)
    with pytest.raises(DataInvalid, match="longer than 10"):
        read_text(tmp_path / "list", 10)
    with pytest.raises(DataInvalid, match="is not UTF-8"):
        read_text(tmp_path / "list", 11)


def test_the_mark_that_an_editor_left_is_no_part_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "list").write_bytes("\ufeffcode,价\n".encode())
    assert read_text(tmp_path / "list", 100) == "code,价\n"
