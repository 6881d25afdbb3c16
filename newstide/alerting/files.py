"""Rules and watchlists as a text file, one a line. Pure.

    # A remark.
    watchlist tech = AAPL, MSFT, 贵州茅台
    apple-shock = AAPL: surprise < -2.5 over 1h, at least 4 stories,
        cooldown 1d
    off apple-any = AAPL: story

A line that begins with a blank goes on with the one before. `off`: the rule is kept and does not fire.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Final, NamedTuple

from newstide.alerting.lexing import NotARule, tokens
from newstide.alerting.naming import Names
from newstide.alerting.reading import parse
from newstide.alerting.rules import BadRule, Rule

FILE_CHARS_MAX: Final = 4 << 20
"""Ten thousand rules of a line of ordinary length, several times."""
_LINE: Final = re.compile(r"(?:(watchlist|off)\s+)?([a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?)\s*=\s*(.*)", re.DOTALL)


class FileRule(NamedTuple):
    rule_id: str
    rule: Rule
    enabled: bool
    line: int


class FileList(NamedTuple):
    name: str
    members: tuple[str, ...]
    line: int


class BadFile(ValueError):
    """A line that cannot be: its number, why, and the place in it where there is one."""

    def __init__(self, line: int, why: str, pointed: str = "") -> None:
        super().__init__(f"line {line}: {why}")
        self.line, self.why, self.pointed = line, why, pointed


def read(text: str, names: Names) -> tuple[list[FileList], list[FileRule]]:
    """The watchlists and rules of a file, with ids for names; rules may be on lists of the file. Raises BadFile."""
    lists: list[FileList] = []
    written: list[tuple[int, str, str, bool]] = []
    for number, line in _lines(text):
        match = _LINE.fullmatch(line)
        if match is None:
            raise BadFile(number, "a line is `NAME = RULE`, `off NAME = RULE` or `watchlist NAME = MEMBERS`")
        kind, name, rest = match.groups()
        if any(name == other for other in ([each.name for each in lists] if kind == "watchlist" else _ids(written))):
            raise BadFile(number, f"{name} is there twice")
        try:
            if kind == "watchlist":
                lists.append(FileList(name, tuple(dict.fromkeys(_members(rest, names))), number))
            else:
                written.append((number, name, rest, kind != "off"))
        except (BadRule, NotARule) as error:
            raise _bad(number, error) from error
    known = names.with_watchlists([each.name for each in lists])
    return lists, [_rule(known, *each) for each in written]


def _ids(written: list[tuple[int, str, str, bool]]) -> list[str]:
    return [name for _, name, _, _ in written]


def _rule(names: Names, number: int, name: str, text: str, enabled: bool) -> FileRule:
    try:
        return FileRule(name, names.resolved(parse(text)), enabled, number)
    except (BadRule, NotARule) as error:
        raise _bad(number, error) from error


def _bad(number: int, error: BadRule | NotARule) -> BadFile:
    return BadFile(number, str(error), error.pointed if isinstance(error, NotARule) else "")


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Numbered lines, those that go on joined to the ones before. Raises BadFile."""
    if len(text) > FILE_CHARS_MAX:
        raise BadFile(1, f"the file is longer than {FILE_CHARS_MAX:,} characters")
    whole, first = "", 0
    for number, line in enumerate(text.splitlines(), start=1):
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        if line[0].isspace():
            if not whole:
                raise BadFile(number, "there is no line that this one could go on with")
            whole += f" {bare}"
            continue
        if whole:
            yield first, whole
        whole, first = bare, number
    if whole:
        yield first, whole


def _members(text: str, names: Names) -> Iterator[str]:
    """Companies apart by commas; several words are one name."""
    name: list[str] = []
    for token in [*tokens(text)]:
        if token.text == "," and not token.quoted:
            yield names.entity(" ".join(name), "watchlist")
            name = []
        else:
            name.append(token.text)
    if name:
        yield names.entity(" ".join(name), "watchlist")


def write(lists: list[FileList], rules: list[tuple[str, str, bool]]) -> str:
    """A file that `read` takes; rules as (id, text, enabled)."""
    lines = [f"watchlist {each.name} = {', '.join(each.members)}" for each in lists]
    lines += [f"{'' if enabled else 'off '}{rule_id} = {text}" for rule_id, text, enabled in rules]
    return "".join(f"{line}\n" for line in lines)


def defaults() -> str:
    """The rules that ship."""
    return (files("newstide.alerting") / "defaults.rules").read_text(encoding="utf-8")
