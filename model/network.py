"""The network: an encoder, its first token's state, one linear head for all tasks. Imports torch; load it lazily."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel

from newstide import heads
from newstide.errors import ModelInvalid

# The text, and the company asked for.
_TOKEN_TYPES: Final = 2


class Network(nn.Module):
    """Token ids and types (and, when padded, a mask) in; logits of all tasks out, columns as in `newstide.heads`.

    Only the first token is read, so the last layer computes only what that token needs: its query, its output and its
    feed-forward, with keys and values of all tokens. Exact, and about a seventh of the work. It is computed twice (two
    equal rows for each text), because kernels for a single row add up in another order than kernels for many, and the
    same text must get the same answer to the last bit whether it is alone in its batch or not.
    """

    def __init__(self, encoder: Any, topics: int, dropout: float) -> None:
        super().__init__()
        self.encoder = encoder
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(int(encoder.config.hidden_size), heads.count(topics))

    def forward(self, input_ids: Tensor, token_type_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        """Logits, shape (texts, 6 + topics). Without a mask every position counts: give texts of one length."""
        states = self._first_token(input_ids, token_type_ids, attention_mask)
        logits: Tensor = self.head(self.dropout(states))
        return logits[:, 0]

    def _first_token(self, ids: Tensor, types: Tensor, mask: Tensor | None) -> Tensor:
        states = self.encoder.embeddings(input_ids=ids, token_type_ids=types)
        bias = (
            None if mask is None else (1.0 - mask[:, None, None, :].to(states.dtype)) * torch.finfo(torch.float32).min
        )
        layers = self.encoder.encoder.layer
        for layer in layers[:-1]:
            states = _layer(layer, states, states, bias)
        return _layer(layers[-1], states[:, [0, 0]], states, bias)


def _layer(layer: Any, asking: Tensor, states: Tensor, bias: Tensor | None) -> Tensor:
    """One BERT layer for the rows of `asking`, which look at all of `states`; dropout included."""
    attention = layer.attention.self
    heads = attention.num_attention_heads

    def split(x: Tensor) -> Tensor:
        parted: Tensor = x.unflatten(-1, (heads, -1))  # type: ignore[no-untyped-call]
        return parted.transpose(1, 2)

    query, key, value = split(attention.query(asking)), split(attention.key(states)), split(attention.value(states))
    weights = query @ key.transpose(-1, -2) * (query.shape[-1] ** -0.5)
    if bias is not None:
        # Learned keys may stand before those of the text (`ways`, prefix); they are never hidden.
        weights = weights + nn.functional.pad(bias, (key.shape[2] - bias.shape[-1], 0))
    weights = torch.softmax(weights, dim=-1)
    context = (attention.dropout(weights) @ value).transpose(1, 2).flatten(2)
    asked = layer.attention.output(context, asking)
    done: Tensor = layer.output(layer.intermediate(asked), asked)
    return done


def base_folder(base: str) -> Path:
    """The folder of `--base`. Raises ModelInvalid when it holds no model."""
    folder = Path(base)
    if not (folder / "config.json").is_file():
        raise ModelInvalid(
            f"{base!r} is not a model folder",
            why="no config.json was found there",
            fix="make one with `newstide model base`, or give the folder of a Hugging Face encoder",
        )
    return folder


def from_base(folder: Path, topics: Sequence[str], dropout: float) -> Network:
    """A network with the base's weights and a fresh head. Raises ModelInvalid for an encoder of another build."""
    encoder = encoder_of(folder, _config(folder, dropout))
    return Network(_bert_like(encoder, folder), len(topics), dropout)


def encoder_of(folder: Path, config: Any = None) -> Any:
    """The encoder in a Hugging Face folder. Raises ModelInvalid when it cannot be read."""
    with _readable(folder):
        return AutoModel.from_pretrained(folder, config=config, local_files_only=True, dtype=torch.float32)


def from_config(folder: Path, topics: Sequence[str], dropout: float = 0.0) -> Network:
    """A network of the shape that `folder/config.json` describes, with random weights."""
    return Network(_bert_like(AutoModel.from_config(_config(folder, dropout)), folder), len(topics), dropout)


def keep_layers(network: Network, layers: int) -> None:
    """Make the network a shallower one in place, of evenly spaced layers of it, the first and the last among them."""
    found = network.encoder.encoder.layer
    if not 2 <= layers <= len(found):
        raise ModelInvalid(f"a student of {layers} layers cannot be made of {len(found)}", fix="give 2 or more")
    places = [round(i * (len(found) - 1) / (layers - 1)) for i in range(layers)]
    network.encoder.encoder.layer = nn.ModuleList(found[place] for place in places)
    network.encoder.config.num_hidden_layers = layers


def keep_positions(network: Network, tokens: int) -> None:
    """Forget, in place, positions behind the longest text that will be read; answers stay the same to the last bit."""
    embeddings = network.encoder.embeddings
    rows = embeddings.position_embeddings.weight[:tokens].detach().clone()
    embeddings.position_embeddings = nn.Embedding.from_pretrained(rows, freeze=False)  # type: ignore[no-untyped-call]
    embeddings.position_ids = embeddings.position_ids[:, :tokens]


def set_dropout(network: Network, share: float) -> None:
    """Set every dropout of the network."""
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.p = share


def _bert_like(encoder: Any, folder: Path) -> Any:
    """`Network` relies on BERT's build of layers, and on token types, by which it is told the company asked for."""
    try:
        attention = encoder.encoder.layer[0].attention
        required = (attention.self.query, attention.output, encoder.encoder.layer[0].intermediate, encoder.embeddings)
        if encoder.embeddings.token_type_embeddings.num_embeddings < _TOKEN_TYPES:
            raise TypeError("it knows one type of token only")
    except (AttributeError, IndexError, TypeError) as error:
        raise ModelInvalid(
            f"the encoder in {folder.name} is not of BERT's build",
            why=f"{type(encoder).__name__}: {error}",
            fix="use a BERT encoder, or a model derived from one",
        ) from error
    del required
    encoder.pooler = None
    return encoder


def _config(folder: Path, dropout: float) -> Any:
    with _readable(folder):
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
    config.hidden_dropout_prob = dropout
    config.attention_probs_dropout_prob = dropout
    return config


@contextmanager
def _readable(folder: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # the libraries raise many kinds for a bad file
        raise ModelInvalid(
            f"the encoder in {folder} cannot be read",
            why=(str(error).splitlines() or [type(error).__name__])[0],
            fix="make it again, with `newstide model base` or the command that wrote the run",
        ) from error
