"""Products in integers: what rounding costs, and what is made up for."""

import numpy as np
import pytest
from numpy.typing import NDArray

from model import rounding

INPUTS, OUTPUTS = 96, 32


@pytest.fixture(scope="module")
def weights() -> NDArray[np.float32]:
    return np.random.default_rng(1).normal(size=(INPUTS, OUTPUTS)).astype(np.float32)


@pytest.fixture(scope="module")
def seen() -> NDArray[np.float32]:
    """Activations whose channels go together, as those of a network do; one of them is an outlier."""
    draw = np.random.default_rng(2)
    found = draw.normal(size=(4_000, 12)) @ draw.normal(size=(12, INPUTS)) + draw.normal(size=(4_000, INPUTS)) / 4
    found[:, 7] *= 40
    return found.astype(np.float32)


def _off(seen: NDArray[np.float32], one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    return float(np.square(seen @ one - seen @ other).mean())


def test_every_weight_is_within_half_a_step(weights: NDArray[np.float32]) -> None:
    columns = rounding.by_columns(weights)
    assert columns.integers.dtype == np.int8 and np.abs(columns.integers).max(axis=0).tolist() == [127] * OUTPUTS
    assert (np.abs(columns.floats() - weights) <= columns.steps * 0.5001).all()


def test_a_column_of_zeros_stays_one() -> None:
    zeros = np.zeros((3, 2), dtype=np.float32)
    assert np.array_equal(rounding.by_columns(zeros).floats(), zeros)
    assert np.array_equal(rounding.by_columns_together(zeros, np.eye(3, dtype=np.float32)).floats(), zeros)


def test_inputs_that_have_nothing_in_common_make_up_for_nothing(weights: NDArray[np.float32]) -> None:
    together = rounding.by_columns_together(weights, np.diag(np.linspace(0.1, 9, INPUTS)).astype(np.float32))
    assert np.array_equal(together.integers, rounding.by_columns(weights).integers)


def test_rounded_together_the_output_is_less_off_on_other_texts(
    weights: NDArray[np.float32], seen: NDArray[np.float32]
) -> None:
    fitted, others = seen[::2], seen[1::2]
    together = rounding.by_columns_together(weights, fitted)
    assert _off(others, together.floats(), weights) < _off(others, rounding.by_columns(weights).floats(), weights) / 4


def test_inputs_that_are_always_nought_are_rounded_all_the_same(weights: NDArray[np.float32]) -> None:
    together = rounding.by_columns_together(weights, np.zeros((5, INPUTS), dtype=np.float32))
    assert np.array_equal(together.integers, rounding.by_columns(weights).integers)


@pytest.mark.parametrize("floor", [None, -0.17])
def test_the_fit_moves_outliers_and_keeps_the_function(
    weights: NDArray[np.float32], seen: NDArray[np.float32], floor: float | None
) -> None:
    inputs = seen if floor is None else np.maximum(seen, np.float32(floor))
    factor, (one, other) = rounding.fit(inputs, [weights, weights[:, ::-1]], floor)
    assert np.array_equal(one.integers, other.integers[:, ::-1])
    divided = np.abs(inputs / factor).max(axis=0)
    assert divided.max() / np.median(divided) < np.abs(inputs).max() / np.median(np.abs(inputs).max(axis=0)) / 4
    assert _off(inputs, one.floats() / factor[:, None], weights) < 1e-3 * float(np.square(inputs @ weights).mean())


def test_a_strength_for_each_shape() -> None:
    found = [rounding.strength_of(shape) for shape in ((4, 8), (4, 4), (8, 4))]
    assert found == [rounding.STRENGTH_WIDENING, rounding.STRENGTH_SQUARE, rounding.STRENGTH_NARROWING]
