"""A tiny base and a run trained on it, made once for all tests that need them."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Hugging Face encoder folder: two layers, random weights, the vocabulary that the tiny examples use."""
    import torch

    from tests import tiny_model

    torch.set_num_threads(1)
    return tiny_model.make_base(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="session")
def run(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished training run."""
    from model import train
    from tests import tiny_model

    folder = tmp_path_factory.mktemp("runs") / "tiny"
    train.train(tiny_model.configuration(base), tiny_model.splits(), folder)
    return folder
