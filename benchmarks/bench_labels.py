"""What a label is worth that the queue of `newstide label next` asked for, against one drawn at random.

    python -m benchmarks.bench_labels [--encoder runs/pretrain/encoder] [--json]

Headlines, tweets, posts and passages with known labels play a stream without: a label is seen when it is asked for. A
linear head on the first-token states of a fixed encoder is fitted again after every 100 labels; the queue ranks what is
left with the code that ships (`newstide.labelling.questions`). Three ways to ask: at random; by the opinion of one head
(`entropy`); by those of two, the second fitted on a draw of the same labels with repetition (`queue`, Abe and Mamitsuka
1998). All start from the same 50 random labels of a seed. Macro-F1 is the mean of both languages on the validation
splits. The encoder should have seen no labels: a fine-tuned run has learned those of the pool, and the report says so.

States are computed once and kept beside the weights. Needs the data folder and the extra `train`.
"""

import argparse
import json
import os
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Hundreds of small heads: a second thread costs them more than it brings. Torch gets its own number below.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from numpy.typing import NDArray

from model import data, examples, fewshot, inputs, judging, network, runs, tokens, train
from model.calibrate import FLOORS
from model.examples import Example
from newstide.labelling import Candidate, Opinion, questions, text_hash_of
from newstide.scoring.port import label_of
from newstide.text import language_of
from newstide.topics import TOPICS

SOURCES = ("tfns", "sentfin", "finfe", "finne")
POOL = (examples.EN_TRAIN, examples.ZH_TRAIN)
HELD = (examples.EN_VALIDATION, examples.ZH_VALIDATION)
STRATEGIES = ("random", "entropy", "queue")
SIZES = (50, 100, 200, 400, 800, 1_600)
ROUND = 100
"""Labels between two fits: the queue is ranked anew after each."""
SHOWN = (400, 800)
"""Labels for which the summary says what random needs."""
SEEDS = 5
MAX_TOKENS = 128
# Of scikit-learn's `C`: with fewer labels than weights, weights must be held back.
STRENGTH = 0.02

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Curve = dict[int, dict[str, float]]


@dataclass(frozen=True, slots=True)
class Texts:
    """n texts with their labels (0 negative, 1 neutral, 2 positive), languages and, once read, states (n, h)."""

    texts: list[str]
    labels: Ints
    languages: NDArray[np.str_]
    states: Floats


def labelled(root: Path, names: Sequence[str], limit: int) -> list[Example]:
    """At most `limit` texts of each file with one clear label, of the sets with stories, drawn once for all."""
    chosen: list[Example] = []
    for name in names:
        found = examples.chinese(root, name) if "/zh_" in name else examples.english(root, name)
        stories = (e for e in found if e.entity is None and e.source in SOURCES and max(e.sentiment or (0.0,)) == 1)
        rows = list({story.text: story for story in stories}.values())
        random.Random(7).shuffle(rows)  # noqa: S311 - a shuffle, not a secret
        chosen += rows[:limit]
    return chosen


def read(encoder: Path, rows: Sequence[Example]) -> Texts:
    """The rows with their states, from the cache where it holds them."""
    texts = [row.text for row in rows]
    weights = next(path for path in (encoder / runs.BEST, encoder / "model.safetensors") if path.is_file())
    cache = encoder / f"states-{data.fingerprint([tokens.hash_of(weights), *texts])[:16]}.npy"
    if not cache.is_file():
        tokenizer = tokens.read(encoder / tokens.FILE)
        tokenizer.enable_truncation(max_length=MAX_TOKENS, strategy="only_first")
        model = train.load(encoder) if weights.name == runs.BEST else network.from_base(encoder, TOPICS, 0.0)
        asked = inputs.rows_of(tokenizer, rows)
        np.save(cache, fewshot.states_of(model, asked, bf16=True))
    return Texts(
        texts,
        np.array([row.label for row in rows]),
        np.array([language_of(text) for text in texts]),
        np.load(cache),
    )


def ask(pool: Texts, known: list[int], shares: Sequence[Floats], count: int, seed: int) -> list[int]:
    """The places that the queue would ask about next; `shares`: (n, 3) of each head that has an opinion."""
    columns = [[tuple(row) for row in each.tolist()] for each in shares]
    left = set(range(len(pool.texts))) - set(known)
    candidates = [
        Candidate(
            str(i),
            pool.texts[i],
            tuple(Opinion(str(k), rows[i], label_of(rows[i], FLOORS["story"])) for k, rows in enumerate(columns)),
        )
        for i in sorted(left)
    ]
    hidden = {text_hash_of(pool.texts[i]) for i in known}
    return [int(question.candidate.story_id) for question in questions(candidates, hidden, count, seed)]


