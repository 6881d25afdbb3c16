"""What a training run keeps: the best weights, and all that it needs to go on after a kill as if nothing had been."""

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from model import runs, ways
from model.network import Network


@dataclass(frozen=True, slots=True)
class Parts:
    """What learns. `average` follows `model` smoothly; it is what is measured and kept, for it generalises better."""

    model: Network
    average: Network
    optimizer: Any
    scheduler: Any
    tuner: Any


@dataclass(slots=True)
class State:
    """What changes while training; all of it is in the checkpoint."""

    step: int = 0
    best_step: int = 0
    best: float = -1.0
    stale: int = 0


def keep(folder: Path, parts: Parts, state: State, score: float, way: runs.Way) -> None:
    """Write `last.pt`, and before it `best.pt` when the score is the best so far; else the state grows stale."""
    if score > state.best:
        state.best, state.best_step, state.stale = score, state.step, 0
        merged = copy.deepcopy(parts.average)
        ways.merge(merged, way)
        runs.save(folder / runs.BEST, merged.state_dict())
    else:
        state.stale += 1
    runs.save(
        folder / runs.LAST,
        {
            "model": parts.model.state_dict(),
            "average": parts.average.state_dict(),
            "optimizer": parts.optimizer.state_dict(),
            "scheduler": parts.scheduler.state_dict(),
            "tuner": ways.tuner_state(parts.tuner),
            "random": torch.get_rng_state(),
            "state": [state.step, state.best_step, state.best, state.stale],
        },
    )


def resume(folder: Path, parts: Parts) -> State:
    """Put the parts back to where `last.pt` left them; where there is none this is the start."""
    path = folder / runs.LAST
    if not path.is_file():
        return State()
    kept = runs.restore(path)
    parts.model.load_state_dict(kept["model"])
    parts.average.load_state_dict(kept["average"])
    parts.optimizer.load_state_dict(kept["optimizer"])
    parts.scheduler.load_state_dict(kept["scheduler"])
    ways.set_tuner_state(parts.tuner, kept["tuner"])
    torch.set_rng_state(kept["random"])
    step, best_step, best, stale = kept["state"]
    return State(int(step), int(best_step), float(best), int(stale))
