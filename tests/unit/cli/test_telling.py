"""`newstide alerts …` about being told: what is refused, by field, and never repeated when it is a secret."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.app import answer

PLANTED = "pl4nted-s3cret"
Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Runs the command in an empty folder as Ann: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    for name in ("NEWSTIDE_STORE__URL", "NEWSTIDE_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["newstide", "alerts", *arguments, "--who", "ann"])
        with pytest.raises(SystemExit) as ended:
            answer()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return call


@pytest.mark.parametrize(
    ("words", "field"),
    [
        (("channels", "add", "x", f"https://u:{PLANTED}@example.com/"), "address:"),
        (("channels", "add", "x", f"ftp://example.com/{PLANTED}"), "address:"),
        (("channels", "add", "x", f"slack://{PLANTED}"), "address:"),
        (("channels", "add", "x", "mailto:ann@example.com"), "address:"),
        (("channels", "add", "x", "https://example.com/", "--secret", PLANTED), "secret:"),
        (("channels", "add", "x" * 65, "https://example.com/"), "name:"),
        (("channels", "add", "x\x1b[31m", "https://example.com/"), "name:"),
        (("channels", "test", "absent"), "name:"),
        (("subscribe", "--to", "absent"), "channels:"),
        (("subscribe", "--zone", "Mars/Olympus"), "zone:"),
        (("subscribe", "--quiet", "22-7"), "--quiet:"),
        (("subscribe", "--digest", "25:00"), "--digest:"),
        (("subscribe", "--watchlist", "'; DROP TABLE inbox;--"), "--watchlist:"),
        (("mute", "--until", "yesterday"), "until"),
        (("ack", "nothing"), "alert:"),
        (("replay", "nothing"), "delivery:"),
        (("snooze", "soon"), "write it as 2h"),
        (("snooze", "99w"), "write it as 2h"),
        (("history", "--state", "nonsense"), "pending, digest"),
    ],
)
def test_what_cannot_be_is_refused_by_field(run: Call, words: tuple[str, ...], field: str) -> None:
    code, out, said = run(*words)
    assert (code, out) == (2, "") and field in said
    assert PLANTED not in said and "\x1b[31m" not in said


@pytest.mark.parametrize("host", ["127.0.0.1", "169.254.169.254", "[::ffff:10.0.0.1]", "100.64.0.1", "[fe80::1]"])
def test_addresses_within_are_refused(run: Call, host: str) -> None:
    code, _out, said = run("channels", "add", "x", f"https://{host}/")
    assert code == 2 and "address: it must not be visited" in said


def test_what_was_asked_for_is_listed_and_taken_back(run: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSTIDE_DELIVERY__SMTP_URL", f"smtps://ann:{PLANTED}@mail.example.com")
    assert run("channels", "add", "mail", "mailto:ann@example.com", "--language", "zh")[0] == 0
    assert run("channels", "add", "bot", "feishu://0123456789abcdef-0123")[0] == 0
    listed = json.loads(run("channels", "list", "--json")[1])
    assert [(each["name"], each["address"]) for each in listed] == [
        ("bot", "feishu://…"),
        ("mail", "mailto:a…@example.com"),
    ]
    options = ("--quiet", "sat,sun 22:00-07:00", "--digest", "18:00", "--cap", "5", "--zone", "Asia/Shanghai")
    assert run("subscribe", "work", "--to", "mail", "--to", "bot", *options)[0] == 0
    out = run("subscriptions")[1]
    for wanted in ("work", "mail bot", "sat,sun 22:00-07:00", "18:00", "5", "Asia/Shanghai"):
        assert wanted in out
    assert run("mute", "--rule", "r1", "--until", "2h")[0] == 0
    assert run("snooze", "30m")[0] == 0
    assert "taken back: 1" in run("unmute", "--rule", "r1")[2]
    assert "taken back: 1" in run("unmute")[2]
    assert run("channels", "remove", "bot")[0] == 0
    assert run("unsubscribe", "work")[0] == 0
    assert run("unsubscribe", "work")[0] == 2
    assert json.loads(run("inbox", "--json")[1]) == []


@pytest.mark.parametrize("words", [("inbox",), ("history",), ("subscriptions",), ("channels", "list")])
def test_what_is_empty_says_what_to_do(run: Call, words: tuple[str, ...]) -> None:
    code, out, said = run(*words)
    assert code == 0 and len(out.splitlines()) == 1 and "newstide alerts" in said
