"""Moving back towards the base."""

import torch
from torch import nn

from model import blend


def encoder(value: float) -> nn.Linear:
    made = nn.Linear(2, 2)
    for parameter in made.parameters():
        nn.init.constant_(parameter, value)
    return made


def test_all_moves_back_by_the_share() -> None:
    trained, base = encoder(1.0), encoder(0.0)
    blend.move_back(trained, base, 0.75)
    assert torch.equal(trained.weight, torch.full((2, 2), 0.25)) and torch.equal(trained.bias, torch.full((2,), 0.25))
    assert base.weight.sum() == 0
