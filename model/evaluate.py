"""An artifact on the public test splits. Nothing here may be tuned to; the figures go into manifest and card."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np

from model import data, metrics, parity
from newstide.errors import ModelInvalid
from newstide.scoring.batching import score_all
from newstide.scoring.port import Scorer

TOKEN_BUDGET: Final = 1_024

# Name of the set and which rows of the test file it takes; in the order of the card.
SETS: Final[dict[str, Callable[[data.Row], bool]]] = {
    "tfns": lambda row: row.source == "tfns",
    "fpb_50": lambda row: row.source == "fpb",
    "fpb_66": lambda row: row.source == "fpb" and row.agree >= 66,
    "fpb_75": lambda row: row.source == "fpb" and row.agree >= 75,
    "fpb_100": lambda row: row.source == "fpb" and row.agree >= 100,
    "gold_direction": lambda row: row.source == "gold",
    "stockemotions": lambda row: row.source == "stockemotions",
}


def evaluate(scorer: Scorer, split: data.Split, fp32: Path | None = None) -> dict[str, Any]:
    """Scores on each test set; with the fp32 graph of the same model also the share of equal labels on all texts.

    Plain values, ready for JSON. The row order of the split does not change a figure.
    """
    texts = [row.text for row in split.rows]
    probabilities = score_all(scorer, texts, TOKEN_BUDGET)
    truth = np.array([row.label for row in split.rows], dtype=np.int64)
    report: dict[str, Any] = {"fingerprint": split.fingerprint, "sets": {}}
    for name, takes in SETS.items():
        chosen = np.array([takes(row) for row in split.rows])
        if chosen.any():
            report["sets"][name] = rounded(
                asdict(metrics.measure(probabilities[chosen], truth[chosen], tuple(scorer.labels)))
            )
    if fp32 is not None:
        report["fp32_int8_agreement"] = round(_agreement(scorer, texts, probabilities, fp32), 4)
        report["fp32_int8_texts"] = len(texts)
    return report


def rounded(value: Any) -> Any:
    """Floats to four places, all the way down: more would be noise in a manifest."""
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    return [rounded(each) for each in value] if isinstance(value, list) else value


def _agreement(scorer: Scorer, texts: Sequence[str], probabilities: metrics.Floats, fp32: Path) -> float:
    try:
        graph = parity.Graph(fp32.read_bytes())
    except Exception as error:  # onnxruntime has no common base class of its own
        raise ModelInvalid(
            f"cannot read the fp32 graph {fp32.name}", why=str(error).splitlines()[0], fix="export the run again"
        ) from error
    encoded = [each.token_ids for each in scorer.encode(texts)]
    kept = [i for i, ids in enumerate(encoded) if ids]
    return parity.agreement(graph.logits([encoded[i] for i in kept]), probabilities[kept])
