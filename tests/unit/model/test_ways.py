"""Ways to fine-tune: what learns, what it starts as, and that what was saved is what is loaded."""

from pathlib import Path
from typing import get_args

import msgspec
import pytest
import torch
from torch.nn import functional as F

from model import inputs, learning, network, runs, tokens, train, ways
from model.network import Network
from model.runs import Way
from newstide.errors import ModelInvalid
from newstide.topics import TOPICS
from tests import tiny_model

EXTRA = {"lora": "lora_", "adalora": "lora_", "prefix": ".rows", "adapter": (".down.", ".up.")}


@pytest.fixture
def made(base: Path) -> Network:
    torch.manual_seed(5)
    return network.from_base(base, TOPICS, 0.0).eval()


@torch.no_grad()
def answer(model: Network) -> torch.Tensor:
    draw = torch.Generator().manual_seed(1)
    ids = torch.randint(5, 90, (4, 9), generator=draw)
    mask = torch.ones_like(ids)
    mask[1, 6:] = 0
    answered: torch.Tensor = model.eval()(ids, torch.randint(0, 2, (4, 9), generator=draw), mask)
    return answered


def shake(model: Network) -> None:
    """Move what learns, as a training would."""
    torch.manual_seed(6)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(0.1 * torch.randn_like(parameter))


@pytest.mark.parametrize("way", get_args(runs.Way))
def test_what_learns(made: Network, way: Way) -> None:
    everything = {name for name, _ in made.named_parameters()}
    ways.prepare(made, way, steps=20)
    learns = {name for name, parameter in made.named_parameters() if parameter.requires_grad}
    assert {"head.weight", "head.bias"} <= learns
    rest = learns - {"head.weight", "head.bias"}
    if way == "full":
        assert rest | {"head.weight", "head.bias"} == everything - {"encoder.embeddings.word_embeddings.weight"}
    elif way == "top":
        assert rest and all(name.startswith("encoder.encoder.layer.") for name in rest)
    else:
        marks = EXTRA[way]
        assert rest and all(
            any(mark in name for mark in ([marks] if isinstance(marks, str) else marks)) for name in rest
        )
    assert ways.trainable(made) == sum(p.numel() for p in made.parameters() if p.requires_grad)


def test_top_is_the_last_two_layers(tmp_path: Path) -> None:
    from transformers import BertConfig, BertModel

    shape = BertConfig(vocab_size=90, hidden_size=8, num_hidden_layers=4, num_attention_heads=2, intermediate_size=8)
    BertModel(shape).save_pretrained(tmp_path)
    made = network.from_base(tmp_path, TOPICS, 0.0)
    ways.prepare(made, "top")
    layers = made.encoder.encoder.layer
    assert [all(p.requires_grad for p in layer.parameters()) for layer in layers] == [False, False, True, True]


@pytest.mark.parametrize("way", ["full", "top", "lora", "adapter"])
def test_it_starts_as_what_it_was(made: Network, way: Way) -> None:
    before = answer(made)
    ways.prepare(made, way, steps=20)
    assert torch.allclose(answer(made), before, atol=1e-6)


def test_a_prefix_is_never_hidden(made: Network) -> None:
    before = answer(made)
    ways.prepare(made, "prefix")
    first = answer(made)
    assert not torch.allclose(first, before, atol=1e-4)
    shake(made)
    assert not torch.allclose(answer(made), first, atol=1e-4)


@pytest.mark.parametrize("way", ways.LOW_RANK)
def test_merged_weights_answer_as_the_updates_did(made: Network, way: Way) -> None:
    plain = set(made.state_dict())
    before = answer(made)
    ways.prepare(made, way, steps=20)
    shake(made)
    apart = answer(made)
    assert not torch.allclose(apart, before, atol=1e-3)
    ways.merge(made, way)
    assert torch.allclose(answer(made), apart, atol=1e-5)
    assert set(made.state_dict()) == plain


@pytest.mark.parametrize("way", get_args(runs.Way))
def test_what_was_saved_is_loaded(base: Path, made: Network, way: Way) -> None:
    ways.prepare(made, way, steps=20)
    shake(made)
    ways.merge(made, way)
    fresh = network.from_config(base, TOPICS)
    ways.restore(fresh, way)
    fresh.load_state_dict(made.state_dict())
    assert torch.equal(answer(fresh), answer(made))


def test_ada_lora_gives_rank_where_it_matters_and_remembers_it(base: Path, made: Network) -> None:
    steps = 20
    tuner = ways.prepare(made, "adalora", steps)
    optimizer = torch.optim.SGD([p for p in made.parameters() if p.requires_grad], lr=0.5)
    draw = torch.Generator().manual_seed(2)
    for step in range(1, steps + 1):
        ids = torch.randint(5, 90, (8, 9), generator=draw)
        optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(made.train()(ids, torch.zeros_like(ids))[:, :3], ids[:, 1] % 3)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        tuner.update_and_allocate(step)
    state = ways.tuner_state(tuner)
    assert state is not None
    left = sum(sum(ranks) for ranks in state["left"].values())
    assert left == 16 * len(state["left"])
    other = ways.prepare(network.from_config(base, TOPICS), "adalora", steps)
    ways.set_tuner_state(other, state)
    assert ways.tuner_state(other) == state
    assert ways.tuner_state(None) is None


@pytest.mark.parametrize("way", [way for way in get_args(runs.Way) if way != "full"])
def test_every_way_trains_resumes_and_loads(base: Path, tmp_path: Path, way: Way) -> None:
    config = tiny_model.configuration(base, way=way, epochs=2, evals_per_epoch=2, encoder_lr=5e-3)
    splits = tiny_model.splits()

    def kill(now: learning.Progress) -> None:
        if now.step == 12:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train.train(config, splits, tmp_path / "killed", kill)
    resumed = train.train(config, splits, tmp_path / "killed")
    straight = train.train(config, splits, tmp_path / "straight")
    assert resumed.best == straight.best and resumed.trainable == straight.trainable
    one, other = (torch.load(tmp_path / name / runs.BEST, weights_only=True) for name in ("killed", "straight"))
    assert all(torch.equal(one[name], other[name]) for name in other)
    loaded = train.load(tmp_path / "straight")
    rows = inputs.rows_of(tokens.read(tmp_path / "straight" / runs.TOKENIZER), splits[1])
    assert train.logits_of(loaded, rows).shape == (len(rows), 6 + len(TOPICS))
    assert train.measure(loaded, tokens.read(tmp_path / "straight" / runs.TOKENIZER), splits[1]) == straight.best


@pytest.mark.parametrize("way", ways.ADDED)
def test_a_run_with_added_parts_is_not_gone_on_from(base: Path, tmp_path: Path, way: Way) -> None:
    config = tiny_model.configuration(base, way=way, epochs=1)
    train.train(config, tiny_model.splits(), tmp_path / "first")
    again = msgspec.structs.replace(config, way="full", start=str(tmp_path / "first"))
    with pytest.raises(ModelInvalid, match="cannot be gone on from"):
        train.train(again, tiny_model.splits(), tmp_path / "second")
