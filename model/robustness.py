"""The release gate: what a model must not be thrown by, and what it must notice. No artifact is used that failed it.

Two classes of checks. Invariant: a changed spelling, a typo or another company must not change the label; the rate is
the share of changes that do. Directional: the label must change as said; the rates are the share of labels that are
right, and the share of pairs with both right. Besides: the tokenizer knows the text, and plain headlines are
understood, in each language. A label is the largest probability, tied ones are none: `unsure` is about confidence, not
about sense.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from model import perturb, runs, tokens
from model.robustness_cases import INVARIANT, NAMES, PAIRED, Group, Probe, cases, groups
from newstide import artifact
from newstide.artifact import Checks
from newstide.errors import ModelInvalid
from newstide.messages import Label
from newstide.scoring.port import Scorer, label_of
from newstide.text import model_input

FOLDED_FLIPS_MAX: Final = 0.0
"""Width, script, invisible, look-alike, case: the model gets the very same tokens, so one flip is a broken path."""
NAME_FLIPS_MAX: Final = 0.10
"""A few names do say something (a bank, a car maker); more than a tenth means that the model judges companies."""
TYPO_FLIPS_MAX: Final = 0.12
"""A typo takes a word or two away, now and then one that helped; the words that carry the sense are left alone."""
RIGHT_MIN: Final = 0.70
"""A model that does not see the change is right in one text of two: 0.5; chance is 0.33."""
BOTH_RIGHT_MIN: Final = 0.50
"""A model that does not see the change never has both texts of a pair right; chance is 0.11."""
ACCURACY_MIN: Final = 0.70
"""Of plain cases, where the commonest label is at most 0.45: what random, constant, permuted answers never reach."""
UNKNOWN_MAX: Final = 0.01
"""A vocabulary that was made for other text does not know ours; ours knows nearly every character of it."""

SHOWN_MAX: Final = 10
"""Failing cases kept for each kind: enough to see what goes wrong."""
_UNKNOWN: Final = "unknown_tokens"


@dataclass(frozen=True, slots=True)
class Limit:
    """What the rate of a check may be at most, or must be at least."""

    value: float
    at_most: bool

    def __str__(self) -> str:
        return f"{'at most' if self.at_most else 'at least'} {self.value:.2f}"

    def holds(self, rate: float) -> bool:
        return rate <= self.value if self.at_most else rate >= self.value


LIMITS: Final[dict[str, Limit]] = {
    _UNKNOWN: Limit(UNKNOWN_MAX, at_most=True),
    "accuracy_en": Limit(ACCURACY_MIN, at_most=False),
    "accuracy_zh": Limit(ACCURACY_MIN, at_most=False),
    **{kind: Limit(FOLDED_FLIPS_MAX, at_most=True) for kind in perturb.FOLDED},
    "name_swap": Limit(NAME_FLIPS_MAX, at_most=True),
    "typos": Limit(TYPO_FLIPS_MAX, at_most=True),
    **{kind: Limit(RIGHT_MIN, at_most=False) for kind in (*PAIRED, NAMES)},
    **{f"{kind}_both": Limit(BOTH_RIGHT_MIN, at_most=False) for kind in (*PAIRED, NAMES)},
}
"""Every check, in the order of the report."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An answer that counts against the model. Of an invariant, `expected` is what it said of the unchanged text."""

    text: str
    name: str | None
    expected: Label
    found: Label


@dataclass(frozen=True, slots=True)
class Row:
    """One check: its rate over so many cases, and the first failures."""

    kind: str
    cases: int
    rate: float
    limit: Limit
    failures: tuple[Failure, ...] = ()

    @property
    def ok(self) -> bool:
        return self.limit.holds(self.rate)


@dataclass(frozen=True, slots=True)
class Report:
    """All checks of one version of a model, in the order of LIMITS."""

    version: str
    rows: tuple[Row, ...]

    @property
    def passed(self) -> bool:
        return all(row.ok for row in self.rows)

    def checks(self, made_at: str) -> Checks:
        """What the manifest keeps of it."""
        rates = {row.kind: round(row.rate, 4) for row in self.rows}
        return Checks(version=self.version, passed=self.passed, rates=rates, made_at=made_at)