def fit(states: Floats, labels: Ints, places: Sequence[int]) -> Any:
    """A head: multinomial logistic regression on the labels at these places."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=STRENGTH, max_iter=300, tol=1e-3).fit(states[places], labels[places])


def shares_of(head: Any, states: Floats) -> Floats:
    """Probabilities (n, 3); a label that the head never saw has none."""
    out = np.zeros((len(states), 3), dtype=np.float32)
    out[:, head.classes_] = head.predict_proba(states)
    return out


def curve(pool: Texts, held: Texts, strategy: str, seed: int) -> Curve:
    """Macro-F1 of each language, and their mean, at each of SIZES."""
    draw = random.Random(seed)  # noqa: S311 - a sample, not a secret
    order = draw.sample(range(len(pool.texts)), len(pool.texts))
    known, found = order[: SIZES[0]], Curve()
    while True:
        head = fit(pool.states, pool.labels, known)
        if len(known) in SIZES:
            found[len(known)] = judged(shares_of(head, held.states).argmax(axis=1), held)
        if len(known) >= min(SIZES[-1], len(pool.texts)):
            return found
        count = min(ROUND, *(size - len(known) for size in SIZES if size > len(known)))
        if strategy == "random":
            known = order[: len(known) + count]
            continue
        heads = [head]
        if strategy == "queue":
            heads.append(fit(pool.states, pool.labels, draw.choices(known, k=len(known))))
        known = known + ask(pool, known, [shares_of(each, pool.states) for each in heads], count, seed)


def judged(called: Ints, held: Texts) -> dict[str, float]:
    """Macro-F1 by language, and the mean."""
    each = {
        str(language): judging.macro_f1(called[held.languages == language], held.labels[held.languages == language])
        for language in np.unique(held.languages)
    }
    return {**each, "macro_f1": float(np.mean(list(each.values())))}


def summary(curves: Sequence[Curve]) -> dict[str, dict[str, float]]:
    """Mean, least and most macro-F1 of the seeds at each size, and the means of the languages."""
    report = {}
    for size in curves[0]:
        points = [each[size] for each in curves]
        values = [point["macro_f1"] for point in points]
        means = {name: float(np.mean([point[name] for point in points])) for name in points[0]}
        figures = {**means, "low": min(values), "high": max(values), "deviation": float(np.std(values))}
        report[str(size)] = {name: round(value, 4) for name, value in figures.items()}
    return report


def labels_for(goal: float, means: dict[str, dict[str, float]]) -> int | None:
    """How many labels a curve needs to reach a macro-F1: by lines between its points, over the logarithm of the labels.

    None where it never does.
    """
    points = [(int(size), figures["macro_f1"]) for size, figures in means.items()]
    if points[0][1] >= goal:
        return points[0][0]
    for (less, below), (more, above) in zip(points, points[1:], strict=False):
        if above >= goal:
            return round(float(less * (more / less) ** ((goal - below) / (above - below))))
    return None


def measure(encoder: Path, root: Path, limit: int, seeds: int) -> dict[str, Any]:
    """All strategies and seeds."""
    started = time.monotonic()
    torch.set_num_threads(2)
    held_rows = labelled(root, HELD, limit)
    aside = {row.text for row in held_rows}
    held = read(encoder, held_rows)
    pool = read(encoder, [row for row in labelled(root, POOL, limit) if row.text not in aside])
    mean, spread = pool.states.mean(axis=0), pool.states.std(axis=0) + 1e-6
    pool, held = (
        Texts(each.texts, each.labels, each.languages, (each.states - mean) / spread) for each in (pool, held)
    )
    means = {strategy: summary([curve(pool, held, strategy, seed) for seed in range(seeds)]) for strategy in STRATEGIES}
    return {
        "benchmark": "labels",
        "encoder": encoder.name,
        "encoder_saw_labels": (encoder / runs.BEST).is_file(),
        "pool": len(pool.texts),
        "held": len(held.texts),
        "seeds": seeds,
        "macro_f1": means,
        "random_labels_for": {
            name: {size: labels_for(point["macro_f1"], means["random"]) for size, point in means[name].items()}
            for name in STRATEGIES[1:]
        },
        "seconds": round(time.monotonic() - started, 1),
    }


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", type=Path, default=Path("runs/pretrain/encoder"))
    parser.add_argument("--texts", type=int, default=6_000, help="of the pool, at most so many a language")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    report = measure(given.encoder, data.data_root(), given.texts, given.seeds)
    if given.json:
        sys.stdout.write(json.dumps(report) + "\n")
        return report
    sys.stdout.write(f"macro-F1, mean (least to most) of {given.seeds} seeds; {report['pool']:,} texts to ask about\n")
    sys.stdout.write("labels  " + "".join(f"{name:<24}" for name in STRATEGIES) + "\n")
    for size in SIZES:
        points = (report["macro_f1"][name][str(size)] for name in STRATEGIES)
        cells = (f"{each['macro_f1']:.3f} ({each['low']:.3f} to {each['high']:.3f})" for each in points)
        sys.stdout.write(f"{size:>6}  " + "".join(f"{cell:<24}" for cell in cells) + "\n")
    for name, needed in report["random_labels_for"].items():
        for size in SHOWN:
            than = f"{needed[str(size)]:,}" if needed[str(size)] else f"more than {SIZES[-1]:,}"
            sys.stdout.write(f"what {name} reaches with {size} labels, random reaches with {than}\n")
    if report["encoder_saw_labels"]:
        sys.stdout.write("the encoder was trained on labels of this pool: these figures flatter random\n")
    return report


if __name__ == "__main__":
    main()
