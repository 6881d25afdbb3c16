"""How good a topic is that a model learned from a few examples: flash items about COVID-19, against all others.

    python -m benchmarks.bench_fewshot --run runs/bilingual [--json]

8, 16 and 32 items are drawn from the training list of FinNL with each of 5 seeds, the fewer ones among the more; one
column is fitted on them as `newstide model fewshot` does it, against our own corpus, and measured on the evaluation
list. Beside it stands what the fit says of itself, which is all that its user has: recall by cross-validation, and for
how many seeds its 95 % interval held the recall that was then found. A default build has seen some of the training
items in another role, as `other`; none of the evaluation list. Needs the data folder and the extra `train`.
"""

import argparse
import json
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from model import column, data, examples, fewshot, runs, tokens, train
from model.column import Read
from newstide.text import model_input

LABEL = "新冠"
EVALUATION = "topics_entities/zh_finnl/eval_list.json"
SIZES = (8, 16, 32)
SEEDS = 5


def items(packed: bytes) -> dict[str, bool]:
    """The texts of a list of FinNL, and whether each is about the topic."""
    return {model_input(text): LABEL in labels.split() for text, labels in json.loads(packed)}


def draws(texts: Sequence[str], seed: int) -> list[list[int]]:
    """Places of so many texts for each of SIZES, the fewer ones among the more."""
    drawn = random.Random(seed).sample(range(len(texts)), SIZES[-1])  # noqa: S311 - a sample, not a secret
    return [drawn[:size] for size in SIZES]


def scores(called: column.Bools, truth: column.Bools) -> dict[str, float]:
    """Precision, recall and F1 of the topic."""
    hit, said, there = int((called & truth).sum()), int(called.sum()), int(truth.sum())
    return {"precision": hit / max(1, said), "recall": hit / there, "f1": 2 * hit / (said + there)}


def one(shown: Read, background: Read, own: Read, found: tuple[Read, column.Bools]) -> dict[str, float]:
    """A fit, as it is on the evaluation list and as it says that it is."""
    fitted = column.fit_column(shown, background)
    said = column.measure(LABEL, fitted, shown, background, own)
    held, truth = found
    measured = scores(held.called(fitted), truth)
    return {
        **measured,
        "own_recall": said.recall.share,
        "own_interval_held": float(said.recall.low <= measured["recall"] <= said.recall.high),
        "own_false_alarms": float(own.called(fitted).mean()),
    }


def summary(rounds: Sequence[dict[str, float]]) -> dict[str, dict[str, float]]:
    """Mean, least and most over the seeds."""
    return {
        name: {
            kind: round(float(take([each[name] for each in rounds])), 4)
            for kind, take in (("mean", np.mean), ("low", np.min), ("high", np.max))
        }
        for name in rounds[0]
    }


def measure(run: Path, root: Path, every: int) -> dict[str, Any]:
    """All sizes and seeds; `every`: of our corpus and of the evaluation list only each so-manieth text is read."""
    torch.set_num_threads(runs.read(run, runs.RunRecord).config.threads)
    model, tokenizer = train.load(run), tokens.read(run / runs.TOKENIZER)

    def read(texts: Sequence[str]) -> Read:
        return fewshot.read_texts(model, tokenizer, texts, bf16=True)

    background, own = (read(fewshot.own_stories(part)[::every]) for part in ("train", "test"))
    evaluation = items(data.read_bytes(root, EVALUATION))
    held = list(evaluation)[::every]
    truth = np.array([evaluation[text] for text in held])
    pool = [t for t, is_it in items(data.read_bytes(root, examples.FLASH_TOPICS)).items() if is_it]
    pool = [text for text in pool if text not in evaluation]
    chosen = [draws(pool, seed) for seed in range(SEEDS)]
    found = (read(held), truth)
    rounds: dict[int, list[dict[str, float]]] = {size: [] for size in SIZES}
    for drawn in chosen:
        shown = read([pool[place] for place in drawn[-1]])
        for size in SIZES:
            rounds[size].append(one(shown.part(np.arange(SIZES[-1]) < size), background, own, found))
    return {
        "benchmark": "fewshot",
        "topic": LABEL,
        "background": len(background.texts),
        "evaluated": len(held),
        "about_it": int(truth.sum()),
        "seeds": SEEDS,
        "examples": {str(size): summary(each) for size, each in rounds.items()},
    }


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--every", type=int, default=1, help="read only each so-manieth text: for a first look")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    report = measure(given.run, data.data_root(), given.every)
    if given.json:
        sys.stdout.write(json.dumps(report, ensure_ascii=False) + "\n")
        return report
    sys.stdout.write(
        f"{report['evaluated']} items, {report['about_it']} about it; mean (least to most) of {SEEDS} seeds\n"
    )
    for size, figures in report["examples"].items():
        shown = ", ".join(
            f"{name} {figures[name]['mean']:.3f} ({figures[name]['low']:.3f} to {figures[name]['high']:.3f})"
            for name in ("f1", "precision", "recall")
        )
        sys.stdout.write(
            f"{size:>3} examples: {shown}\n              by its own word: recall {figures['own_recall']['mean']:.3f}, "
            f"its interval true for {figures['own_interval_held']['mean']:.0%} of the seeds; "
            f"false alarms in our corpus {figures['own_false_alarms']['mean']:.2%}\n"
        )
    return report


if __name__ == "__main__":
    main()
