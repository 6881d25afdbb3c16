"""What the model learns from: every labelled source as one kind of row, each with its licence and its part in a build.

The `default` build takes everything whose licence is not expressly non-commercial; the `open` build only permissive
sets and our own corpus. Of test splits only the texts are read here, to leave them out.
"""

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec

from model import data, robustness_cases
from model.corpus import annotations, read
from model.runs import Build
from newstide.errors import DataInvalid
from newstide.messages import SENTIMENTS, Language
from newstide.text import language_of, model_input
from newstide.topics import TOPICS

Target = tuple[float, float, float]

EN_TRAIN: Final = "sentiment/en_train.jsonl.gz"
EN_VALIDATION: Final = "sentiment/en_val.jsonl.gz"
ZH_TRAIN: Final = "sentiment/zh_train.jsonl.gz"
ZH_VALIDATION: Final = "sentiment/zh_val.jsonl.gz"
ZH_EXTRA: Final = "sentiment/zh_extra.jsonl.gz"
TESTS: Final = (data.TEST, "sentiment/zh_test.jsonl.gz")
FLASH_TOPICS: Final = "topics_entities/zh_finnl/train_list.json"
RISK_EVENTS: Final = "topics_entities/zh_finese/train_list.json"

# How much a row of a source counts, by what is known of its labels: forum posts with one vote are often wrong, scam
# complaints are far from news, half of a headline's labels may be about another company.
_WEIGHTS: Final = {"own": 1.5, "annotated": 1.0, "finfe": 0.7, "finne": 0.8, "wwxmu": 0.5, "finnsp_entity": 0.5}
_MIXED_WEIGHT: Final = 0.5
_MAPPED_WEIGHT: Final = 0.4
# Of sources that would drown the others; seeded.
_ROWS_MAX: Final = {"wwxmu": 1_000, "finnsp_entity": 1_200, "finnl": 2_400, "finese": 1_600}
_SEED: Final = 20261123
_OPENING: Final = 40

# Labels of the flash items that mean one of our topics; with none of them, or with two, an item is left out.
_OF_FLASH: Final = {
    "大盘": "market_move",
    "外汇": "currency",
    "虚拟货币": "currency",
    "期货": "commodities",
    "能源": "commodities",
    "经济": "macro",
    "政治": "other",
    "新冠": "other",
}
_OF_RISK: Final = {
    "信批违规": "legal",
    "交易违规": "legal",
    "涉嫌违法": "legal",
    "产品违规": "legal",
    "涉嫌非法集资": "fraud_default",
    "财务造假": "fraud_default",
    "涉嫌传销": "fraud_default",
    "涉嫌欺诈": "fraud_default",
    "提现困难": "fraud_default",
    "失联跑路": "fraud_default",
    "不能履职": "management",
    "重组失败": "mergers",
    "评级调整": "analyst_view",
    "业绩下滑": "earnings",
}


@dataclass(frozen=True, slots=True)
class Example:
    """One text with what is known of it. `entity` None: sentiment is the story's; else it is towards that name.

    Targets are shares that sum to 1: of negative, neutral, positive, and of the topics in the order of TOPICS.
    """

    text: str
    language: Language
    source: str
    entity: str | None = None
    sentiment: Target | None = None
    topics: tuple[float, ...] | None = None
    weight: float = 1.0
    case: str = ""
    group: str = ""

    @property
    def label(self) -> int:
        """The index of the sentiment with the largest share; the first of equals."""
        if self.sentiment is None:
            raise ValueError("the example has no sentiment")
        return self.sentiment.index(max(self.sentiment))


def training(root: Path, build: Build) -> list[Example]:
    """All examples that a build learns from. No text of them is for validation, for a test or for the release gate."""
    found = [*english(root, EN_TRAIN), *own("train")]
    if build == "default":
        found += [*chinese(root, ZH_TRAIN), *_few(chinese(root, ZH_EXTRA), "finnsp_entity")]
        found += [*annotated(root, "train"), *_flash_topics(root), *_risk_topics(root)]
    aside = withheld(root, build)
    return [example for example in _few(found, "wwxmu") if example.text and opening(example.text) not in aside]


