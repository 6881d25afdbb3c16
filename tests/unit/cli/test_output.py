"""What the command prints, and that strangers' text stays text."""

import io
import json
import sys

import pytest

from cli import output
from newstide.errors import UsageError


def test_markup_in_a_cell_is_just_text(capsys: pytest.CaptureFixture[str]) -> None:
    cells = [r"\[/red]", "[/x]", r"[bold]\[", "a\\", "\x1b[31mred", "tab\tend\r\n", None, 7]
    output.emit_table(("what",), [[cell] for cell in cells])
    lines = capsys.readouterr().out.splitlines()
    shown = [r"\[/red]", "[/x]", r"[bold]\[", "a\\", " [31mred", "tab end", "-", "7"]
    assert [line.rstrip() for line in lines[1:]] == shown


def test_streams_that_were_closed_swallow_what_they_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    output.mend_streams()
    output.emit_json({"a": 1})
    output.say("hello")
    assert sys.stdin.read() == ""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        stream.close()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "gb18030", "utf-8"])
def test_a_terminal_that_cannot_say_it_gets_escapes(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    output.mend_streams()
    said = {"title": "跌停 😀 \udcff"}
    output.emit_json(said)
    output.out.print("跌停 😀", markup=False)
    sys.stdout.flush()
    first, second = raw.getvalue().decode(encoding).splitlines()
    assert json.loads(first) == said and second


def test_an_error_quotes_no_more_than_a_screen(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        output.fail(UsageError("x" * 1_000_000, why="\x1b[2J" * 100_000, fix="newstide --help"))
    said = capsys.readouterr().err
    assert ended.value.code == 2 and "newstide --help" in said
    assert len(said) < 3 * output.PART_CHARS_MAX and "\x1b" not in said
