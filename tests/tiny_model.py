"""A tiny base, tiny examples and a tiny data folder: enough to train, export and measure a model in seconds."""

import gzip
import json
import random
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import torch
from transformers import BertConfig, BertModel

from model import examples, runs, vocabulary
from model.corpus import annotations
from model.examples import Example, one_hot, topic_target
from newstide.messages import Language

EN_NAMES: Final = "acme beta gamma delta omega sigma".split()
ZH_NAMES: Final = "甲公司 乙公司 丙公司 丁公司".split()
EN_WORDS: Final = (("falls", "loses"), ("meets", "talks"), ("wins", "gains"))
ZH_WORDS: Final = (("下跌", "亏损"), ("开会", "公布"), ("上涨", "盈利"))
EN_TAILS: Final = {"in its quarter": "earnings", "on the market": "market_move"}
ZH_TAILS: Final = {"季报": "earnings", "盘中": "market_move"}
_PLAIN: Final = "while a of shares today".split()
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz0123456789.,%$-'"


def stories() -> list[Example]:
    """Every name with every word and every tail, in both languages; the word decides the sign, the tail the topic."""
    english = [
        _story(f"{name} {word} {tail}", "en", label, topic)
        for name in EN_NAMES
        for label, words in enumerate(EN_WORDS)
        for word in words
        for tail, topic in EN_TAILS.items()
    ]
    chinese = [
        _story(f"{name}{tail}{word}", "zh", label, topic)
        for name in ZH_NAMES
        for label, words in enumerate(ZH_WORDS)
        for word in words
        for tail, topic in ZH_TAILS.items()
    ]
    return english + chinese


def opposing() -> list[Example]:
    """Headlines of two companies with opposite fates, once towards each."""
    english = [(f"{a} wins while {b} falls", "en", a, b) for a in EN_NAMES for b in EN_NAMES if a != b]
    chinese = [(f"{a}上涨{b}下跌", "zh", a, b) for a in ZH_NAMES for b in ZH_NAMES if a != b]
    found = []
    for text, language, good, bad in english + chinese:
        found.append(Example(text, "en" if language == "en" else "zh", "own", good, one_hot(2)))
        found.append(Example(text, "en" if language == "en" else "zh", "own", bad, one_hot(0)))
    return found


def splits() -> tuple[list[Example], list[Example]]:
    """Training and validation examples; a quarter, drawn once and for all, is held back."""
    found = stories() + opposing()
    random.Random(3).shuffle(found)  # noqa: S311 - a shuffle, not a secret
    return found[len(found) // 4 :], found[: len(found) // 4]


def pieces() -> list[tuple[str, float]]:
    """What the tiny encoder knows, as a multilingual one does: its special pieces, words, letters, and more."""
    words = [*EN_NAMES, *(word for words in EN_WORDS for word in words), *" ".join([*EN_TAILS, *_PLAIN]).split()]
    chinese = [*ZH_NAMES, *(word for words in ZH_WORDS for word in words), *ZH_TAILS]
    known = {"▁": -2.0, **dict.fromkeys(_LETTERS, -9.0), **dict.fromkeys("".join(chinese), -9.0)}
    known |= dict.fromkeys((f"▁{word}" for word in words), -4.0) | dict.fromkeys(chinese, -4.0)
    return [*((name, 0.0) for name in ("<s>", "<pad>", "</s>", "<unk>")), *known.items(), ("<mask>", 0.0)]


def make_source() -> Any:
    """An encoder of two layers with random weights, a row for each of `pieces`."""
    torch.manual_seed(1)
    shape = BertConfig(
        vocab_size=len(pieces()),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=128,
        max_position_embeddings=48,
    )
    return BertModel(shape)


def make_base(folder: Path) -> Path:
    """The source with its vocabulary trimmed, as `newstide model base` does it."""
    texts = [example.text for example in stories() + opposing()] * 10
    vocabulary.build(make_source(), vocabulary.choose(pieces(), texts), folder)
    return folder


def configuration(base: Path, **changed: Any) -> runs.TrainConfig:
    """Of a run of a few seconds on one core."""
    given: dict[str, Any] = {
        "base": str(base),
        "epochs": 80,
        "evals_per_epoch": 1,
        "patience": 99,
        "max_tokens": 24,
        "train_tokens": 24,
        "batch_texts": 16,
        "encoder_lr": 1e-3,
        "head_lr": 1e-2,
        "averaging": 0.8,
        "bf16": False,
        "threads": 1,
        "dropout": 0.0,
    }
    return runs.TrainConfig(**{**given, **changed})


def pack(rows: Iterable[Any]) -> bytes:
    return gzip.compress("\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode())


def write_data(root: Path, files: Mapping[str, Iterable[Any]]) -> Path:
    """A data folder with every file that training reads, empty where none is given."""
    names = (
        *(examples.EN_TRAIN, examples.EN_VALIDATION, examples.ZH_TRAIN, examples.ZH_VALIDATION, examples.ZH_EXTRA),
        *(*examples.TESTS, *annotations.TEXTS, examples.FLASH_TOPICS, examples.RISK_EVENTS),
    )
    for name in dict.fromkeys((*names, *files)):
        rows = list(files.get(name, ()))
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(pack(rows) if name.endswith(".gz") else json.dumps(rows).encode())
    return root


def _story(text: str, language: Language, label: int, topic: str) -> Example:
    return Example(text, language, "own", None, one_hot(label), topic_target(topic))