def validation(root: Path, build: Build) -> list[Example]:
    """What a build is chosen and calibrated by."""
    found = [*english(root, EN_VALIDATION), *own("validation")]
    if build == "default":
        found += [*chinese(root, ZH_VALIDATION), *annotated(root, "validation")]
    aside = _measured(root)
    return [example for example in found if example.text and opening(example.text) not in aside]


def withheld(root: Path, build: Build) -> set[str]:
    """The openings of texts that nothing may be learned from: of tests, of the release gate, of validation."""
    return _measured(root) | {opening(example.text) for example in validation(root, build)}


def opening(text: str) -> str:
    """What copies of a text share, however they are punctuated or cut: its first forty letters and digits."""
    return "".join(filter(str.isalnum, text.lower()))[:_OPENING]


def _measured(root: Path) -> set[str]:
    """The openings of all texts that a model is measured on or checked with. The unlabelled sets hold some of them."""
    public = [row["text"] for name in TESTS if (root / name).is_file() for row in data.rows(root, name)]
    checks = [marked.text for case in robustness_cases.cases() for marked in case.texts]
    ours = [example.text for example in (*own("test"), *annotated(root, "test"))]
    return {opening(model_input(text)) for text in (*public, *checks, *ours)}


def own(part: read.Part) -> Iterator[Example]:
    """A split of our own corpus: one story example for each text, one for each name in it."""
    for item in read.items():
        if item.part != part:
            continue
        text = model_input(item.text)
        base = Example(text, item.language, "own", weight=_WEIGHTS["own"], case=item.case, group=item.group)
        story = _mixed(item) if item.label is None else one_hot(item.label)
        weight = base.weight * (_MIXED_WEIGHT if item.label is None else 1.0)
        yield replace(base, sentiment=story, topics=topic_target(item.topic), weight=weight)
        for mention in item.mentions:
            yield replace(base, entity=model_input(mention.name), sentiment=one_hot(mention.label))


def annotated(root: Path, part: read.Part) -> Iterator[Example]:
    """Texts of the unlabelled sets that we labelled; what two annotators see differently is shared between labels."""
    texts = _annotated_texts(root)
    for key, label in annotations.labels(part).items():
        if (text := texts.get(key)) is not None:
            yield Example(
                text,
                language_of(text),
                "annotated",
                sentiment=_shared([one_hot(i) for i in label.sentiments]),
                topics=_shared([topic_target(topic) for topic in label.topics]),
                weight=_WEIGHTS["annotated"],
            )


@cache
def _annotated_texts(root: Path) -> dict[str, str]:
    """The texts that we labelled, by key; the sets that hold them are large, so they are read once."""
    wanted = annotations.everything()
    raw = (model_input(row["text"]) for name in annotations.TEXTS if wanted for row in data.rows(root, name))
    return {key: text for text in raw if (key := annotations.key(text)) in wanted}


def one_hot(label: int) -> Target:
    return (float(label == 0), float(label == 1), float(label == 2))


def topic_target(topic: str) -> tuple[float, ...]:
    """All of one topic. Raises ValueError for a name that is none."""
    if topic not in TOPICS:
        raise ValueError(f"{topic!r} is no topic")
    return tuple(float(topic == each) for each in TOPICS)


def english(root: Path, name: str) -> Iterator[Example]:
    """SEntFiN headlines, once as stories and once for each name; TFNS tweets as stories."""
    stories: dict[tuple[str, str], list[Target]] = defaultdict(list)
    for row, text, target in _labelled(root, name):
        stories[row["source"], text].append(target)
        if row.get("entity"):
            yield Example(text, "en", row["source"], model_input(row["entity"]), target, group=text)
    for (source, text), targets in stories.items():
        target = _shared(targets)
        yield Example(text, "en", source, None, target, weight=_MIXED_WEIGHT if max(target) < 1 else 1.0, group=text)


