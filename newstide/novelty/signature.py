"""MinHash signatures in bands: texts that share a band are worth comparing. Pure; the only importer of rensa.

Broder, "On the resemblance and containment of documents" (1997): the share of equal minima of random hashes
estimates the Jaccard similarity of two sets. Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets" (3rd ed.),
section 3.4: with b bands of r minima each, two sets of similarity s meet in at least one band with probability 1 -
(1 - s^r)^b.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from rensa import RMinHash

from newstide.novelty.notices import subject_key
from newstide.novelty.text import WEIGHTED, is_chinese, shingles

BANDS: Final = 12
ROWS: Final = 3
"""1 - (1 - s^3)^12 is 0.55 at s = 0.4, 0.80 at 0.5, 0.95 at 0.6, 0.99 at 0.7; it is 0.28 at 0.3, where templates
meet, and 0.01 at 0.1. Each band is an index that every story is written to: more of them find more and cost more."""
SEED: Final = 20_260_302
"""Bands of two processes must meet: the seed is part of what the database holds, as are the shingles. After a change of
either, a story meets none that was stored before it: for JOIN_WITHIN copies may begin clusters anew."""

Bands = tuple[int, ...]
"""BANDS signed 64-bit numbers."""

_MIX: Final = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], dtype=np.uint64)
"""Odd constants: ROWS minima of 32 bits to one number of 64 by multiplicative hashing (Knuth, TAOCP 3, section 6.4)."""
HELD_MIN, HELD_SHARE_MIN = 10, 0.72
"""Runs of two characters: some five words, and one in eight of them replaced."""


def signatures(texts: Sequence[str]) -> list[Bands]:
    """The bands of each canonical text, in order. A text shares all its bands with an equal one, in any process.

    The first band of a text with a subject (`notices.subject_key`) is that: it is met in other words too.
    """
    if not texts:
        return []
    sets = [list(shingles(text)) for text in texts]
    minima = RMinHash.digest_matrix_from_token_sets(sets, BANDS * ROWS, SEED)
    rows = np.array(minima.to_rows(), dtype=np.uint64).reshape(len(texts), BANDS, ROWS)
    keys = ((rows + np.uint64(1)) * _MIX).sum(axis=2, dtype=np.uint64)
    keys ^= keys >> np.uint64(29)
    bands = keys.view(np.int64).tolist()
    for row, text in zip(bands, texts, strict=True):
        row[0] = subject_key(text) or row[0]
    return [tuple(row) for row in bands]


def similarity(one: str, other: str) -> float:
    """The Jaccard similarity of the shingles of two canonical texts, exactly: bands only say which pairs to look at."""
    a, b = shingles(one), shingles(other)
    shared = len(a & b)
    return shared / (len(a) + len(b) - shared)


def holds(one: str, other: str) -> bool:
    """Whether the longer of two canonical Chinese texts holds nearly all that the shorter does, in any order."""
    if not (is_chinese(one) and is_chinese(other)):
        return False
    a, b = ({run for run in shingles(text) if run[0] != WEIGHTED} for text in (one, other))
    shared = len(a & b)
    return shared >= HELD_MIN and shared >= HELD_SHARE_MIN * min(len(a), len(b))
