"""What pre-training and fine-tuning share: where a run is, its optimizer, and its rates over the steps."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run is. `measured`, after a measurement: figures on examples held back, by name."""

    step: int
    steps: int
    loss: float
    measured: dict[str, float] | None


def optimizer(
    parameters: Iterable[tuple[Tensor, float, float]], steps: int, warmup_share: float, least: float = 0.0
) -> tuple[Any, Any]:
    """AdamW and its schedule for parameters with their rate and weight decay.

    Rates rise linearly over the first share of the steps, then fall linearly to the share `least` of themselves.
    """
    groups: dict[tuple[float, float], list[Tensor]] = {}
    for parameter, rate, decay in parameters:
        groups.setdefault((rate, decay), []).append(parameter)
    made = torch.optim.AdamW(
        [{"params": members, "lr": rate, "weight_decay": decay} for (rate, decay), members in groups.items()],
        fused=True,
    )
    warmup = max(1, round(steps * warmup_share))

    def factor(step: int) -> float:
        return (step + 1) / warmup if step < warmup else max(least, (steps - step) / max(1, steps - warmup))

    return made, torch.optim.lr_scheduler.LambdaLR(made, factor)
