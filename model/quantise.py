"""int8 graphs from an fp32 graph. One recipe ships (`SHIPPED`); the others are kept to be measured against it.

What every recipe but `dynamic` promises: integers are exact and each step size is either fixed beforehand or belongs to
one token, so a text's answer does not depend on its batch. `dynamic` finds one step size for the whole batch while
running and therefore does.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal, get_args

import numpy as np
import onnx
from onnx import ModelProto

from model import graphs, integers, rounding, twofold
from model.inputs import Row

Recipe = Literal[
    "dynamic",
    "static",
    "static_but_narrow",
    "static_smooth",
    "static_rows",
    "static_blocks",
    "rows",
    "smooth_rows",
    "fitted_rows",
    "blocks",
]
SHIPPED: Final[Recipe] = "fitted_rows"
RECIPES: Final[tuple[Recipe, ...]] = get_args(Recipe)
# How far outliers move in recipes for which no strength was sought.
_SMOOTHING: Final = 0.5
_BLOCK: Final = 128
_SOURCES_TOGETHER: Final = 8
"""Inputs of products that are kept in memory at once: of a thousand texts some 500 MB; more passes take seconds."""


def quantise(model: ModelProto, rows: Sequence[Row], recipe: Recipe = SHIPPED) -> ModelProto:
    """An int8 copy of the graph; `rows` fix what is found beforehand: static step sizes, and outliers."""
    work = _prepared(model)
    found = graphs.products(work)
    narrow = [product for product in found if product.narrows]
    wide = [product for product in found if not product.narrows]
    if recipe == "dynamic":
        work = _dynamic(work, found)
    elif recipe == "static":
        work = _static(work, found, rows)
    elif recipe == "static_but_narrow":
        work = _static(work, wide, rows)
    elif recipe == "static_smooth":
        _smooth(work, narrow, rows)
        work = _static(work, graphs.products(work), rows)
    elif recipe == "static_rows":
        work = _static(work, wide, rows)
        integers.quantise_rows(work, narrow)
    elif recipe == "static_blocks":
        work = _blocks(_static(work, wide, rows), narrow)
    elif recipe == "rows":
        integers.quantise_rows(work, found)
    elif recipe == "smooth_rows":
        _smooth(work, found, rows)
        integers.quantise_rows(work, graphs.products(work))
    elif recipe == "fitted_rows":
        columns = _fit(work, found, rows)
        integers.quantise_rows(work, graphs.products(work), columns)
    else:
        work = _blocks(work, found)
    integers.quantise_embedding(work)
    return work


def shipping(model: ModelProto, rows: Sequence[Row]) -> ModelProto:
    """What ships: the recipe `SHIPPED`, and with the same weights its fine form for labels that are nearly tied."""
    coarse = _prepared(model)
    columns = _fit(coarse, graphs.products(coarse), rows)
    fine = onnx.ModelProto()
    fine.CopyFrom(coarse)
    integers.quantise_rows(coarse, graphs.products(coarse), columns)
    integers.quantise_rows(fine, graphs.products(fine), columns, fine=True)
    for form in (coarse, fine):
        integers.quantise_embedding(form)
    return twofold.either(coarse, fine)


def _prepared(model: ModelProto) -> ModelProto:
    """A copy to work on, as graphs for a CPU are."""
    work = onnx.ModelProto()
    work.CopyFrom(model)
    graphs.plain_normalisation(work)
    return work


def _smooth(model: ModelProto, chosen: Sequence[graphs.Product], rows: Sequence[Row]) -> None:
    """Move outliers from activations into weights, in place, everywhere as far."""
    weights = graphs.initializers(model)
    factors = {
        source: rounding.factor_of(
            np.abs(seen).max(axis=0), [weights[each.weights] for each in _sharing(chosen, source)], _SMOOTHING
        )
        for source, seen in graphs.activations(model, _sources(chosen), rows).items()
    }
    integers.smooth(model, chosen, factors)


def _fit(model: ModelProto, chosen: Sequence[graphs.Product], rows: Sequence[Row]) -> dict[str, rounding.Columns]:
    """The same in place, for each shape of product as far as is best; by node their weights in integers."""
    weights = graphs.initializers(model)
    factors: dict[str, rounding.Floats] = {}
    columns: dict[str, rounding.Columns] = {}
    sources = _sources(chosen)
    for start in range(0, len(sources), _SOURCES_TOGETHER):
        for source, seen in graphs.activations(model, sources[start : start + _SOURCES_TOGETHER], rows).items():
            sharing = _sharing(chosen, source)
            floor = integers.GELU_FLOOR if integers.is_gelu(model, source) else None
            factors[source], made = rounding.fit(seen, [weights[each.weights] for each in sharing], floor)
            columns.update(zip((each.node for each in sharing), made, strict=True))
    integers.smooth(model, chosen, factors)
    return columns


def _sources(chosen: Sequence[graphs.Product]) -> list[str]:
    return list(dict.fromkeys(product.source for product in chosen))


def _sharing(chosen: Sequence[graphs.Product], source: str) -> list[graphs.Product]:
    return [product for product in chosen if product.source == source]


def _static(model: ModelProto, chosen: Sequence[graphs.Product], rows: Sequence[Row]) -> ModelProto:
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "before.onnx", Path(folder) / "after.onnx"
        onnx.save(model, before)
        quantize_static(
            before,
            after,
            _Reader(rows),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["MatMul"],
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_quantize=[product.node for product in chosen],
            calibrate_method=CalibrationMethod.MinMax,
            extra_options={"WeightSymmetric": True, "QDQOpTypePerChannelSupportToAxis": {"MatMul": 1}},
        )
        return onnx.load(after)


def _dynamic(model: ModelProto, chosen: Sequence[graphs.Product]) -> ModelProto:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "before.onnx", Path(folder) / "after.onnx"
        onnx.save(model, before)
        quantize_dynamic(
            before,
            after,
            op_types_to_quantize=["MatMul"],
            per_channel=True,
            weight_type=QuantType.QInt8,
            nodes_to_quantize=[product.node for product in chosen],
        )
        return onnx.load(after)


def _blocks(model: ModelProto, chosen: Sequence[graphs.Product]) -> ModelProto:
    from onnxruntime.quantization.matmul_nbits_quantizer import DefaultWeightOnlyQuantConfig, MatMulNBitsQuantizer

    config = DefaultWeightOnlyQuantConfig(
        block_size=_BLOCK, is_symmetric=True, accuracy_level=4, op_types_to_quantize=("MatMul",), bits=8
    )
    nodes = [product.node for product in chosen]
    quantizer = MatMulNBitsQuantizer(
        model,
        bits=8,
        block_size=_BLOCK,
        is_symmetric=True,
        accuracy_level=4,
        nodes_to_include=nodes,
        algo_config=config,
    )
    quantizer.process()
    done: Any = quantizer.model.model
    return done if isinstance(done, ModelProto) else onnx.load_model_from_string(done.SerializeToString())


class _Reader:
    """Feeds calibration texts one by one, so that no filler enters the observed ranges."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._left = iter(rows)

    def get_next(self) -> dict[str, Any] | None:
        row = next(self._left, None)
        return None if row is None else dict(graphs.feed([row]))

    def set_range(self, start_index: int, end_index: int) -> None:
        raise NotImplementedError("the calibrator reads straight through")
