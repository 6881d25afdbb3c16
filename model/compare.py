"""Measure the quantisation recipes against fp32 on real headlines: speed on one thread, labels, size, invariance.

    python -m model.compare runs/NAME [texts]

needs the fp32 graph that `newstide model export` left in the run folder. Its table is the one in docs/model.md.
"""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx

from model import data, parity, quantise, runs, tokens
from model.export import FP32_IN_RUN

HEAD = "| graph | MB | headlines/s | one by one/s | labels as fp32 | logits at most off by | same answer in any batch |"


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured of one graph."""

    name: str
    megabytes: float
    per_second: float
    alone_per_second: float
    agreement: float
    difference: float
    invariant: bool

    def line(self) -> str:
        return (
            f"| {self.name} | {self.megabytes:.1f} | {self.per_second:.0f} | {self.alone_per_second:.0f} "
            f"| {self.agreement:.4f} | {self.difference:.2f} | {'yes' if self.invariant else 'no'} |"
        )


def compare(run: Path, count: int, root: Path) -> list[Figures]:
    """Figures of fp32 and every recipe, on validation headlines; calibration reads training headlines only."""
    fp32 = onnx.load(run / FP32_IN_RUN)
    training = data.read_split(root, data.TRAINING, merge=True).rows
    calibration = _ids(run, training[:: max(1, len(training) // 256)][:256])
    texts = _ids(run, data.read_split(root, data.VALIDATION, merge=True).rows[:count])
    reference = parity.Graph(fp32).logits(texts)
    found = [_measure("fp32", fp32.SerializeToString(), texts, reference)]
    for recipe in quantise.RECIPES:
        content = quantise.quantise(fp32, calibration, recipe).SerializeToString()
        found.append(_measure(recipe, content, texts, reference))
    return found


def _ids(run: Path, rows: Sequence[data.Row]) -> list[list[int]]:
    return tokens.encode(run / runs.TOKENIZER, [row.text for row in rows])


def _measure(name: str, content: bytes, texts: Sequence[list[int]], reference: np.ndarray) -> Figures:
    graph = parity.Graph(content)
    graph.logits(texts[:64])
    began = time.perf_counter()
    together = graph.logits(texts)
    batched_s = time.perf_counter() - began
    began = time.perf_counter()
    alone = graph.logits(texts, batch_texts=1)
    alone_s = time.perf_counter() - began
    return Figures(
        name=name,
        megabytes=len(content) / 1e6,
        per_second=len(texts) / batched_s,
        alone_per_second=len(texts) / alone_s,
        agreement=parity.agreement(together, reference),
        difference=float(np.abs(together - reference).max()),
        invariant=bool(np.array_equal(together, alone)),
    )


if __name__ == "__main__":
    texts_wanted = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000
    sys.stdout.write(HEAD + "\n|---|---:|---:|---:|---:|---:|---|\n")
    for figures in compare(Path(sys.argv[1]), texts_wanted, data.data_root()):
        sys.stdout.write(figures.line() + "\n")
