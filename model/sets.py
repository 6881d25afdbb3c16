"""What a model is measured on: one table of sets, each with its task, its language and where its texts come from.

Nothing here may be tuned to. Sets of our own corpus are there on a fresh clone; all others need the data folder.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from model import data, examples
from model.corpus import read
from model.examples import Example
from newstide.artifact import Task
from newstide.errors import DataInvalid
from newstide.messages import SENTIMENTS, Language
from newstide.text import model_input

ZH_TEST: Final = "sentiment/zh_test.jsonl.gz"
OWN: Final = "own corpus"
ANNOTATED: Final = "annotations"
MIXED: Final = "mixed"
"""The case of a pair whose headline has other labels for other names."""


@dataclass(frozen=True, slots=True)
class EvaluationSet:
    """A test set. `source` is a file of the data folder, or OWN or ANNOTATED; `takes` chooses among its examples.

    `pooled`: its texts count in the figures of its language. `two_way`: it knows negative and neutral alone, so an
    answer of positive counts as neutral.
    """

    title: str
    task: Task
    language: Language
    source: str
    takes: Callable[[Example], bool] = lambda _: True
    pooled: bool = False
    two_way: bool = False


def _of(source: str) -> Callable[[Example], bool]:
    return lambda example: example.source == source


def _agreed(percent: int) -> Callable[[Example], bool]:
    return lambda example: example.source == "fpb" and int(example.case) >= percent


def _opposing(example: Example) -> bool:
    return example.case == "opposite"


SETS: Final[dict[str, EvaluationSet]] = {
    "tfns": EvaluationSet("TFNS (tweets of news, test)", "story", "en", data.TEST, _of("tfns"), pooled=True),
    "fpb_50": EvaluationSet("FPB, agreement of 50 % and more", "story", "en", data.TEST, _agreed(50), pooled=True),
    "fpb_66": EvaluationSet("FPB, 66 % and more", "story", "en", data.TEST, _agreed(66)),
    "fpb_75": EvaluationSet("FPB, 75 % and more", "story", "en", data.TEST, _agreed(75)),
    "fpb_100": EvaluationSet("FPB, all agree", "story", "en", data.TEST, _agreed(100)),
    "gold_direction": EvaluationSet("gold headlines, direction of the price", "story", "en", data.TEST, _of("gold")),
    "stockemotions": EvaluationSet(
        "StockEmotions (posts, no neutral label)", "story", "en", data.TEST, _of("stockemotions")
    ),
    "own_en": EvaluationSet("own corpus, English", "story", "en", OWN, pooled=True),
    "annotated_en": EvaluationSet("twice-labelled texts, English, both agree", "story", "en", ANNOTATED, pooled=True),
    "finne": EvaluationSet("FinNE (media passages, test)", "story", "zh", ZH_TEST, _of("finne"), pooled=True),
    "own_zh": EvaluationSet("own corpus, Chinese", "story", "zh", OWN, pooled=True),
    "annotated_zh": EvaluationSet("twice-labelled texts, Chinese, both agree", "story", "zh", ANNOTATED, pooled=True),
    "sentfin_validation": EvaluationSet(
        "SEntFiN, each company (validation)", "entity", "en", examples.EN_VALIDATION, _of("sentfin")
    ),
    "sentfin_opposing": EvaluationSet(
        "SEntFiN, headlines whose companies differ (validation)",
        "entity",
        "en",
        examples.EN_VALIDATION,
        lambda example: example.source == "sentfin" and example.case == MIXED,
    ),
    "own_entity_en": EvaluationSet("own corpus, each company, English", "entity", "en", OWN),
    "own_opposing_en": EvaluationSet("own corpus, opposite fates, English", "entity", "en", OWN, _opposing),
    "finnsp": EvaluationSet(
        "FinNSP, each company (negative or not, test)", "entity", "zh", ZH_TEST, _of("finnsp_entity"), two_way=True
    ),
    "own_entity_zh": EvaluationSet("own corpus, each company, Chinese", "entity", "zh", OWN),
    "own_opposing_zh": EvaluationSet("own corpus, opposite fates, Chinese", "entity", "zh", OWN, _opposing),
    "own_topics_en": EvaluationSet("own corpus, topic, English", "topic", "en", OWN),
    "annotated_topics_en": EvaluationSet("twice-labelled texts, topic, English, both agree", "topic", "en", ANNOTATED),
    "own_topics_zh": EvaluationSet("own corpus, topic, Chinese", "topic", "zh", OWN),
    "annotated_topics_zh": EvaluationSet("twice-labelled texts, topic, Chinese, both agree", "topic", "zh", ANNOTATED),
}
"""By name, in the order of report and card.

