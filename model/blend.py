"""Between two states of one encoder: what pre-training taught, and what the base knew before.

Pre-training costs the encoder some of what it knew; a point on the line between the two states has more of both than
either end (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models").
"""

from typing import Any

import torch


@torch.no_grad()
def move_back(trained: Any, base: Any, share: float) -> None:
    """Move `trained` towards `base` by `share`, in place."""
    before = base.state_dict()
    for name, value in trained.state_dict().items():
        if name in before and value.is_floating_point():
            value.lerp_(before[name], share)
