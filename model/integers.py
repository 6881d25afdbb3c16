"""The rewrites of an ONNX graph that make products and embeddings integer ones. Work on in-memory models."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, helper

from model import graphs, rounding
from model.graphs import Product

GELU_FLOOR: Final = -0.17
"""No value of GELU lies below it."""
_ORT: Final = "com.microsoft"
_DIVIDE: Final = "_divide"


def smooth(model: ModelProto, chosen: Sequence[Product], factors: Mapping[str, NDArray[np.float32]]) -> None:
    """Divide the inputs of the products by their factors and multiply the weights by them: the function stays the same.

    Products with the same input (query, key, value) share its factor.
    """
    weights = graphs.initializers(model)
    divided: set[str] = set()
    for product in chosen:
        source, factor = product.source, factors[product.source]
        if source not in divided:
            divided.add(source)
            graphs.add_tensor(model, f"{source}_smooth", 1 / factor)
            node = helper.make_node("Mul", [source, f"{source}_smooth"], [f"{source}_smoothed"], source + _DIVIDE)
            model.graph.node.insert(graphs.node_index(model, product.node), node)
        graphs.replace_tensor(model, product.weights, weights[product.weights] * factor[:, None])
        model.graph.node[graphs.node_index(model, product.node)].input[0] = f"{source}_smoothed"


def quantise_rows(
    model: ModelProto,
    chosen: Sequence[Product],
    made: Mapping[str, rounding.Columns] | None = None,
    *,
    fine: bool = False,
) -> None:
    """Replace products by integer ones whose activations get a step size for each token, found while running.

    A token's result then depends on that token alone: exact integers, no neighbour, no batch. Products with the same
    input share its integers. `made`: by node, weights that are in integers already; others are rounded to the nearest.
    `fine`: what rounding leaves of the activations is multiplied too, in a second product with the same weights: as if
    they had 16 bits, for twice the work.
    """
    weights = graphs.initializers(model)
    _add_constants(model)
    floors = {product.source: _floor(model, product) for product in chosen}
    prepared: set[str] = set()
    for product in chosen:
        floor = floors[product.source]
        columns = made[product.node] if made else rounding.by_columns(weights[product.weights])
        graphs.replace_tensor(model, product.weights, columns.integers)
        steps = columns.steps / np.float32(rounding.STEPS if floor is None else rounding.STEPS_ABOVE)
        graphs.add_tensor(model, f"{product.node}_steps", steps)
        at = graphs.node_index(model, product.node)
        target = model.graph.node[at].output[0]
        del model.graph.node[at]
        nodes = _row_product(product, target, floor is not None, fine)
        if product.source not in prepared:
            prepared.add(product.source)
            rest = _row_rest(product.source) if fine else []
            nodes = [*_row_integers(product.source, floor is not None), *rest, *nodes]
            if floor is not None:
                nodes = [_raise(model, product.source), *nodes]
        for offset, node in enumerate(nodes):
            model.graph.node.insert(at + offset, node)
        if floor is not None:
            _add_to_bias(model, target, floor @ columns.floats())


def quantise_embedding(model: ModelProto, rows_min: int = 5_000) -> None:
    """Keep large embedding tables as int8 with a step size for each row: a quarter of the size, looked up as before."""
    weights = graphs.initializers(model)
    for node in [n for n in model.graph.node if n.op_type == "Gather" and n.input[0] in weights]:
        table = weights[node.input[0]]
        if table.ndim != 2 or table.shape[0] < rows_min:
            continue
        columns = rounding.by_columns(np.ascontiguousarray(table.T))
        graphs.replace_tensor(model, node.input[0], columns.integers.T)
        graphs.add_tensor(model, f"{node.name}_steps", columns.steps[:, None])
        target, at = node.output[0], graphs.node_index(model, node.name)
        node.output[0] = f"{target}_int8"
        follow = [
            helper.make_node("Cast", [f"{target}_int8"], [f"{target}_cast"], f"{node.name}_cast", to=1),
            helper.make_node("Gather", [f"{node.name}_steps", node.input[1]], [f"{target}_step"], f"{node.name}_step"),
            helper.make_node("Mul", [f"{target}_cast", f"{target}_step"], [target], f"{node.name}_scale"),
        ]
        for offset, each in enumerate(follow, 1):
            model.graph.node.insert(at + offset, each)


def _add_constants(model: ModelProto) -> None:
    for name, value in (
        ("row_zero", np.uint8(128)),
        ("row_zero_above", np.uint8(0)),
        ("row_unit", np.float32(1)),
        ("row_fine", np.float32(1 / (2 * rounding.STEPS))),
        ("row_steps", np.float32(rounding.STEPS)),
        ("row_steps_above", np.float32(rounding.STEPS_ABOVE)),
        ("row_least", np.float32(1e-8)),
        ("row_raise", np.float32(-GELU_FLOOR)),
        ("row_axis", np.array([-1], dtype=np.int64)),
    ):
        graphs.add_tensor(model, name, np.asarray(value))
    if all(known.domain != _ORT for known in model.opset_import):
        model.opset_import.append(helper.make_opsetid(_ORT, 1))


def is_gelu(model: ModelProto, tensor: str) -> bool:
    return any(tensor in node.output and node.op_type == "Gelu" for node in model.graph.node)


def _floor(model: ModelProto, product: Product) -> NDArray[np.float32] | None:
    """What no value of an input channel lies below: of GELU, or of GELU divided by a factor; None for all else."""
    made_by = {output: node for node in model.graph.node for output in node.output}
    node = made_by[product.source]
    if node.op_type == "Gelu":
        return np.full(product.shape[0], GELU_FLOOR, dtype=np.float32)
    if node.name.endswith(_DIVIDE) and is_gelu(model, node.input[0]):
        return np.float32(GELU_FLOOR) * graphs.initializers(model)[node.input[1]]
    return None


def _raise(model: ModelProto, source: str) -> NodeProto:
    """By how much `source` is raised to lie above 0; made of the factors when the graph is loaded, so not kept."""
    node = next(node for node in model.graph.node if source in node.output)
    if node.op_type == "Gelu":
        return _node("Identity", ["row_raise"], f"{source}_raise")
    return _node("Mul", [node.input[1], "row_raise"], f"{source}_raise")


def _add_to_bias(model: ModelProto, target: str, more: NDArray[np.float32]) -> None:
    """To the constant that is added to `target`, a product's output. Others may add the same constant."""
    adding = next(node for node in model.graph.node if node.op_type == "Add" and target in node.input)
    place = 1 - list(adding.input).index(target)
    before = adding.input[place]
    adding.input[place] = f"{target}_bias"
    graphs.add_tensor(model, f"{target}_bias", (graphs.initializers(model)[before] + more).astype(np.float32))
    if all(before not in node.input for node in model.graph.node):
        model.graph.initializer.remove(next(each for each in model.graph.initializer if each.name == before))


