"""`newstide sources`: from an empty registry through its commands, on an embedded store."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.app import answer

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def newstide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Runs the command in an empty folder: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    for name in ("NEWSTIDE_STORE__URL", "NEWSTIDE_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)

    def call(*arguments: str, stdin: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["newstide", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        with pytest.raises(SystemExit) as ended:
            answer()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return call


def listed(newstide: Call, *arguments: str) -> dict[str, dict[str, object]]:
    code, out, _ = newstide("sources", "list", "--json", *arguments)
    assert code == 0
    return {each["name"]: each for each in json.loads(out)}


def test_a_source_is_added_paused_enabled_and_removed(newstide: Call) -> None:
    url = "https://wire.example/feed"
    code, out, _ = newstide("sources", "add", url, "--tier", "1", "--language", "en", "--every", "60", "--json")
    assert (code, json.loads(out)["added"]) == (0, ["wire.example"])
    assert newstide("sources", "add", url)[0] == 0, "a name of its own"
    assert set(listed(newstide)) == {"wire.example", "wire.example-2"}
    code, _, err = newstide("sources", "add", url, "--name", "wire.example")
    assert code == 2 and "already" in err
    assert newstide("sources", "pause", "wire.example")[0] == 0
    assert listed(newstide)["wire.example"]["condition"] == "paused"
    assert set(listed(newstide, "--condition", "paused")) == {"wire.example"}
    assert newstide("sources", "enable", "wire.example", "none")[0] == 2, "one of them is not there"
    assert listed(newstide)["wire.example"]["condition"] == "never_polled"
    assert newstide("sources", "tier", "wire.example", "3")[0] == 0
    assert listed(newstide)["wire.example"]["tier"] == 3
    assert newstide("sources", "remove", "wire.example", "wire.example-2")[0] == 0
    assert listed(newstide) == {}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("file:///etc/passwd",), "no http or https address"),
        (("https://me:pw@a.example/",), "password"),
        (("https://a.example/", "--kind", "telepathy"), "no kind telepathy"),
        (("https://a.example/", "--kind", "json"), "items"),
        (("https://a.example/", "--kind", "json", "--options", "nonsense"), "malformed"),
        (("https://a.example/", "--kind", "gdelt", "--options", '{"query": "abc", "x": 1}'), "unknown field"),
        (("https://a.example/", "--language", "fr"), "language"),
        (("https://a.example/", "--name", "../a"), "name"),
    ],
)
def test_what_cannot_be_polled_is_refused(newstide: Call, arguments: tuple[str, ...], said: str) -> None:
    code, out, err = newstide("sources", "add", *arguments)
    assert (code, out) == (2, "") and said in err and "Traceback" not in err


def test_lines_go_in_and_out(newstide: Call) -> None:
    lines = (
        '{"name":"a","url":"https://a.example/","every_s":2.0}\n'
        '{"name":"b","url":"https://b.example/l","kind":"json","language":"zh","options":{"items":"d","title":"t"}}\n'
    )
    code, out, _ = newstide("sources", "import", "-", "--json", stdin=lines)
    assert (code, json.loads(out)["added"]) == (0, ["a", "b"])
    assert newstide("sources", "list", "--lines")[1] == lines
    again = json.loads(newstide("sources", "import", "-", "--json", stdin=lines)[1])
    assert again["unchanged"] == ["a", "b"]
    code, out, err = newstide(
        "sources", "import", "-", stdin='{"name": "c"}\n{"name":"d","url":"https://d.example/"}\n'
    )
    assert code == 4 and "line 1" in err and "added      1" in out
    assert set(listed(newstide)) == {"a", "b", "d"}


def test_another_readers_list_goes_in_once(newstide: Call, tmp_path: Path) -> None:
    assert newstide("sources", "add", "https://a.example/", "--name", "a")[0] == 0
    opml = newstide("sources", "export-opml")[1]
    (tmp_path / "mine.opml").write_text(
        opml.replace("</body>", '<outline text="B &lt;" xmlUrl="https://b.example/"/></body>')
    )
    assert newstide("sources", "import-opml", "mine.opml")[0] == 0
    assert {name: each["url"] for name, each in listed(newstide).items()} == {
        "a": "https://a.example/",
        "B": "https://b.example/",
    }
    code, _, err = newstide("sources", "import-opml", "-", stdin="<html/>")
    assert code == 4 and "not opml" in err


def test_the_list_that_ships_is_entered_paused_and_enabled_by_one_command(newstide: Call) -> None:
    assert newstide("sources", "starter")[0] == 0
    assert {each["condition"] for each in listed(newstide).values()} == {"paused"}
    assert newstide("sources", "starter", "--enable", "--language", "zh")[0] == 0
    found = listed(newstide)
    assert {each["language"] for each in found.values() if each["enabled"]} == {"zh"}
    assert {each["language"] for each in found.values() if not each["enabled"]} == {"en"}
    assert newstide("sources", "starter", "--language", "fr")[0] == 2


def test_status_tells_how_well_they_are(newstide: Call) -> None:
    assert newstide("sources", "add", "https://a.example/", "--name", "a", "--paused")[0] == 0
    report = json.loads(newstide("status", "--json")[1])
    assert [(each["source"], each["condition"]) for each in report["sources"]] == [("a", "paused")]
    assert "sources to look at" in newstide("status")[1]