def check(scorer: Scorer, unknown_share: Callable[[Sequence[str]], float]) -> Report:
    """Ask the scorer everything, in the languages that it reads. `unknown_share` is of the tokens of given texts.

    Raises ModelInvalid when there is no case in its languages.
    """
    mine = [case for case in cases() if case.language in scorer.languages]
    if not mine:
        raise ModelInvalid(
            f"{scorer.version} cannot be checked",
            why=f"it reads {', '.join(scorer.languages)}, and the cases are in English and Chinese",
            fix="train it on English or Chinese texts",
        )
    texts = [model_input(marked.text) for case in mine for marked in case.texts]
    by_kind: dict[str, list[Group]] = defaultdict(list)
    for group in groups(mine):
        by_kind[group.kind].append(group)
    found = _answers(scorer, (probe for members in by_kind.values() for group in members for probe in group.probes))
    rows = {_UNKNOWN: Row(_UNKNOWN, len(texts), unknown_share(texts), LIMITS[_UNKNOWN])}
    for kind, members in by_kind.items():
        rows |= {row.kind: row for row in _rows(kind, members, found)}
    return Report(scorer.version, tuple(rows[kind] for kind in LIMITS if kind in rows))


def record(folder: Path, checks: Checks) -> None:
    """Write the checks into the folder's manifest; a reader sees the old one or the new one, never half of it.

    Raises ModelInvalid when the artifact is not the one that was checked.
    """
    manifest = artifact.read_manifest(folder)
    if checks.version != artifact.version_of(manifest):
        raise ModelInvalid(
            f"the checks of {checks.version} cannot be kept in {folder.name}",
            why=f"the folder holds {artifact.version_of(manifest)}",
            fix=f"run `newstide model check {folder.name}` again",
        )
    content = msgspec.json.encode(msgspec.structs.replace(manifest, checks=checks))
    runs.replace(folder / artifact.MANIFEST, content + b"\n")


def unknown_share(tokenizer: Path) -> Callable[[Sequence[str]], float]:
    """The share of unknown tokens by a tokenizer file; special tokens do not count."""
    reader = tokens.read(tokenizer)
    name = getattr(reader.model, "unk_token", None)

    def share(texts: Sequence[str]) -> float:
        pieces = [piece for each in reader.encode_batch(list(texts), add_special_tokens=False) for piece in each.tokens]
        return pieces.count(name) / max(1, len(pieces)) if name else 0.0

    return share


def _answers(scorer: Scorer, probes: Iterable[Probe]) -> dict[Probe, Label]:
    distinct = dict.fromkeys(probes)
    stories = [probe for probe in distinct if probe.name is None]
    pairs = [probe for probe in distinct if probe.name is not None]
    encoded = [
        *scorer.encode([model_input(probe.text) for probe in stories]),
        *scorer.encode_pairs([(model_input(probe.text), model_input(probe.name or "")) for probe in pairs]),
    ]
    rows = scorer.score(encoded).sentiment
    return {probe: label_of(row, 0.0) for probe, row in zip((*stories, *pairs), rows, strict=True)}


def _rows(kind: str, members: Sequence[Group], found: dict[Probe, Label]) -> Iterator[Row]:
    if kind in INVARIANT:
        sides = [(found[base], found[changed], changed) for base, changed in (group.probes for group in members)]
        flips = [Failure(probe.text, probe.name, was, now) for was, now, probe in sides if was != now]
        yield Row(kind, len(members), len(flips) / len(members), LIMITS[kind], tuple(flips[:SHOWN_MAX]))
        return
    asked = [probe for group in members for probe in group.probes]
    wrong = [Failure(p.text, p.name, p.label, found[p]) for p in asked if found[p] != p.label]
    yield Row(kind, len(asked), (len(asked) - len(wrong)) / len(asked), LIMITS[kind], tuple(wrong[:SHOWN_MAX]))
    if f"{kind}_both" in LIMITS:
        both = sum(all(found[probe] == probe.label for probe in group.probes) for group in members)
        yield Row(f"{kind}_both", len(members), both / len(members), LIMITS[f"{kind}_both"])
