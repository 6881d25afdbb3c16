"""Those beside whom the model is measured, as everybody would run them, each over the same weights.

Every peer is a stock `BertForSequenceClassification` in a folder made of a run: its classifier are the story columns of
our head. The stock class has a pooler, ours has none: the pooler made here passes the first token's state on
(tanh(x / 256) is x / 256 to one part in a hundred thousand, and the classifier multiplies by 256). It adds less than a
thousandth to the work and nothing to the answer.
"""

from __future__ import annotations

import importlib
import importlib.util
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from model import runs, train
from newstide import heads
from newstide.messages import SENTIMENTS

Labels = NDArray[np.int64]
Answer = Callable[[], Labels]
"""One pass over all texts: the place of the most probable sentiment of each, in order."""

_PASS_ON: Final = 256.0
_SORTED_BATCH: Final = 32
_OPSET: Final = 18


class Skipped(Exception):
    """This peer cannot run here; the text says why."""


def stock_model(run: Path) -> Any:
    """A `BertForSequenceClassification` that answers as the run's network does."""
    from transformers import AutoConfig, BertForSequenceClassification

    ours = train.load(run)
    config = AutoConfig.from_pretrained(run, local_files_only=True)
    if config.model_type != "bert":
        raise Skipped(f"the encoder is {config.model_type}, the stock peers are made for bert")
    config.id2label, config.label2id = dict(enumerate(SENTIMENTS)), {name: i for i, name in enumerate(SENTIMENTS)}
    stock: Any = BertForSequenceClassification(config)
    found = stock.bert.load_state_dict(ours.encoder.state_dict(), strict=False)
    assert not found.unexpected_keys and all(key.startswith("pooler.") for key in found.missing_keys), found
    with torch.no_grad():
        stock.bert.pooler.dense.weight.copy_(torch.eye(config.hidden_size) / _PASS_ON)
        stock.bert.pooler.dense.bias.zero_()
        stock.classifier.weight.copy_(ours.head.weight[heads.STORY] * _PASS_ON)
        stock.classifier.bias.copy_(ours.head.bias[heads.STORY])
    return stock.eval()


def tokenizer_of(run: Path) -> Any:
    """The run's tokenizer as transformers wraps it."""
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(
        tokenizer_file=str(run / runs.TOKENIZER),
        model_input_names=list(_INPUTS),
        pad_token="[PAD]",  # noqa: S106 - no password
        model_max_length=runs.read(run, runs.RunRecord).config.max_tokens,
    )


def pipelines(run: Path, texts: Sequence[str], sizes: Sequence[int], fp16: bool) -> dict[str, Answer]:
    """`transformers.pipeline` in each batch size; on the GPU in fp16."""
    from transformers import pipeline

    model = stock_model(run).half() if fp16 else stock_model(run)
    make: Any = pipeline  # its many overloads know no model of ours
    pipe = make(
        "text-classification", model=model, tokenizer=tokenizer_of(run), truncation=True, device=0 if fp16 else -1
    )
    return _through(pipe, texts, sizes, "batch")


def _through(pipe: Any, texts: Sequence[str], sizes: Sequence[int], called: str) -> dict[str, Answer]:
    place = {name: i for i, name in enumerate(SENTIMENTS)}

    def answer(size: int) -> Labels:
        return np.array([place[found["label"]] for found in pipe(list(texts), batch_size=size)])

    return {f"{called} {size}": partial(answer, size) for size in sizes}


def padded_onnx(run: Path, texts: Sequence[str], sizes: Sequence[int], folder: Path) -> dict[str, Answer]:
    """ONNX Runtime fp32 as Optimum runs it: the stock graph, one session with default threads, padded batches.

    With Optimum itself where it is installed (as of its release for ONNX, 0.1, it needs transformers below 4.58 and
    therefore does not install beside the version that trains our models); the names say which of the two it was.
    """
    if importlib.util.find_spec("optimum") and importlib.util.find_spec("optimum.onnxruntime"):
        return _optimum(run, texts, sizes, folder)
    session, tokenizer = _session(run, folder), tokenizer_of(run)

    def answer(size: int) -> Labels:
        out = []
        for at in range(0, len(texts), size):
            batch = tokenizer(list(texts[at : at + size]), padding=True, truncation=True, return_tensors="np")
            out.append(session.run(None, {name: batch[name] for name in _INPUTS})[0].argmax(axis=1))
        return np.concatenate(out)

    return {f"as Optimum does, batch {size}": partial(answer, size) for size in sizes}


_INPUTS: Final = ("input_ids", "attention_mask", "token_type_ids")


def _session(run: Path, folder: Path) -> Any:
    """The stock model's graph, exported by the tracing exporter as Optimum does, in a session with all defaults."""
    import onnxruntime as ort

    stock, path = stock_model(run), folder / "stock.onnx"
    stock.set_attn_implementation("eager")
    sample = tuple(torch.ones((2, 8), dtype=torch.int64) for _ in _INPUTS)
    axes = dict.fromkeys(_INPUTS, {0: "texts", 1: "tokens"})

    class Logits(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stock = stock

        def forward(self, ids: Any, mask: Any, types: Any) -> Any:
            return self.stock(input_ids=ids, attention_mask=mask, token_type_ids=types).logits

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracing exporter is called old; Optimum's releases use it
        torch.onnx.export(
            Logits(),
            sample,
            str(path),
            input_names=list(_INPUTS),
            dynamic_axes=axes,
            opset_version=_OPSET,
            dynamo=False,
        )
    options = ort.SessionOptions()
    options.log_severity_level = 3
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _optimum(run: Path, texts: Sequence[str], sizes: Sequence[int], folder: Path) -> dict[str, Answer]:
    from transformers import pipeline

    optimum: Any = importlib.import_module("optimum.onnxruntime")

    stock_model(run).save_pretrained(folder / "stock")
    model = optimum.ORTModelForSequenceClassification.from_pretrained(folder / "stock", export=True)
    make: Any = pipeline
    pipe = make("text-classification", model=model, tokenizer=tokenizer_of(run), truncation=True)
    return _through(pipe, texts, sizes, "Optimum, batch")


def compiled(run: Path, texts: Sequence[str], bf16: bool) -> dict[str, Answer]:
    """`torch.compile`, weights frozen, shapes dynamic, on batches in order of length; compiled by its first run."""
    import torch._inductor.config as inductor

    inductor.freezing = True
    model: Any = torch.compile(stock_model(run), dynamic=True)
    tokenizer = tokenizer_of(run)

    @torch.inference_mode()
    def answer() -> Labels:
        ids = tokenizer(list(texts), truncation=True)["input_ids"]
        order = sorted(range(len(texts)), key=lambda i: len(ids[i]))
        out = np.zeros(len(texts), dtype=np.int64)
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            for at in range(0, len(order), _SORTED_BATCH):
                part = order[at : at + _SORTED_BATCH]
                batch = tokenizer.pad({"input_ids": [ids[i] for i in part]}, return_tensors="pt")
                out[part] = model(**batch).logits.argmax(dim=1).numpy()
        return out

    return {f"in length order, batch {_SORTED_BATCH}": answer}