def chinese(root: Path, name: str) -> Iterator[Example]:
    """Forum posts, media passages and portal headlines as stories; passages about a named platform as pairs."""
    for row, text, target in _labelled(root, name):
        source = row["source"]
        if source not in _WEIGHTS:
            continue
        weight = _WEIGHTS[source]
        if source == "finfe" and row.get("votes", 1) > 1 and row.get("unanimous"):
            weight = 1.0
        if source in ("finnsp_entity", "wwxmu") and row.get("entity"):
            yield Example(text, "zh", source, model_input(row["entity"]), target, weight=weight)
        if source != "finnsp_entity":
            yield Example(text, "zh", source, None, target, weight=weight)


def _labelled(root: Path, name: str) -> Iterator[tuple[dict[str, Any], str, Target]]:
    """The rows of a file with their text, folded, and their sentiment. Raises DataInvalid for a row without."""
    for number, row in enumerate(data.rows(root, name), 1):
        if row.get("label") not in SENTIMENTS or not isinstance(row.get("source"), str):
            raise DataInvalid(
                f"{name}, line {number} is not a labelled text",
                why=f"label {row.get('label')!r}, source {row.get('source')!r}",
                fix="fix the line",
            )
        yield row, model_input(row["text"]), one_hot(SENTIMENTS.index(row["label"]))


def _flash_topics(root: Path) -> list[Example]:
    rows = _list(root, FLASH_TOPICS, tuple[str, str])
    return _mapped(((text, labels.split()) for text, labels in rows), _OF_FLASH, "finnl")


def _risk_topics(root: Path) -> list[Example]:
    rows = _list(root, RISK_EVENTS, tuple[str, str, str, str])
    return _mapped(((text, [event]) for _, text, event, _ in rows), _OF_RISK, "finese")


def _mapped(rows: Iterable[tuple[str, list[str]]], mapping: dict[str, str], source: str) -> list[Example]:
    """Rows whose labels mean exactly one topic, no topic with more than its share of the source's rows."""
    by_topic: dict[str, list[Example]] = defaultdict(list)
    for raw, labels in rows:
        meant = {mapping[label] for label in labels if label in mapping}
        if len(meant) == 1:
            (topic,) = meant
            target = topic_target(topic)
            by_topic[topic].append(Example(model_input(raw), "zh", source, topics=target, weight=_MAPPED_WEIGHT))
    share = _ROWS_MAX[source] // max(1, len(by_topic))
    draw = random.Random(_SEED)  # noqa: S311 - a sample, not a secret
    return [each for members in by_topic.values() for each in draw.sample(members, min(share, len(members)))]


def _few(examples: Iterable[Example], source: str) -> list[Example]:
    """All examples, but of `source` no more texts than its limit."""
    found = list(examples)
    texts = sorted({example.text for example in found if example.source == source})
    kept = set(random.Random(_SEED).sample(texts, min(_ROWS_MAX[source], len(texts))))  # noqa: S311 - a sample
    return [example for example in found if example.source != source or example.text in kept]


def _mixed(item: read.Item) -> Target:
    negative, neutral, positive = _shared([one_hot(mention.label) for mention in item.mentions])
    return negative, neutral, positive


def _shared(targets: list[Any]) -> Any:
    """The mean of targets."""
    return tuple(sum(column) / len(targets) for column in zip(*targets, strict=True))


def _list(root: Path, name: str, row: Any) -> Any:
    """The rows of a JSON list, all of the type `row`. Raises DataInvalid when it is none."""
    try:
        return msgspec.json.decode(data.read_bytes(root, name), type=list[row])
    except msgspec.MsgspecError as error:
        raise DataInvalid(f"{name} in the data folder is damaged", why=str(error), fix="restore the file") from error
