"""Measure the quantisation recipes against fp32 on validation examples: speed, labels, macro-F1, size, invariance.

    python -m model.compare runs/NAME [texts] [--student runs/OTHER]

needs finished runs alone: it exports their graphs in memory. One thread; rates are medians of passes in which the
graphs take turns, and are for comparing rows, not machines. Its table is the one in docs/model.md.
"""

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from onnx import ModelProto

from model import data, examples, graphs, inputs, judging, parity, quantise, runs, second_look, tokens, train
from model.examples import Example
from model.inputs import Row
from model.metrics import Floats
from newstide import heads

HEAD: Final = (
    "| graph | MB | texts/s | one by one/s | story as fp32 | company as fp32 | logits off by "
    "| macro-F1 en | macro-F1 zh | same answer in any batch |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|---|"
)
_RANGE_TEXTS: Final = 256
# Of each graph; the first warms up and is not counted.
_PASSES: Final = 4


@dataclass(slots=True)
class Contestant:
    """A graph, what it is measured against, and the seconds of its passes."""

    name: str
    content: bytes
    graph: parity.Graph | second_look.Looking
    reference: Floats
    together: list[float] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured of one graph. Agreement: share of equal labels with fp32; macro-F1 of stories by language."""

    name: str
    megabytes: float
    per_second: float
    alone_per_second: float
    story_agreement: float
    entity_agreement: float
    difference: float
    macro_f1: dict[str, float]
    invariant: bool

    def line(self) -> str:
        scores = " | ".join(f"{self.macro_f1[each]:.4f}" if each in self.macro_f1 else "-" for each in ("en", "zh"))
        return (
            f"| {self.name} | {self.megabytes:.1f} | {self.per_second:.0f} | {self.alone_per_second:.0f} "
            f"| {self.story_agreement:.4f} | {self.entity_agreement:.4f} | {self.difference:.2f} | {scores} "
            f"| {'yes' if self.invariant else 'no'} |"
        )


def compare(run: Path, held: Sequence[Example], fit: Sequence[Example], student: Path | None = None) -> list[Figures]:
    """Figures of fp32, of every recipe and of the student on `held`; step sizes are found on `fit`.

    The student is measured against the same fp32: what is lost by shipping it.
    """
    rows = _rows(run, held)
    ranges = _rows(run, fit)
    fp32 = _exported(run)
    reference = parity.Graph(fp32).logits(rows)
    entrants = [_contestant("fp32", fp32, reference)]
    for recipe in quantise.RECIPES:
        entrants.append(_contestant(recipe, quantise.quantise(fp32, ranges, recipe), reference))
    entrants.append(_shipping(fp32, ranges, reference))
    if student is not None:
        if (run / runs.TOKENIZER).read_bytes() != (student / runs.TOKENIZER).read_bytes():
            raise ValueError(f"{student} reads with another tokenizer than {run}")
        entrants.append(_contestant("student, int8", quantise.quantise(_exported(student), ranges), reference))
    return [_figures(entrant, rows, held, logits) for entrant, logits in _raced(entrants, rows)]


def _rows(run: Path, chosen: Sequence[Example]) -> list[Row]:
    return inputs.rows_of(tokens.read(run / runs.TOKENIZER), chosen)


def _exported(run: Path) -> ModelProto:
    with tempfile.TemporaryDirectory() as folder:
        return graphs.optimise(graphs.export(train.load(run)), Path(folder))


def _contestant(name: str, model: ModelProto, reference: Floats) -> Contestant:
    content = model.SerializeToString()
    return Contestant(name, content, parity.Graph(content), reference)


def _shipping(fp32: ModelProto, ranges: Sequence[Row], reference: Floats) -> Contestant:
    """The recipe that ships, with its second look; what counts as nearly tied is found on `ranges`."""
    content = quantise.shipping(fp32, ranges).SerializeToString()
    graph = parity.Graph(content)
    looking = second_look.Looking(graph, second_look.margins_on(graph, ranges))
    return Contestant(f"**{quantise.SHIPPED}, a second look** (ships)", content, looking, reference)


def _raced(entrants: Sequence[Contestant], rows: Sequence[Row]) -> list[tuple[Contestant, tuple[Floats, Floats]]]:
    """Every graph's logits, together and one by one; they take turns, to and fro, so that none has the quiet hour."""
    found: dict[str, tuple[Floats, Floats]] = {}
    for number in range(_PASSES):
        for entrant in entrants if number % 2 else reversed(entrants):
            began = time.perf_counter()
            together = entrant.graph.logits(rows)
            between = time.perf_counter()
            # One by one is slow and is told precisely enough by the pass that also shows invariance.
            alone = entrant.graph.logits(rows, batch_texts=1) if number == 1 else together
            if number:
                entrant.together.append(between - began)
            if number == 1:
                entrant.alone.append(time.perf_counter() - between)
                found[entrant.name] = together, alone
    return [(entrant, found[entrant.name]) for entrant in entrants]


def _figures(
    entrant: Contestant, rows: Sequence[Row], held: Sequence[Example], logits: tuple[Floats, Floats]
) -> Figures:
    together, alone = logits
    about_entity = np.array([example.entity is not None for example in held])
    shares = {
        task: parity.agreement(
            together[chosen][:, heads.COLUMNS[task]], entrant.reference[chosen][:, heads.COLUMNS[task]]
        )
        if chosen.any()
        else 1.0
        for task, chosen in (("story", ~about_entity), ("entity", about_entity))
    }
    return Figures(
        name=entrant.name,
        megabytes=len(entrant.content) / 1e6,
        per_second=len(rows) / statistics.median(entrant.together),
        alone_per_second=len(rows) / statistics.median(entrant.alone),
        story_agreement=shares["story"],
        entity_agreement=shares["entity"],
        difference=float(np.abs(together - entrant.reference).max()),
        macro_f1={
            language: judging.macro_f1(together[group.places][:, heads.STORY].argmax(axis=1), np.array(group.truth))
            for (task, language), group in judging.clear(held).items()
            if task == "story"
        },
        invariant=bool(np.array_equal(together, alone)),
    )


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("texts", type=int, nargs="?", default=1_000)
    parser.add_argument("--student", type=Path)
    given = parser.parse_args()
    root = data.data_root()
    build = runs.read(given.run, runs.RunRecord).config.build
    draw = random.Random(20261123)  # noqa: S311 - a sample, not a secret
    held, fit = examples.validation(root, build), examples.training(root, build)
    chosen = draw.sample(held, min(given.texts, len(held)))
    found = compare(given.run, chosen, draw.sample(fit, min(_RANGE_TEXTS, len(fit))), given.student)
    sys.stdout.write("\n".join([HEAD, *(figures.line() for figures in found)]) + "\n")


if __name__ == "__main__":
    _main()
