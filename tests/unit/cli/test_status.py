"""What `newstide` says where tables were made and nothing was published yet."""

import sys
from pathlib import Path

import pytest

from cli.app import answer


def test_before_the_first_story_nothing_is_amiss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("NEWSTIDE_STORE__URL", "NEWSTIDE_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    for words in (["sources", "list"], []):
        monkeypatch.setattr(sys, "argv", ["newstide", *words])
        with pytest.raises(SystemExit) as ended:
            answer()
        assert ended.value.code == 0
    said = capsys.readouterr().out
    assert "0 stories stored, 0 records waiting" in said and "next: newstide sources add URL" in said
