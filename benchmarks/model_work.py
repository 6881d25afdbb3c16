"""How much arithmetic a headline takes, and how much a processor can do: the limit that no software passes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

Precision = Literal["fp32", "bf16", "int8", "fp16"]

ASSUMED_GHZ: Final = 3.5
"""A virtual machine does not tell at what clock its cores run; limits scale with it."""
# Operations of one core in one cycle (a multiplication and its addition are two). Zen 4 sends 512-bit instructions
# through 256 bits twice, Zen 5 through 512 bits once. The key is the family that the processor reports.
_ZEN_4: Final = {"fp32": 32, "bf16": 64, "int8": 128}
_ZEN_5: Final = {"fp32": 64, "bf16": 128, "int8": 256}
_PER_CYCLE: Final = {"25": ("Zen 4", _ZEN_4), "26": ("Zen 5", _ZEN_5)}


@dataclass(frozen=True, slots=True)
class Shape:
    """Of an encoder of BERT's build."""

    layers: int
    hidden: int
    feed_forward: int

    @classmethod
    def of(cls, config: Mapping[str, int]) -> Shape:
        """From a `config.json`."""
        return cls(int(config["num_hidden_layers"]), int(config["hidden_size"]), int(config["intermediate_size"]))


def operations(shape: Shape, tokens: int) -> int:
    """The fewest operations that give the first token's state of a text of so many tokens.

    2 (4 H^2 + 2 H F) + 4 H T for a token and layer; in the last layer keys and values for all tokens, the rest for one.
    """
    h, f = shape.hidden, shape.feed_forward
    layer = tokens * (2 * (4 * h * h + 2 * h * f) + 4 * h * tokens)
    last = tokens * 4 * h * h + 4 * h * h + 4 * h * f + 4 * h * tokens
    return (shape.layers - 1) * layer + last


@dataclass(frozen=True, slots=True)
class Limit:
    """What the arithmetic units of the cores allow, in operations a second, by precision; `assumption` in words."""

    per_second: Mapping[str, float]
    assumption: str

    def share(self, headlines_per_second: float, per_headline: float, precision: Precision) -> float | None:
        """The part of the limit that a rate reaches; None where the processor is not known."""
        peak = self.per_second.get(precision)
        return None if not peak else headlines_per_second * per_headline / peak


def limit(family: str, flags: Iterable[str], cores: int, ghz: float) -> Limit:
    """Of processors with AVX-512 integer products whose family is known; of others nothing is claimed."""
    if family not in _PER_CYCLE or "avx512_vnni" not in flags:
        return Limit({}, f"none: operations per cycle of this processor (family {family or '?'}) are not known")
    name, each = _PER_CYCLE[family]
    told = ", ".join(f"{precision} {count}" for precision, count in each.items())
    return Limit(
        {precision: count * cores * ghz * 1e9 for precision, count in each.items()},
        f"family {family} = {name}: operations per core and cycle {told}; {cores} cores at {ghz} GHz (assumed)",
    )


def mean_operations(shape: Shape, lengths: Sequence[int]) -> float:
    """Operations of a text of the mix; lengths in tokens."""
    return sum(operations(shape, tokens) for tokens in lengths) / len(lengths)
