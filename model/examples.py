"""What the model learns from: every labelled source as one kind of row, each with its licence and its part in a build.

The `default` build takes everything whose licence is not expressly non-commercial; the `open` build only permissive sets
and our own corpus. Test splits are read by `model.evaluate` alone.
"""

import json
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import msgspec

from model import data
from model.corpus import annotations, read
from model.runs import Build
from newstide.errors import DataInvalid
from newstide.messages import Language
from newstide.text import language_of, model_input
from newstide.topics import TOPICS

Target = tuple[float, float, float]

EN_TRAIN: Final = "sentiment/en_train.jsonl.gz"
EN_VALIDATION: Final = "sentiment/en_val.jsonl.gz"
ZH_TRAIN: Final = "sentiment/zh_train.jsonl.gz"
ZH_VALIDATION: Final = "sentiment/zh_val.jsonl.gz"
ZH_EXTRA: Final = "sentiment/zh_extra.jsonl.gz"
FLASH_TOPICS: Final = "topics_entities/zh_finnl/train_list.json"
RISK_EVENTS: Final = "topics_entities/zh_finese/train_list.json"

# How much a row of a source counts, by what is known of its labels: forum posts with one vote are often wrong, scam
# complaints are far from news, half of a headline's labels may be about another company.
_WEIGHTS: Final = {"own": 1.5, "annotated": 1.0, "finfe": 0.7, "finne": 0.8, "wwxmu": 0.5, "finnsp_entity": 0.5}
_MIXED_WEIGHT: Final = 0.5
_MAPPED_WEIGHT: Final = 0.4
# Of sources that would drown the others; seeded.
_ROWS_MAX: Final = {"wwxmu": 3_500, "finnsp_entity": 2_000, "finnl": 2_400, "finese": 1_600}
_SEED: Final = 20261123

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
    """All examples that a build learns from, distinct from every validation and test example by text."""
    found = [*_english(root, EN_TRAIN), *own("train")]
    if build == "default":
        found += [*_chinese(root, ZH_TRAIN), *_few(_chinese(root, ZH_EXTRA), "finnsp_entity")]
        found += [*annotated(root, "train"), *_flash_topics(root), *_risk_topics(root)]
    kept = _few(found, "wwxmu")
    aside = {e.text for e in [*validation(root, build), *own("test"), *annotated(root, "test")]}
    return [example for example in kept if example.text and example.text not in aside]


def validation(root: Path, build: Build) -> list[Example]:
    """What a build is chosen and calibrated by."""
    found = [*_english(root, EN_VALIDATION), *own("validation")]
    if build == "default":
        found += [*_chinese(root, ZH_VALIDATION), *annotated(root, "validation")]
    return [example for example in found if example.text]


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
    known = annotations.labels(part)
    for name in annotations.TEXTS if known else ():
        for row in data.rows(root, name):
            text = model_input(row["text"])
            if (label := known.get(annotations.key(text))) is not None:
                yield Example(
                    text,
                    language_of(text),
                    "annotated",
                    sentiment=_shared([one_hot(i) for i in label.sentiments]),
                    topics=_shared([topic_target(topic) for topic in label.topics]),
                    weight=_WEIGHTS["annotated"],
                )


def one_hot(label: int) -> Target:
    return (float(label == 0), float(label == 1), float(label == 2))


def topic_target(topic: str) -> tuple[float, ...]:
    return tuple(float(topic == each) for each in TOPICS)


def _english(root: Path, name: str) -> Iterator[Example]:
    """SEntFiN headlines, once as stories and once for each name; TFNS tweets as stories."""
    stories: dict[tuple[str, str], list[Target]] = defaultdict(list)
    for row in data.rows(root, name):
        text, target = model_input(row["text"]), one_hot(data.LABELS.index(row["label"]))
        stories[row["source"], text].append(target)
        if row.get("entity"):
            yield Example(text, "en", row["source"], model_input(row["entity"]), target, group=text)
    for (source, text), targets in stories.items():
        target = _shared(targets)
        yield Example(text, "en", source, None, target, weight=_MIXED_WEIGHT if max(target) < 1 else 1.0, group=text)


def _chinese(root: Path, name: str) -> Iterator[Example]:
    """Forum posts, media passages and portal headlines as stories; passages about a named platform as pairs."""
    for row in data.rows(root, name):
        source, text = row["source"], model_input(row["text"])
        if source not in _WEIGHTS:
            continue
        target, weight = one_hot(data.LABELS.index(row["label"])), _WEIGHTS[source]
        if source == "finfe" and row.get("votes", 1) > 1 and row.get("unanimous"):
            weight = 1.0
        if source in ("finnsp_entity", "wwxmu") and row.get("entity"):
            yield Example(text, "zh", source, model_input(row["entity"]), target, weight=weight)
        if source != "finnsp_entity":
            yield Example(text, "zh", source, None, target, weight=weight)


def _flash_topics(root: Path) -> list[Example]:
    return _mapped(((row[0], row[1].split()) for row in _list(root, FLASH_TOPICS)), _OF_FLASH, "finnl")


def _risk_topics(root: Path) -> list[Example]:
    return _mapped(((row[1], [row[2]]) for row in _list(root, RISK_EVENTS)[1:]), _OF_RISK, "finese")


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
    return _shared([one_hot(mention.label) for mention in item.mentions])


def _shared(targets: list[Any]) -> Any:
    """The mean of targets."""
    return tuple(sum(column) / len(targets) for column in zip(*targets, strict=True))


def _list(root: Path, name: str) -> Any:
    try:
        return json.loads(data.read_bytes(root, name))
    except (msgspec.DecodeError, ValueError) as error:
        raise DataInvalid(f"{name} in the data folder is damaged", why=str(error), fix="restore the file") from error
