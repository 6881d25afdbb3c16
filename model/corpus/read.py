"""The corpus files as typed rows. Pure but for reading the files beside this module.

One line is `LANGUAGE STYLE TOPIC SENTIMENT CASE TEXT`, separated by tabs. `=en` in the first field is the counterpart
in English of the line before, `~zh` the minimal-pair partner of the last Chinese line. In the text `{Acme:-}` is a
mention of Acme, with the sentiment towards it. Lines that hang together share a `group`; no group crosses splits.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal

from newstide.errors import DataInvalid
from newstide.messages import Language
from newstide.topics import TOPICS

LANGUAGES: Final[tuple[Language, ...]] = ("en", "zh")
"""What we write in, train on and read."""
STYLES: Final = ("wire", "notice", "flash", "forum", "note")
CASES: Final = (
    "-",
    "beat_miss",
    "turn",
    "narrow_loss",
    "expect",
    "denial",
    "opposite",
    "number",
    "question",
    "condition",
    "old_news",
    "scary_neutral",
    "irony",
    "direction",
    "negation",
)
MIXED: Final = "x"
SIGNS: Final = {"-": 0, "0": 1, "+": 2}
"""Index of the label that a sign stands for."""
Part = Literal["train", "validation", "test"]
_MENTION: Final = re.compile(r"\{([^{}:]+):([+\-0])\}")
_HAN: Final = re.compile(r"[\u4e00-\u9fff]")
# Of twenty groups four are the test split and one is for validation, by a hash that nobody chose.
_TEST_OF_20, _VALIDATION_OF_20 = 4, 1
_SEED: Final = "newstide-corpus-1"


@dataclass(frozen=True, slots=True)
class Mention:
    """A name in the text: where it stands, and the index of the label towards it."""

    name: str
    start: int
    label: int


@dataclass(frozen=True, slots=True)
class Item:
    """One text with its labels. `label` is None where the text is good for one company and bad for another."""

    text: str
    language: Language
    style: str
    topic: str
    label: int | None
    case: str
    mentions: tuple[Mention, ...]
    file: str
    line: int
    group: str
    counterpart: bool
    partner: bool

    @property
    def part(self) -> Part:
        place = int(hashlib.sha256(f"{_SEED}:{self.group}".encode()).hexdigest(), 16) % 20
        return "test" if place < _TEST_OF_20 else "validation" if place < _TEST_OF_20 + _VALIDATION_OF_20 else "train"


@cache
def items() -> tuple[Item, ...]:
    """All items of all files, in file order. Raises DataInvalid with file and line for a line that is none."""
    return tuple(item for path in sorted(Path(__file__).parent.glob("*.tsv")) for item in read(path))


def read(path: Path) -> Iterator[Item]:
    """The items of one file."""
    group = ""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        fields = line.split("\t")
        if len(fields) != 6:
            raise _wrong(path, number, f"it has {len(fields)} fields, not 6")
        item = _item(path, number, fields, group)
        group = item.group
        yield item


def _item(path: Path, number: int, fields: list[str], group: str) -> Item:
    marked, style, topic, sentiment, case, raw = fields
    language = marked.lstrip("=~")
    text = _MENTION.sub(r"\1", raw)
    for allowed, found in ((STYLES, style), (TOPICS, topic), (CASES, case), ((*SIGNS, MIXED), sentiment)):
        if found not in allowed:
            raise _wrong(path, number, f"{found!r} is none of {', '.join(allowed)}")
    if language not in ("en", "zh") or (language == "zh") != bool(_HAN.search(text)):
        raise _wrong(path, number, f"{language!r} is not the language of its text")
    if "{" in text or "}" in text:
        raise _wrong(path, number, "a mention is not of the form {name:sign}")
    mentions = tuple(_mentions(raw))
    if sentiment == MIXED and len({mention.label for mention in mentions}) < 2:
        raise _wrong(path, number, f"{MIXED!r} needs two names that it means different things for")
    linked = marked[0] in "=~"
    if linked and not group:
        raise _wrong(path, number, "it refers to a line before, and there is none")
    return Item(
        text,
        "zh" if language == "zh" else "en",
        style,
        topic,
        SIGNS.get(sentiment),
        case,
        mentions,
        path.name,
        number,
        group if linked else hashlib.sha256(text.encode()).hexdigest()[:16],
        marked[0] == "=",
        marked[0] == "~",
    )


def _mentions(raw: str) -> Iterator[Mention]:
    shift = 0
    for found in _MENTION.finditer(raw):
        yield Mention(found[1], found.start() - shift, SIGNS[found[2]])
        shift += len(found[0]) - len(found[1])


def _wrong(path: Path, number: int, why: str) -> DataInvalid:
    return DataInvalid(f"{path.name}, line {number} is not a corpus line", why=why, fix="correct the line")
