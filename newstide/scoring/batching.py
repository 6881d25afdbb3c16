"""Cutting texts into batches that need no padding. Pure.

Texts of one length share a batch, so a batch holds no filler: nothing is computed in vain, and no answer can depend
on how far a neighbour stretched the batch.
"""

from collections.abc import Sequence

from newstide.scoring.port import Encoded, Opinions, Scorer, no_opinions


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


def score_all(scorer: Scorer, texts: Sequence[str], token_budget: int) -> Opinions:
    """What the model says of all stories, in input order, scored in batches within the budget."""
    return score_encoded(scorer, scorer.encode(texts), token_budget)


def score_encoded(scorer: Scorer, encoded: Sequence[Encoded], token_budget: int) -> Opinions:
    """As `score_all`, of passes of any kind: about stories, about companies, or both.

    Equal passes are scored once: their answers are bit-identical by the scorer's promise, and a fifth of a wire's
    stream are verbatim copies that come together.
    """
    places: dict[Encoded, int] = {}
    where = [places.setdefault(one, len(places)) for one in encoded]
    distinct = list(places)
    out = no_opinions(len(distinct), len(scorer.topics))
    for batch in cut(distinct, token_budget):
        found = scorer.score([distinct[i] for i in batch])
        for whole, part in zip(out, found, strict=True):
            whole[batch] = part
    return Opinions(*(rows[where] for rows in out))
