"""Which texts go into which training batch. Pure: the same seed gives the same plan."""

import random
from collections.abc import Sequence

# Texts are sorted by length within pools of this many batches: little padding, and still a different mix each epoch.
POOL_BATCHES = 40


def plan(lengths: Sequence[int], batch_texts: int, seed: int) -> list[list[int]]:
    """Every index once, in batches of texts of similar length, the batches in random order."""
    draw = random.Random(seed)  # noqa: S311 - a shuffle, not a secret
    order = list(range(len(lengths)))
    draw.shuffle(order)
    pool = batch_texts * POOL_BATCHES
    batches = []
    for start in range(0, len(order), pool):
        part = sorted(order[start : start + pool], key=lambda i: lengths[i])
        batches += [part[at : at + batch_texts] for at in range(0, len(part), batch_texts)]
    draw.shuffle(batches)
    return batches


def pad(rows: Sequence[Sequence[int]], filler: int) -> tuple[list[list[int]], list[list[int]]]:
    """Rows filled up to the longest, and the mask that tells ids (1) from filler (0)."""
    width = max(len(row) for row in rows)
    ids = [[*row, *[filler] * (width - len(row))] for row in rows]
    return ids, [[1] * len(row) + [0] * (width - len(row)) for row in rows]


def by_length(lengths: Sequence[int], batch_texts: int) -> list[list[int]]:
    """Every index once, in batches of one exact length: no filler, so no mask."""
    members: dict[int, list[int]] = {}
    for i, length in enumerate(lengths):
        members.setdefault(length, []).append(i)
    return [each[at : at + batch_texts] for each in members.values() for at in range(0, len(each), batch_texts)]
