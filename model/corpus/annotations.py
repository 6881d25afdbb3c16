"""Labels that two annotators of ours gave to texts that are not ours: stored by the text's hash, never with the text.

`annotations.txt` has one line for each text, tab-separated: hash, language, topic by A, sentiment by A, topic by B,
sentiment by B (empty where only A labelled). The texts are in the data folder. Of the texts labelled twice a half,
chosen by hash, is held back as the test of topics.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from model.corpus.read import SIGNS, Part
from newstide.errors import DataInvalid
from newstide.topics import TOPICS

FILE: Final = Path(__file__).parent / "annotations.txt"
TEXTS: Final = ("text/zh_unlabelled.jsonl.gz", "text/en_unlabelled.jsonl.gz")
"""Where the texts are, in the data folder."""
# Of the texts labelled once, one in twenty is for validation.
_VALIDATION_OF_20: Final = 1


@dataclass(frozen=True, slots=True)
class Labels:
    """What one or two annotators said of a text: topics, and indices of sentiment labels."""

    language: str
    topics: tuple[str, ...]
    sentiments: tuple[int, ...]

    @property
    def twice(self) -> bool:
        return len(self.topics) == 2


def key(text: str) -> str:
    """The hash that a text (in `text.model_input` form) is known by."""
    return sha256(text.encode()).hexdigest()[:16]


def part_of(text_key: str, labels: Labels) -> Part:
    place = int(text_key, 16)
    if labels.twice:
        return "test" if place % 2 else "train" if place % 5 else "validation"
    return "train" if place % 20 >= _VALIDATION_OF_20 else "validation"


def labels(part: Part) -> dict[str, Labels]:
    """The labelled texts of a part, by key."""
    return {text_key: each for text_key, each in everything().items() if part_of(text_key, each) == part}


@cache
def everything() -> dict[str, Labels]:
    """All labels by key. Raises DataInvalid with the line of what is no label."""
    found = {}
    for number, line in enumerate(FILE.read_text(encoding="utf-8").splitlines(), 1):
        try:
            text_key, language, *given = line.split("\t")
            topics, signs = tuple(filter(None, given[::2])), tuple(filter(None, given[1::2]))
            if not topics or len(topics) != len(signs) or not set(topics) <= set(TOPICS):
                raise ValueError(f"topics {topics}, sentiments {signs}")
            found[text_key] = Labels(language, topics, tuple(SIGNS[sign] for sign in signs))
        except (ValueError, KeyError) as error:
            raise DataInvalid(
                f"{FILE.name}, line {number} is not a label", why=str(error), fix="correct the line"
            ) from error
    return found


def agreement(pairs: Sequence[tuple[Any, Any]]) -> tuple[float, float]:
    """The share of equal labels, and Cohen's kappa (Cohen 1960): agreement beyond what the label shares alone give."""
    count = len(pairs)
    same = sum(a == b for a, b in pairs) / count
    first, second = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    chance = sum(first[label] * second[label] for label in first) / count**2
    return same, 1.0 if chance == 1 else (same - chance) / (1 - chance)
