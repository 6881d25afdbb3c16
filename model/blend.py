"""Between two states of one encoder: what pre-training taught, and what the base knew before.

Pre-training on mostly Chinese text costs the encoder some of its English; a point on the line between the two states
has more of both than either end (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models").
"""

from collections.abc import Sequence
from typing import Any

import torch


@torch.no_grad()
def move_back(trained: Any, base: Any, share: float, learned: Sequence[int]) -> None:
    """Move `trained` towards `base` by `share`, in place; embedding rows in `learned`, which are new, stay."""
    table = trained.get_input_embeddings().weight
    rows = torch.tensor(list(learned), dtype=torch.long)
    kept = table[rows].clone()
    before = base.state_dict()
    for name, value in trained.state_dict().items():
        if name in before and value.is_floating_point():
            value.lerp_(before[name], share)
    table[rows] = kept
