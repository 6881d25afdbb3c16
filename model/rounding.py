"""How a product of activations and weights becomes one of integers with the least error. Pure: arrays in, arrays out.

An input channel of activations is divided by a factor and its weights are multiplied by it (SmoothQuant, Xiao et al.
2023): outliers move from activations, which share one step size in each token, into weights.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

STEPS: Final = 127
"""Of a signed byte, to each side of zero."""
STEPS_ABOVE: Final = 255
"""Of an unsigned byte."""
STRENGTH_WIDENING: Final = 0.5
STRENGTH_SQUARE: Final = 0.7
STRENGTH_NARROWING: Final = 0.55
"""How far outliers move, 0 not at all, 1 entirely, by the shape of the product: of those tried (0.3 to 0.8) the ones
with logits least off on validation. Where the error of a product's own outputs is least, logits are further off."""
_DAMPING: Final = 0.01
"""Share of the mean power added to each input's own, so that inputs do not make up without bound."""
_BLOCK: Final = 64
"""Inputs whose errors are passed on to all later ones at once: only a matter of speed."""
_LEAST: Final = 1e-8


@dataclass(frozen=True, slots=True)
class Columns:
    """Weights (inputs, outputs) in steps of each output."""

    integers: NDArray[np.int8]
    steps: Floats

    def floats(self) -> Floats:
        return self.integers * self.steps


def by_columns(weights: Floats) -> Columns:
    """Each weight in 127ths of the largest absolute value of its column."""
    steps = _steps(weights)
    return Columns(_nearest(weights, steps), steps)


def by_columns_together(weights: Floats, seen: Floats) -> Columns:
    """As `by_columns`, but what rounding one input's weights does to the output, later inputs' weights make up for.

    By how the inputs go together in `seen` (tokens, inputs), the strongest first (GPTQ, Frantar et al. 2023).
    """
    power = (seen.T @ seen).astype(np.float64) / len(seen)
    order = np.argsort(-np.diag(power), kind="stable")
    shares = _shares(power[np.ix_(order, order)])
    left = weights[order]
    steps = _steps(weights)
    rounded = np.empty(weights.shape, dtype=np.int8)
    for start in range(0, len(left), _BLOCK):
        end = min(start + _BLOCK, len(left))
        errors = np.empty((end - start, left.shape[1]), dtype=np.float32)
        for i in range(start, end):
            rounded[i] = _nearest(left[i], steps)
            errors[i - start] = left[i] - rounded[i] * steps
            left[i + 1 : end] -= np.outer(shares[i, i + 1 : end], errors[i - start])
        left[end:] -= shares[start:end, end:].T @ errors
    return Columns(rounded[np.argsort(order)], steps)


def _shares(power: NDArray[np.float64]) -> Floats:
    """What of an input's error each later one takes: (inputs, inputs), ones on the diagonal, zeros below."""
    power[np.diag_indices_from(power)] += max(_LEAST, _DAMPING * float(np.diag(power).mean()))
    root = np.linalg.cholesky(np.linalg.inv(power)).T
    shares: Floats = (root / np.diag(root)[:, None]).astype(np.float32)
    return shares


def factor_of(peaks: Floats, weights: Sequence[Floats], strength: float) -> Floats:
    """What each channel is divided by; `peaks` are its largest absolute values, `weights` those of all its products."""
    reach = np.maximum(np.max([np.abs(each).max(axis=1) for each in weights], axis=0), 1e-5)
    factor: Floats = np.maximum(np.maximum(peaks, 1e-5) ** strength / reach ** (1 - strength), 1e-5).astype(np.float32)
    return factor


def fit(seen: Floats, weights: Sequence[Floats], floor: float | None) -> tuple[Floats, list[Columns]]:
    """What the input's channels are divided by, and the weights of its products, multiplied by that, in integers.

    `seen`: activations (tokens, channels); `floor`: none lies below it, and they are counted from there.
    """
    counted = seen if floor is None else seen - np.float32(floor)
    factor = factor_of(np.abs(counted).max(axis=0), weights, strength_of(weights[0].shape))
    return factor, [by_columns_together(each * factor[:, None], counted / factor) for each in weights]


def strength_of(shape: tuple[int, ...]) -> float:
    """Of a product with weights of this shape, (inputs, outputs)."""
    inputs, outputs = shape
    if inputs == outputs:
        return STRENGTH_SQUARE
    return STRENGTH_WIDENING if inputs < outputs else STRENGTH_NARROWING


def _steps(weights: Floats) -> Floats:
    steps: Floats = (np.maximum(np.abs(weights).max(axis=0), _LEAST) / STEPS).astype(np.float32)
    return steps


def _nearest(weights: Floats, steps: Floats) -> NDArray[np.int8]:
    nearest: NDArray[np.int8] = np.clip(np.rint(weights / steps), -STEPS, STEPS).astype(np.int8)
    return nearest
