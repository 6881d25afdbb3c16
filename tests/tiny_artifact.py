"""A whole artifact in a few kB, made in a moment: a graph of key words behind a real tokenizer."""

import hashlib
import string
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from newstide.artifact import MANIFEST, SCHEMA, TASKS, Calibration, FileEntry, Manifest, Task
from newstide.messages import SENTIMENTS, Language
from newstide.topics import TOPICS

GRAPH: Final = "model-int8.onnx"
INPUTS: Final = ("input_ids", "token_type_ids")
COLUMNS: Final = 6 + len(TOPICS)
MAX_TOKENS: Final = 32

_NEGATIVE: Final = "plunge plunges fall falls fraud losses 跌 亏".split()
_POSITIVE: Final = "surge surges rise rises profit beats 涨 盈".split()
_EARNINGS: Final = "profit losses beats 盈 亏".split()
_PLAIN: Final = "shares company bank on to the as while acme beta forecast 公 司 大 净 利 润 停 而".split()
_SPECIAL: Final = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
_LETTERS: Final = string.ascii_lowercase + string.digits + string.punctuation
VOCABULARY: Final = [
    *_SPECIAL,
    *dict.fromkeys((*_NEGATIVE, *_POSITIVE, *_EARNINGS, *_PLAIN, *_LETTERS)),
    *(f"##{letter}" for letter in _LETTERS),
]


def write(
    folder: Path,
    languages: Sequence[Language] = ("en", "zh"),
    calibration: Mapping[tuple[str, str], Calibration] | None = None,
    graph: bytes | None = None,
    near: Mapping[Task, float] | None = None,
) -> Path:
    """An artifact folder. `calibration` by task and language, where it is not temperature 1 and confidence 0.5 or,
    for topics, 0.3."""
    folder.mkdir(parents=True, exist_ok=True)
    contents = {GRAPH: graph or make_graph(), "tokenizer.json": make_tokenizer().to_str().encode()}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    files = {
        name: FileEntry(sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))
        for name, content in contents.items()
    }
    chosen = calibration or {}
    manifest = Manifest(
        schema=SCHEMA,
        name="tiny",
        labels=SENTIMENTS,
        topics=TOPICS,
        languages=tuple(languages),
        max_tokens=MAX_TOKENS,
        calibration={
            task: {
                language: chosen.get((task, language), Calibration(1.0, 0.3 if task == "topic" else 0.5))
                for language in languages
            }
            for task in TASKS
        },
        near=dict(near or {}),
        checks=None,
        graphs={"int8": GRAPH},
        tokenizer="tokenizer.json",
        tokenizer_hash=files["tokenizer.json"].sha256,
        files=files,
        metrics={},
        data={},
        git_commit="",
        created_at="2026-03-02T00:00:00Z",
        licence="CC0-1.0",
        base="none",
    )
    (folder / MANIFEST).write_bytes(msgspec.json.encode(manifest))
    return folder


def make_tokenizer() -> Any:
    tokenizer = Tokenizer(models.WordPiece({word: i for i, word in enumerate(VOCABULARY)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return tokenizer


def make_graph(columns: int = COLUMNS, inputs: Sequence[str] = INPUTS) -> bytes:
    """Sums of weights of words: of all words for story and topics, of those at the named company for the company."""
    onnx = pytest.importorskip("onnx")
    helper, kinds, from_array = onnx.helper, onnx.TensorProto, onnx.numpy_helper.from_array
    ids, types = inputs
    nodes = [
        helper.make_node("Gather", ["weights", ids], ["all"]),
        helper.make_node("ReduceSum", ["all", "tokens"], ["story"], keepdims=0),
        helper.make_node("Cast", [types], ["named"], to=kinds.FLOAT),
        helper.make_node("Unsqueeze", ["named", "tokens"], ["row"]),
        helper.make_node("MaxPool", ["row"], ["near"], kernel_shape=[3], pads=[1, 1]),
        helper.make_node("Transpose", ["near"], ["mask"], perm=[0, 2, 1]),
        helper.make_node("Mul", ["all", "mask"], ["masked"]),
        helper.make_node("ReduceSum", ["masked", "tokens"], ["entity"], keepdims=0),
        helper.make_node("Slice", ["story", "zero", "three", "tokens"], ["sentiment"]),
        helper.make_node("Slice", ["entity", "zero", "three", "tokens"], ["towards"]),
        helper.make_node("Slice", ["story", "three", "end", "tokens"], ["topics"]),
        helper.make_node("Concat", ["sentiment", "towards", "topics"], ["logits"], axis=1),
    ]
    numbers = {"tokens": 1, "zero": 0, "three": 3, "end": 1_000}
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(name, kinds.INT64, ["texts", "tokens"]) for name in inputs],
        [helper.make_tensor_value_info("logits", kinds.FLOAT, ["texts", columns])],
        [
            from_array(_weights(columns - 3), "weights"),
            *(from_array(np.array([value], dtype=np.int64), name) for name, value in numbers.items()),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    return bytes(model.SerializeToString())


def _weights(columns: int) -> NDArray[np.float32]:
    """Odd small numbers everywhere, so that every token counts; large ones for the key words.

    All are multiples of 1/1,024: their sums are exact, and do not depend on the order in which ONNX Runtime adds,
    which it chooses by the number of texts.
    """
    odd = np.random.default_rng(7).integers(-10, 11, (len(VOCABULARY), columns))
    weights = np.asarray(odd / 1_024, dtype=np.float32)
    earnings, other = 3 + TOPICS.index("earnings"), 3 + TOPICS.index("other")
    for column, words, weight in (
        (0, _NEGATIVE, 3),
        (2, _POSITIVE, 3),
        (earnings, _EARNINGS, 6),
        (other, ["[CLS]"], 3),
    ):
        if column < columns:
            weights[[VOCABULARY.index(word) for word in words], column] += weight
    return weights
