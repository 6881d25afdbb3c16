"""The cases of the release gate, and all that is asked about them. Pure but for reading the file beside this module.

`robustness_cases.tsv` (CC0, ours) is in no training set. A line is a kind, then a sign and a text, for pairs twice.
`plain` texts mark the `{name}` that they are about and the `[words]` that carry the sense. `direction`, `negation` and
`trap` are two texts that differ by little and mean something else. In `names` two companies have opposite fates, marked
`{name:sign}`; the text as a whole has no label (`x`).
"""

import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from model import perturb
from newstide.messages import Label, Language
from newstide.text import language_of

CASES: Final = Path(__file__).with_suffix(".tsv")
PLAIN: Final = "plain"
PAIRED: Final = ("direction", "negation", "trap")
NAMES: Final = "names"
INVARIANT: Final = (*perturb.FOLDED, "name_swap", "typos")

_VARIANTS: Final = 3
"""New names, and typos, of each plain text: chance decides less in the mean of three."""
_SEED: Final = 20261123
_SIGNS: Final[dict[str, Label]] = {"-": "negative", "0": "neutral", "+": "positive"}
_OPPOSITE: Final[dict[Label, Label]] = {"negative": "positive", "positive": "negative"}
_MARK: Final = re.compile(r"\{(?P<name>[^{}:]+)(?::(?P<sign>[+\-]))?\}|\[(?P<sense>[^\[\]]+)\]")


@dataclass(frozen=True, slots=True)
class Marked:
    """A text of the cases without its marks, and what they said; a name marked without a sign is `unsure`."""

    text: str
    names: tuple[tuple[str, Label], ...]
    sense: tuple[perturb.Span, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """One line: a label for each text, but none for the text of `names`, whose labels are with its marks."""

    kind: str
    labels: tuple[Label, ...]
    texts: tuple[Marked, ...]

    @property
    def language(self) -> Language:
        return language_of(self.texts[0].text)


@dataclass(frozen=True, slots=True)
class Probe:
    """One question to the model: the label of a text, or towards a name in it."""

    text: str
    name: str | None
    label: Label


@dataclass(frozen=True, slots=True)
class Group:
    """Probes that are judged together: one plain text, a text and its changed form, or the two sides of a pair."""

    kind: str
    probes: tuple[Probe, ...]


@cache
def cases() -> tuple[Case, ...]:
    """All cases, in file order."""
    return tuple(map(_case, CASES.read_text(encoding="utf-8").splitlines()))


def groups(of: Iterable[Case]) -> Iterator[Group]:
    """All that is asked about the cases; the same every time."""
    for case in of:
        if case.kind == PLAIN:
            yield from _about_plain(case)
        elif case.kind == NAMES:
            yield from _about_names(case.texts[0])
        else:
            yield Group(case.kind, tuple(map(_story, case.texts, case.labels)))


def _case(line: str) -> Case:
    kind, *fields = line.split("\t")
    labels = tuple(_SIGNS[sign] for sign in fields[::2] if sign in _SIGNS)
    return Case(kind, labels, tuple(map(_marked, fields[1::2])))


def _marked(raw: str) -> Marked:
    text, at, names, sense = "", 0, [], []
    for found in _MARK.finditer(raw):
        text += raw[at : found.start()]
        words = found["name"] or found["sense"]
        if found["name"]:
            names.append((words, _SIGNS.get(found["sign"], "unsure")))
        else:
            sense.append((len(text), len(text) + len(words)))
        text, at = text + words, found.end()
    return Marked(text + raw[at:], tuple(names), tuple(sense))


def _story(marked: Marked, label: Label) -> Probe:
    return Probe(marked.text, None, label)


def _about_plain(case: Case) -> Iterator[Group]:
    (marked,), (label,) = case.texts, case.labels
    (name, _), *_ = marked.names
    base = _story(marked, label)
    yield Group(f"accuracy_{case.language}", (base,))
    draw = random.Random(f"{_SEED}:{marked.text}")  # noqa: S311 - a choice of variants, not a secret
    changed = [(kind, change(marked.text, draw)) for kind, change in perturb.FOLDED.items()]
    changed += [("typos", perturb.typos(marked.text, marked.sense, draw)) for _ in range(_VARIANTS)]
    others = perturb.other_names(name, case.language, _VARIANTS, draw)
    changed += [("name_swap", perturb.swap_name(marked.text, name, other)) for other in others]
    yield from (Group(kind, (base, Probe(text, None, label))) for kind, text in changed if text != marked.text)
    if label == "neutral":
        return
    for kind, text in (
        ("direction", perturb.reverse(marked.text, marked.sense)),
        ("negation", perturb.negate(marked.text, marked.sense)),
    ):
        if text is not None:
            yield Group(kind, (base, Probe(text, None, _OPPOSITE[label])))


def _about_names(marked: Marked) -> Iterator[Group]:
    """As it stands, and with the names exchanged: then each has the other's fate, whatever is known of it."""
    (first, fate), (second, other) = marked.names
    turned = perturb.exchange(marked.text, first, second)
    yield Group(NAMES, (Probe(marked.text, first, fate), Probe(marked.text, second, other)))
    yield Group(NAMES, (Probe(turned, second, fate), Probe(turned, first, other)))
