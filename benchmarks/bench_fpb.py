"""What FPB's own training split would bring: its licence forbids to ship such weights, so this only measures.

    python -m benchmarks.bench_fpb --run runs/bilingual [--epochs 2] [--json]

Four fifths of the sentences (by hash, 50 % agreement and more) are learned on top of a finished run, together with as
many old examples; the last fifth is measured, before and after. Needs the data folder and the extra `train`.
"""

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from model import data, examples, inputs, metrics, runs, sets, tokens, train
from model.examples import Example
from newstide import heads
from newstide.messages import SENTIMENTS
from newstide.scoring.calibrated import calibrated

LEVELS = (50, 66, 75, 100)


def sentences(root: Path) -> list[tuple[int, Example]]:
    """FPB with the share of annotators that agree, in percent."""
    found, _ = sets.examples_of(sets.SETS["fpb_50"], root)
    return [(int(example.case), example) for example in found]


def is_held(text: str) -> bool:
    """One sentence in five, by a hash that nobody chose."""
    return int(sha256(text.encode()).hexdigest(), 16) % 5 == 0


def measure(run: Path, held: Sequence[tuple[int, Example]]) -> dict[str, dict[str, float]]:
    """Accuracy and macro-F1 at each level of agreement."""
    rows = inputs.rows_of(tokens.read(run / runs.TOKENIZER), [example for _, example in held])
    shares = calibrated(train.logits_of(train.load(run), rows)[:, heads.STORY])
    truth = np.array([example.label for _, example in held])
    report = {}
    for level in LEVELS:
        chosen = np.array([agree >= level for agree, _ in held])
        scores = metrics.measure(shares[chosen], truth[chosen], SENTIMENTS)
        report[str(level)] = {
            "sentences": scores.texts,
            "accuracy": round(scores.accuracy, 4),
            "macro_f1": round(scores.macro_f1, 4),
        }
    return report


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    root = data.data_root()
    found = sentences(root)
    held = [each for each in found if is_held(each[1].text)]
    fit = [example for _, example in found if not is_held(example.text)]
    old = examples.training(root, "default")
    replay = random.Random(7).sample(old, min(len(old), len(fit)))  # noqa: S311 - a sample, not a secret
    config = runs.TrainConfig(start=str(given.run), epochs=given.epochs, evals_per_epoch=1, encoder_lr=5e-5)
    with tempfile.TemporaryDirectory() as folder:
        # The best of the epochs by old validation texts is kept: no FPB sentence chooses.
        train.train(config, (fit + replay, examples.validation(root, "default")[:200]), Path(folder))
        before, after = measure(given.run, held), measure(Path(folder), held)
    report: dict[str, Any] = {"before": before, "after": after, "learned": len(fit)}
    if given.json:
        sys.stdout.write(json.dumps(report) + "\n")
        return report
    for level in map(str, LEVELS):
        was, now = before[level], after[level]
        sys.stdout.write(
            f"agreement {level:>3} %: accuracy {was['accuracy']:.3f} -> {now['accuracy']:.3f}, "
            f"macro-F1 {was['macro_f1']:.3f} -> {now['macro_f1']:.3f} ({now['sentences']} sentences)\n"
        )
    return report


if __name__ == "__main__":
    main()
