"""Is the corpus fit to train and to measure on? Size, balance, duplicates, and overlap with every other set."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from model import data
from model.corpus.read import CASES, MIXED, SIGNS, Item
from newstide.text import model_input
from newstide.topics import TOPICS

OTHER_SETS: Final = (
    "sentiment/en_train.jsonl.gz",
    "sentiment/en_val.jsonl.gz",
    "sentiment/en_test.jsonl.gz",
    "sentiment/en_extra.jsonl.gz",
    "sentiment/zh_train.jsonl.gz",
    "sentiment/zh_val.jsonl.gz",
    "sentiment/zh_test.jsonl.gz",
    "sentiment/zh_extra.jsonl.gz",
    "text/en_unlabelled.jsonl.gz",
    "text/zh_unlabelled.jsonl.gz",
)
# What the corpus was asked to be.
TEXTS_MIN: Final = {"zh": 3_000, "en": 1_500}
COUNTERPARTS_MIN: Final = 1_000
HARD_SHARE_MIN: Final = 1 / 3
LABEL_SHARE_MIN: Final = 0.2
TOPIC_TEXTS_MIN: Final = 60
CASE_TEXTS_MIN: Final = 60
# Jaccard similarity of runs of four characters: above it two texts of different groups say the same in the same words.
NEAR_DUPLICATE: Final = 0.6
_SHINGLE: Final = 4
_NOT_A_WORD: Final = re.compile(r"\W")


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, and where."""

    kind: str
    where: str
    what: str


def check(items: Sequence[Item], root: Path | None) -> list[Finding]:
    """All findings, none for a good corpus. Without a data folder overlap with other sets is not looked for."""
    found = [*_size(items), *_balance(items), *_within(items)]
    if root is not None:
        found += overlap(items, ((name, row["text"]) for name in OTHER_SETS for row in data.rows(root, name)))
    return found


def summary(items: Sequence[Item]) -> dict[str, Any]:
    """Counts by language, part, label, topic and case, ready for JSON."""
    names = {value: sign for sign, value in SIGNS.items()}
    return {
        "texts": dict(Counter(item.language for item in items)),
        "parts": dict(Counter(f"{item.language}_{item.part}" for item in items)),
        "labels": dict(Counter(MIXED if item.label is None else names[item.label] for item in items)),
        "topics": dict(Counter(item.topic for item in items).most_common()),
        "cases": dict(Counter(item.case for item in items).most_common()),
        "styles": dict(Counter(item.style for item in items).most_common()),
        "mentions": sum(len(item.mentions) for item in items),
        "counterparts": sum(item.counterpart for item in items),
        "minimal_pairs": sum(item.partner for item in items),
        "hard_share": round(_hard_share(items), 3),
    }


def overlap(items: Sequence[Item], others: Iterable[tuple[str, str]]) -> Iterator[Finding]:
    """Texts of ours that another set has too, exactly or nearly."""
    index = _Index(items)
    for name, raw in others:
        for item in index.similar(shingles(model_input(raw))):
            yield Finding("overlap", _where(item), f"is in {name} as {raw[:60]!r}")


def shingles(text: str) -> frozenset[str]:
    """Runs of four characters of the letters and digits, in lower case; of a shorter text the text itself."""
    plain = _NOT_A_WORD.sub("", text.lower())
    return frozenset(plain[i : i + _SHINGLE] for i in range(len(plain) - _SHINGLE + 1)) or frozenset((plain,))


class _Index:
    """Finds texts by their rarest shingles.

    Two sets whose similarity is above the limit share more than that share of either. So they share one even when of
    both, put in one order, only the first are looked at and that share of them is left out (prefix filtering, Chaudhuri
    et al. 2006). Rarest first, hardly any other text has those.
    """

    def __init__(self, items: Sequence[Item]) -> None:
        self._items = items
        self._sets = [shingles(item.text) for item in items]
        self._count = Counter(member for members in self._sets for member in members)
        self._holders: dict[str, list[int]] = defaultdict(list)
        for i, members in enumerate(self._sets):
            for member in self._rarest(members):
                self._holders[member].append(i)

    def similar(self, members: frozenset[str]) -> Iterator[Item]:
        """The items whose similarity with the shingles is above the limit, in order."""
        for i in sorted({i for member in self._rarest(members) for i in self._holders.get(member, ())}):
            if len(members & self._sets[i]) / len(members | self._sets[i]) > NEAR_DUPLICATE:
                yield self._items[i]

    def _rarest(self, members: frozenset[str]) -> list[str]:
        ordered = sorted(members, key=lambda member: (self._count[member], member))
        return ordered[: len(members) - int(NEAR_DUPLICATE * len(members))]


def _size(items: Sequence[Item]) -> Iterator[Finding]:
    texts: Counter[str] = Counter(item.language for item in items)
    for language, least in TEXTS_MIN.items():
        if texts[language] < least:
            yield Finding("size", language, f"{texts[language]} texts, at least {least} are needed")
    pairs = sum(item.counterpart for item in items)
    if pairs < COUNTERPARTS_MIN:
        yield Finding("size", "counterparts", f"{pairs}, at least {COUNTERPARTS_MIN} are needed")
    if (share := _hard_share(items)) < HARD_SHARE_MIN:
        yield Finding("size", "hard cases", f"{share:.2f} of the texts, at least a third is needed")


def _balance(items: Sequence[Item]) -> Iterator[Finding]:
    for language in TEXTS_MIN:
        mine = [item for item in items if item.language == language]
        labels, topics = Counter(item.label for item in mine), Counter(item.topic for item in mine)
        for sign, label in SIGNS.items():
            if labels[label] < LABEL_SHARE_MIN * len(mine):
                yield Finding("balance", language, f"only {labels[label]} of {len(mine)} texts are {sign!r}")
        for topic in TOPICS:
            if topics[topic] < TOPIC_TEXTS_MIN:
                yield Finding("balance", language, f"only {topics[topic]} texts about {topic}")
    cases = Counter(item.case for item in items)
    for case in CASES:
        if cases[case] < CASE_TEXTS_MIN:
            yield Finding("balance", "cases", f"only {cases[case]} texts of {case}")


def _within(items: Sequence[Item]) -> Iterator[Finding]:
    """Texts of different groups that are equal or nearly so: across splits they would leak."""
    index, reported = _Index(items), set()
    for item in items:
        for other in index.similar(shingles(item.text)):
            pair = frozenset((_where(item), _where(other)))
            if other.group != item.group and pair not in reported:
                reported.add(pair)
                yield Finding("duplicate", _where(item), f"says what {_where(other)} says: {item.text[:60]!r}")


def _hard_share(items: Sequence[Item]) -> float:
    return sum(item.case != "-" for item in items) / max(1, len(items))


def _where(item: Item) -> str:
    return f"{item.file}:{item.line}"