Pooled for the figures of a language are its sets of news stories with all three labels. Left out: parts of a set that
is there whole (FPB 66 to 100), the direction of one price, posts without a neutral label.
"""


@dataclass(frozen=True, slots=True)
class Pair:
    """A minimal pair of our corpus: what is asked of both texts. All of it must be right."""

    language: Language
    asked: tuple[Example, ...]


def examples_of(chosen: EvaluationSet, root: Path | None) -> tuple[list[Example], int]:
    """The examples of a set that have one clear label, and how many have none and were dropped.

    Raises DataInvalid when a file is missing or damaged.
    """
    found = [e for e in _read(chosen, root) if e.language == chosen.language and chosen.takes(e)]
    asked = [e for e in found if (e.entity is not None) == (chosen.task == "entity") and target_of(e, chosen.task)]
    clear = [e for e in asked if max(target_of(e, chosen.task) or (0.0,)) == 1]
    return clear, len(asked) - len(clear)


def target_of(example: Example, task: Task) -> tuple[float, ...] | None:
    """The shares of the labels of a task, or None where nothing is known."""
    return example.topics if task == "topic" else example.sentiment


def hard_cases() -> dict[tuple[str, Language], list[Example]]:
    """Stories of our test split with a clear label, by the case that makes them hard and by language."""
    found: dict[tuple[str, Language], list[Example]] = defaultdict(list)
    for example in examples.own("test"):
        if example.entity is None and example.case in read.CASES[1:] and max(example.sentiment or (0.0,)) == 1:
            found[example.case, example.language].append(example)
    return {key: found[key] for key in sorted(found, key=lambda key: (read.CASES.index(key[0]), key[1]))}


def minimal_pairs() -> list[Pair]:
    """Pairs of texts of our test split that differ by little and mean another thing.

    Two texts of one language that follow each other within a group. Of a text without a clear label every name in it is
    asked. A pair whose labels are all the same (it turns the topic) is none of these.
    """
    before: dict[tuple[str, Language], tuple[Example, ...]] = {}
    found = []
    for item in read.items():
        if item.part != "test":
            continue
        now, key = _asked(item), (item.group, item.language)
        if key in before and len({example.label for example in (*before[key], *now)}) > 1:
            found.append(Pair(item.language, (*before[key], *now)))
        before[key] = now
    return found


def _asked(item: read.Item) -> tuple[Example, ...]:
    base = Example(model_input(item.text), item.language, "own")
    if item.label is not None:
        return (_labelled(base, None, item.label),)
    return tuple(_labelled(base, model_input(mention.name), mention.label) for mention in item.mentions)


def _labelled(base: Example, entity: str | None, label: int) -> Example:
    return Example(base.text, base.language, base.source, entity, examples.one_hot(label))


def _read(chosen: EvaluationSet, root: Path | None) -> Iterator[Example]:
    if chosen.source == OWN:
        yield from examples.own("test")
    elif root is None:
        raise DataInvalid(
            f"{chosen.title} needs the data folder", why="only our own corpus is committed", fix="name it with --data"
        )
    elif chosen.source == ANNOTATED:
        yield from _annotated(root)
    else:
        yield from _rows(root, chosen)


@lru_cache(maxsize=1)
def _annotated(root: Path) -> tuple[Example, ...]:
    """Four sets ask for these, and finding them means reading all unlabelled texts."""
    return tuple(examples.annotated(root, "test"))


def _rows(root: Path, chosen: EvaluationSet) -> Iterator[Example]:
    """The rows of a file, as stories or, for an entity set, as pairs. `case`: agreement in percent, or MIXED."""
    for number, row in enumerate(data.rows(root, chosen.source), 1):
        try:
            entity = model_input(row["entity"]) if chosen.task == "entity" and row.get("entity") else None
            target = examples.one_hot(SENTIMENTS.index(row["label"]))
            case = MIXED if row.get("mixed") else str(row.get("agree", ""))
            yield Example(model_input(row["text"]), chosen.language, str(row["source"]), entity, target, case=case)
        except (KeyError, ValueError, TypeError) as error:
            raise DataInvalid(
                f"{chosen.source}, line {number} is not a labelled text", why=repr(error), fix="fix the line"
            ) from error