def _row_integers(source: str, above: bool) -> list[NodeProto]:
    """`source` in 127ths of each token's largest absolute value, as unsigned bytes around 128.

    `above`: nothing of it lies below its floor, and counted from there it takes all 255.
    """
    kind, reach = ("_above", f"{source}_raised") if above else ("", f"{source}_abs")
    first = _node("Add", [source, f"{source}_raise"], reach) if above else _node("Abs", [source], reach)
    return [
        first,
        _node("ReduceMax", [reach, "row_axis"], f"{source}_reach", keepdims=1),
        _node("Max", [f"{source}_reach", "row_least"], f"{source}_peak"),
        _node("Div", [f"row_steps{kind}", f"{source}_peak"], f"{source}_inverse"),
        _node("Mul", [reach if above else source, f"{source}_inverse"], f"{source}_scaled"),
        _node("QuantizeLinear", [f"{source}_scaled", "row_unit", f"row_zero{kind}"], f"{source}_uint8"),
    ]


def _row_rest(source: str) -> list[NodeProto]:
    """What rounding left of `source`, at most half a step to each side, in 254ths of a step around 128."""
    return [
        _node("Round", [f"{source}_scaled"], f"{source}_whole"),
        _node("Sub", [f"{source}_scaled", f"{source}_whole"], f"{source}_rest"),
        _node("QuantizeLinear", [f"{source}_rest", "row_fine", "row_zero"], f"{source}_rest_uint8"),
    ]


def _row_product(product: Product, target: str, above: bool, fine: bool) -> list[NodeProto]:
    """The integers' product in steps of the columns (by ONNX Runtime's own operator, in one pass), then of the rows."""
    source, name, zero = product.source, product.node, "row_zero_above" if above else "row_zero"

    def multiply(integers: str, unit: str, zero: str, made: str) -> NodeProto:
        inputs = [integers, product.weights, unit, f"{name}_steps", zero]
        return _node("MatMulIntegerToFloat", inputs, made, domain=_ORT)

    columns = f"{name}_columns"
    if not fine:
        nodes = [multiply(f"{source}_uint8", "row_unit", zero, columns)]
    else:
        nodes = [
            multiply(f"{source}_uint8", "row_unit", zero, f"{columns}_whole"),
            multiply(f"{source}_rest_uint8", "row_fine", "row_zero", f"{columns}_rest"),
            _node("Add", [f"{columns}_whole", f"{columns}_rest"], columns),
        ]
    return [*nodes, _node("Mul", [columns, f"{source}_peak"], target)]


def _node(kind: str, inputs: list[str], output: str, **attributes: Any) -> NodeProto:
    return helper.make_node(kind, inputs, [output], f"{output}_made", **attributes)
