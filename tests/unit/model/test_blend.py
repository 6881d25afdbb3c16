"""Moving back towards the base, but for what the base never had."""

import torch
from torch import nn

from model import blend


class Encoder(nn.Module):
    def __init__(self, value: float) -> None:
        super().__init__()
        self.words, self.layer = nn.Embedding(3, 2), nn.Linear(2, 2)
        for parameter in self.parameters():
            nn.init.constant_(parameter, value)

    def get_input_embeddings(self) -> nn.Embedding:
        return self.words


def test_all_moves_back_but_the_new_rows() -> None:
    trained, base = Encoder(1.0), Encoder(0.0)
    blend.move_back(trained, base, 0.75, [2])
    assert torch.equal(trained.layer.weight, torch.full((2, 2), 0.25))
    assert trained.words.weight[:, 0].tolist() == [0.25, 0.25, 1.0]
    assert base.layer.weight.sum() == 0
