"""Cutting texts into batches that need no padding. Pure.

Texts of one length share a batch, so a batch holds no filler: nothing is computed in vain, and no answer can depend
on how far a neighbour stretched the batch.
"""

from collections.abc import Sequence

import numpy as np

from newstide.scoring.port import Encoded, Probabilities, Scorer


def cut(encoded: Sequence[Encoded], token_budget: int) -> list[list[int]]:
    """Indices in batches: shortest first, one length in each, length x count within the budget.

    A single text longer than the budget is a batch of its own: the tokenizer has already bounded it. Every index
    appears exactly once; equal lengths keep their order. Raises ValueError when the budget is not positive.
    """
    if token_budget < 1:
        raise ValueError(f"token budget {token_budget} is not positive")
    batches: list[list[int]] = []
    length = -1
    for i in sorted(range(len(encoded)), key=lambda i: len(encoded[i])):
        if len(encoded[i]) != length or (len(batches[-1]) + 1) * length > token_budget:
            length = len(encoded[i])
            batches.append([])
        batches[-1].append(i)
    return batches


def score_all(scorer: Scorer, texts: Sequence[str], token_budget: int) -> Probabilities:
    """Probabilities of all texts, in input order, scored in batches within the budget."""
    encoded = scorer.encode(texts)
    out = np.zeros((len(texts), len(scorer.labels)), dtype=np.float32)
    for batch in cut(encoded, token_budget):
        out[batch] = scorer.score([encoded[i] for i in batch])
    return out
