"""The four-bit file of the packaged base: read as it was written, refused when another, sensible when real."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from model import packed, vocabulary
from newstide.errors import ModelInvalid

WIDTH, FORWARD, POSITIONS = 32, 64, 8
PIECES = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁涨", -3.5), ("s", -4.0), ("<mask>", 0.0)]


def weights() -> dict[str, NDArray[np.float32]]:
    """Of one layer; matrices hold what four bits can say exactly."""
    draw = np.random.default_rng(5)

    def matrix(outputs: int, inputs: int) -> NDArray[np.float32]:
        return (draw.integers(-8, 8, (outputs, inputs)) / 4).astype(np.float32)

    def row(numbers: int) -> NDArray[np.float32]:
        return draw.standard_normal(numbers).astype(np.float32)

    found = {"emb.word": matrix(len(PIECES), WIDTH), "emb.pos": row(POSITIONS * WIDTH), "emb.type": row(2 * WIDTH)}
    found |= {"emb.ln.w": row(WIDTH), "emb.ln.b": row(WIDTH)}
    for name, outputs, inputs in (
        *((each, WIDTH, WIDTH) for each in ("q", "k", "v", "ao")),
        ("fi", FORWARD, WIDTH),
        ("fo", WIDTH, FORWARD),
    ):
        found[f"l0.{name}.w"], found[f"l0.{name}.b"] = matrix(outputs, inputs), row(outputs)
    for name in ("aln", "oln"):
        found[f"l0.{name}.w"], found[f"l0.{name}.b"] = row(WIDTH), row(WIDTH)
    return found


def four_bits(matrix: NDArray[np.float32]) -> bytes:
    nibbles = (matrix.reshape(-1, 32) * 4 + 8).astype(np.uint8)
    bytes_ = nibbles[:, :16] | (nibbles[:, 16:] << 4)
    return b"".join(struct.pack("<e", 0.25) + row.tobytes() for row in bytes_)


def write(path: Path) -> dict[str, NDArray[np.float32]]:
    """A file of the format, with two characters to fold."""
    found = weights()
    head = struct.pack("<8i", 1, WIDTH, 1, 4, FORWARD, len(PIECES), POSITIONS, 2) + struct.pack("<fi", 1e-12, 32)
    names = [name.encode() for name, _ in PIECES]
    ends = np.cumsum([0, *map(len, names)], dtype="<u4")
    head += struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, int(ends[-1]))
    head += ends.tobytes() + np.array([score for _, score in PIECES], "<f4").tobytes() + b"".join(names)
    folding = struct.pack("<IBI", 0xFF0C, 1, 0x2C) + struct.pack("<IB", 0xAD, 0)
    head += struct.pack("<iI", 2, len(folding)) + folding
    blobs = {
        name: four_bits(value) if value.ndim == 2 else value.astype("<f4").tobytes() for name, value in found.items()
    }
    at = 4 + len(head) + 4 + sum(2 + len(name) + 21 for name in found)
    directory = struct.pack("<i", len(found))
    for name, value in found.items():
        directory += struct.pack("<H", len(name)) + name.encode()
        directory += struct.pack("<BIQQ", value.ndim == 2, value.size, at, len(blobs[name]))
        at += len(blobs[name])
    path.write_bytes(b"E5S1" + head + directory + b"".join(blobs.values()))
    return found


def test_what_was_written_is_read(tmp_path: Path) -> None:
    written = write(tmp_path / "small.bin")
    found = packed.read(tmp_path / "small.bin")
    assert found.pieces == PIECES
    assert found.shape["num_hidden_layers"] == 1 and found.epsilon == pytest.approx(1e-12)
    for name, key in (
        ("emb.word", "embeddings.word_embeddings.weight"),
        ("l0.fo.w", "encoder.layer.0.output.dense.weight"),
        ("l0.aln.b", "encoder.layer.0.attention.output.LayerNorm.bias"),
    ):
        assert np.array_equal(found.weights[key], written[name]), name
    model = packed.encoder(found)
    layer = model.encoder.layer[0].intermediate.dense
    assert torch.equal(layer.weight, torch.from_numpy(written["l0.fi.w"]))
    assert model(torch.tensor([[0, 4, 2]])).last_hidden_state.shape == (1, 3, WIDTH)


@pytest.mark.parametrize("damage", [lambda raw: b"GGUF" + raw[4:], lambda raw: raw[:200], lambda raw: raw[:-700]])
def test_another_file_is_refused(tmp_path: Path, damage: Any) -> None:
    path = tmp_path / "small.bin"
    write(path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ModelInvalid, match="not the packed encoder"):
        packed.read(path)


def test_a_package_that_is_not_there_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "PACKAGE", "no_such_package")
    with pytest.raises(ModelInvalid, match="not installed"):
        packed.locate()


def test_the_real_base_brings_equal_meanings_of_both_languages_together() -> None:
    found = packed.read(packed.locate())
    model, tokenizer = packed.encoder(found), vocabulary.cutter(found.pieces, 3)

    @torch.no_grad()
    def meaning(text: str) -> torch.Tensor:
        ids = tokenizer.encode(f"query: {text}", add_special_tokens=False).ids
        states: torch.Tensor = model(torch.tensor([[0, *ids, 2]])).last_hidden_state[0].mean(dim=0)
        return torch.nn.functional.normalize(states, dim=0)

    profit, gain, strike = map(meaning, ("the company's profit fell", "公司利润下降", "pilots vote to strike"))
    assert float(profit @ gain) > float(profit @ strike) + 0.05
