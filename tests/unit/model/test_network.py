"""The network against transformers' own, and the shapes that it may take."""

from pathlib import Path

import pytest
import torch
from transformers import (
    AutoModel,
    BertConfig,
    BertModel,
    DistilBertConfig,
    DistilBertModel,
    RobertaConfig,
    RobertaModel,
)

from model import network
from newstide.errors import ModelInvalid
from newstide.heads import COLUMNS, count
from newstide.topics import TOPICS


def batch(seed: int = 1, texts: int = 5, length: int = 11) -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(seed)
    ids = torch.randint(5, 90, (texts, length), generator=draw)
    return ids, torch.randint(0, 2, (texts, length), generator=draw)


@pytest.fixture
def made(base: Path) -> network.Network:
    torch.manual_seed(5)
    return network.from_base(base, TOPICS, 0.1).eval()


@torch.no_grad()
@pytest.mark.parametrize("padded", [False, True])
def test_the_first_token_is_what_transformers_computes(base: Path, made: network.Network, padded: bool) -> None:
    ids, types = batch()
    mask = torch.ones_like(ids)
    if padded:
        mask[0, 7:] = mask[3, 4:] = 0
    theirs = AutoModel.from_pretrained(base, local_files_only=True).eval()
    first = theirs(input_ids=ids, token_type_ids=types, attention_mask=mask).last_hidden_state[:, 0]
    ours = made(ids, types, mask if padded else None)
    assert ours.shape == (5, count(len(TOPICS)))
    assert torch.allclose(ours, made.head(first), atol=1e-6)


@torch.no_grad()
def test_filler_changes_nothing(made: network.Network) -> None:
    ids, types = batch()
    longer = torch.cat([ids, torch.zeros(5, 6, dtype=ids.dtype)], dim=1)
    mask = torch.cat([torch.ones_like(ids), torch.zeros(5, 6, dtype=ids.dtype)], dim=1)
    more = torch.cat([types, torch.ones(5, 6, dtype=ids.dtype)], dim=1)
    assert torch.allclose(made(longer, more, mask), made(ids, types), atol=1e-6)


@torch.no_grad()
def test_the_last_layer_computes_two_rows_of_each_text(made: network.Network) -> None:
    """A single row would be added up in another order than many, and a text alone get other bits."""
    shapes: list[tuple[int, ...]] = []
    layers = made.encoder.encoder.layer
    for layer in layers:
        layer.intermediate.register_forward_hook(lambda _, given, __: shapes.append(tuple(given[0].shape)))
    ids, types = batch()
    together = made(ids, types)
    assert shapes == [(5, 11, 32), (5, 2, 32)]
    assert torch.allclose(torch.cat([made(ids[i : i + 1], types[i : i + 1]) for i in range(5)]), together, atol=1e-6)


@torch.no_grad()
def test_types_tell_the_network_where_to_look(made: network.Network) -> None:
    ids, types = batch()
    assert not torch.allclose(made(ids, types), made(ids, 1 - types), atol=1e-4)


def test_every_head_has_its_columns(made: network.Network) -> None:
    columns = [column for head in COLUMNS.values() for column in range(made.head.out_features)[head]]
    assert columns == list(range(6 + len(TOPICS)))


@pytest.mark.parametrize(("layers", "kept"), [(2, [0, 5]), (3, [0, 2, 5]), (6, [0, 1, 2, 3, 4, 5])])
def test_a_student_keeps_evenly_spaced_layers(tmp_path: Path, layers: int, kept: list[int]) -> None:
    shape = BertConfig(vocab_size=90, hidden_size=8, num_hidden_layers=6, num_attention_heads=2, intermediate_size=8)
    BertModel(shape).save_pretrained(tmp_path)
    made = network.from_base(tmp_path, TOPICS, 0.0)
    before = list(made.encoder.encoder.layer)
    network.keep_layers(made, layers)
    assert [before.index(layer) for layer in made.encoder.encoder.layer] == kept
    made.encoder.config.save_pretrained(tmp_path)
    again = network.from_config(tmp_path, TOPICS)
    again.load_state_dict(made.state_dict())
    assert torch.equal(again.eval()(*batch()), made.eval()(*batch()))


@pytest.mark.parametrize("layers", [0, 1, 3])
def test_a_student_of_too_few_or_too_many_layers_is_refused(made: network.Network, layers: int) -> None:
    with pytest.raises(ModelInvalid, match=f"{layers} layers"):
        network.keep_layers(made, layers)


@pytest.mark.parametrize(
    "encoder",
    [
        DistilBertModel(DistilBertConfig(vocab_size=90, dim=8, hidden_dim=8, n_layers=1, n_heads=2)),
        RobertaModel(
            RobertaConfig(
                vocab_size=90, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8,
                type_vocab_size=1,
            )
        ),
    ],
)  # fmt: skip
def test_an_encoder_of_another_build_is_refused(tmp_path: Path, encoder: torch.nn.Module) -> None:
    encoder.save_pretrained(tmp_path)  # type: ignore[operator]
    with pytest.raises(ModelInvalid, match="not of BERT's build"):
        network.from_base(tmp_path, TOPICS, 0.0)


def test_what_is_no_base_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelInvalid, match="not a model folder"):
        network.base_folder(str(tmp_path))


def test_positions_that_are_never_read_are_forgotten_without_a_trace(made: network.Network) -> None:
    made.eval()
    ids = torch.randint(5, 90, (2, 9), generator=torch.Generator().manual_seed(2))
    before = made(ids, torch.zeros_like(ids))
    network.keep_positions(made, 9)
    assert made.encoder.embeddings.position_embeddings.num_embeddings == 9
    assert torch.equal(made(ids, torch.zeros_like(ids)), before)


def test_dropout_is_set_everywhere(made: network.Network) -> None:
    network.set_dropout(made, 0.25)
    assert {module.p for module in made.modules() if isinstance(module, torch.nn.Dropout)} == {0.25}
