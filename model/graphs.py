"""From the network to an ONNX graph, and the rewrites that quantisation builds on. Works on in-memory models."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, helper, numpy_helper

from model.inputs import Row
from model.network import Network

# Since 17 LayerNormalization is one operator; 21 is the newest that both CPU and CUDA builds of our range know.
OPSET = 21
# A product with more outputs belongs to the encoder.
HEAD_COLUMNS_MAX = 64
# No value of GELU lies below minus this.
GELU_LEAST = 0.17
_ORT = "com.microsoft"


@dataclass(frozen=True, slots=True)
class Product:
    """A matrix product of activations with fixed weights, weights as (inputs, outputs)."""

    node: str
    source: str
    weights: str
    shape: tuple[int, int]

    @property
    def narrows(self) -> bool:
        """More inputs than outputs: the second product of a feed-forward block, whose inputs have outliers."""
        return self.shape[0] > self.shape[1]


def export(model: Network) -> ModelProto:
    """The network as one graph: `input_ids` and `token_type_ids` (texts, tokens) to `logits` (texts, columns).

    Texts of one length, no mask.
    """
    model.eval()
    sample = {"input_ids": torch.randint(5, 90, (3, 11)), "token_type_ids": torch.randint(0, 2, (3, 11))}
    axes = {0: torch.export.Dim("texts", min=1, max=65_536), 1: torch.export.Dim("tokens", min=2, max=512)}
    with _quiet():
        program = torch.onnx.export(
            model,
            (),
            kwargs=sample,
            dynamo=True,
            dynamic_shapes=dict.fromkeys(sample, axes),
            opset_version=OPSET,
            input_names=list(sample),
            output_names=["logits"],
            external_data=False,
            verbose=False,
        )
    if program is None:
        raise RuntimeError("torch.onnx.export gave no program")
    return program.model_proto


def optimise(model: ModelProto, folder: Path) -> ModelProto:
    """Graph optimisation that does not depend on this machine: constants folded, redundant nodes gone."""
    import onnxruntime as ort

    before, after = folder / "plain.onnx", folder / "optimised.onnx"
    onnx.save(model, before)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(after)
    options.log_severity_level = 3
    ort.InferenceSession(str(before), options, providers=["CPUExecutionProvider"])
    result = onnx.load(after)
    _forget_the_maker(result)
    _name_nodes(result)
    before.unlink()
    after.unlink()
    return result


def half(model: ModelProto) -> ModelProto:
    """The graph in float16 for CUDA; inputs stay int64 and logits float32. Softmax and normalisation stay float32."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    kept = ["Softmax", "LayerNormalization", "ReduceMean", "Pow", "Sqrt"]
    halved: ModelProto = convert_float_to_float16(model, keep_io_types=True, op_block_list=kept)
    return halved


def _forget_the_maker(model: ModelProto) -> None:
    """The exporter notes on every node which lines of which files it came from: paths of one machine."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        part.ClearField("doc_string")
        part.ClearField("metadata_props")


def products(model: ModelProto) -> list[Product]:
    """The products with fixed weights, in graph order; the head, whose few outputs decide, is not among them."""
    shapes = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    return [
        Product(node.name, node.input[0], node.input[1], (shapes[node.input[1]][0], shapes[node.input[1]][1]))
        for node in model.graph.node
        if node.op_type == "MatMul"
        and len(shapes.get(node.input[1], ())) == 2
        and shapes[node.input[1]][1] > HEAD_COLUMNS_MAX
    ]


def ranges(model: ModelProto, tensors: Sequence[str], rows: Iterable[Row]) -> dict[str, NDArray[np.float32]]:
    """The largest absolute value of each channel (last axis) of the tensors over the rows."""
    import onnxruntime as ort

    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    watched.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in tensors)
    session = ort.InferenceSession(watched.SerializeToString(), providers=["CPUExecutionProvider"])
    found: dict[str, NDArray[np.float32]] = {}
    for row in rows:
        values = session.run(list(tensors), feed([row]))
        for name, value in zip(tensors, values, strict=True):
            peak = np.abs(value).max(axis=(0, 1)).astype(np.float32)
            found[name] = np.maximum(found[name], peak) if name in found else peak
    return found


def feed(rows: Sequence[Row]) -> dict[str, NDArray[np.int64]]:
    """The graph's inputs for rows of one length."""
    return {
        "input_ids": np.array([ids for ids, _ in rows], dtype=np.int64),
        "token_type_ids": np.array([types for _, types in rows], dtype=np.int64),
    }


def smooth(
    model: ModelProto, chosen: Sequence[Product], peaks: dict[str, NDArray[np.float32]], strength: float
) -> None:
    """Divide each input channel of the products by a factor and multiply its weights by it (as SmoothQuant does).

    The function stays the same; the outliers move from activations, which share one step size, into weights. Products
    with the same input (query, key, value) share its factors.
    """
    weights = _initializers(model)
    for source in dict.fromkeys(product.source for product in chosen):
        sharing = [product for product in chosen if product.source == source]
        reach = np.maximum(np.max([np.abs(weights[each.weights]).max(axis=1) for each in sharing], axis=0), 1e-5)
        factor = np.maximum(np.maximum(peaks[source], 1e-5) ** strength / reach ** (1 - strength), 1e-5)
        inverse, divided = f"{source}_smooth", f"{source}_smoothed"
        model.graph.initializer.append(numpy_helper.from_array((1 / factor).astype(np.float32), inverse))
        node = helper.make_node("Mul", [source, inverse], [divided], name=f"{source}_divide")
        model.graph.node.insert(min(_node_index(model, each.node) for each in sharing), node)
        for product in sharing:
            replace_tensor(model, product.weights, weights[product.weights] * factor[:, None])
            model.graph.node[_node_index(model, product.node)].input[0] = divided


def quantise_rows(model: ModelProto, chosen: Sequence[Product]) -> None:
    """Replace products by integer ones whose activations get a step size for each token, found while running.

    A token's result then depends on that token alone: exact integers, no neighbour, no batch. Products with the same
    input (query, key, value) share its integers.
    """
    weights = _initializers(model)
    made_by = {output: node.op_type for node in model.graph.node for output in node.output}
    for name, value in (
        ("row_zero", np.uint8(128)),
        ("row_unit", np.float32(1)),
        ("row_steps", np.float32(127)),
        ("row_least", np.float32(1e-8)),
        ("row_gelu", np.float32(GELU_LEAST)),
    ):
        model.graph.initializer.append(numpy_helper.from_array(np.array(value), name))
    model.graph.initializer.append(numpy_helper.from_array(np.array([-1], dtype=np.int64), "row_axis"))
    if all(known.domain != _ORT for known in model.opset_import):
        model.opset_import.append(helper.make_opsetid(_ORT, 1))
    prepared: set[str] = set()
    for product in chosen:
        steps, small = quantise_columns(weights[product.weights])
        replace_tensor(model, product.weights, small)
        scale = (steps / np.float32(127 * 127)).astype(np.float32)
        model.graph.initializer.append(numpy_helper.from_array(scale, f"{product.node}_steps"))
        at = _node_index(model, product.node)
        target = model.graph.node[at].output[0]
        del model.graph.node[at]
        above = made_by.get(product.source) == "Gelu"
        nodes = [] if product.source in prepared else _row_integers(product.source, above)
        prepared.add(product.source)
        for offset, node in enumerate([*nodes, *_row_product(product, target)]):
            model.graph.node.insert(at + offset, node)


def quantise_embedding(model: ModelProto, rows_min: int = 5_000) -> None:
    """Keep large embedding tables as int8 with a step size for each row: a quarter of the size, looked up as before."""
    weights = _initializers(model)
    for node in [n for n in model.graph.node if n.op_type == "Gather" and n.input[0] in weights]:
        table = weights[node.input[0]]
        if table.ndim != 2 or table.shape[0] < rows_min:
            continue
        steps, small = quantise_columns(np.ascontiguousarray(table.T))
        replace_tensor(model, node.input[0], np.ascontiguousarray(small.T))
        scale = (steps / 127).astype(np.float32)[:, None]
        model.graph.initializer.append(numpy_helper.from_array(scale, f"{node.name}_steps"))
        target, at = node.output[0], _node_index(model, node.name)
        node.output[0] = f"{target}_int8"
        follow = [
            helper.make_node("Cast", [f"{target}_int8"], [f"{target}_cast"], f"{node.name}_cast", to=1),
            helper.make_node("Gather", [f"{node.name}_steps", node.input[1]], [f"{target}_step"], f"{node.name}_step"),
            helper.make_node("Mul", [f"{target}_cast", f"{target}_step"], [target], f"{node.name}_scale"),
        ]
        for offset, each in enumerate(follow, 1):
            model.graph.node.insert(at + offset, each)


def plain_normalisation(model: ModelProto) -> None:
    """Add what enters a normalisation by `Sum` in place of `Add`: the same numbers.

    ONNX Runtime joins Add and LayerNormalization into one operator, whose CPU kernel takes some eight times as long as
    the two apart; joined by `Sum` it leaves them. For graphs that run on a CPU: CUDA's joined kernel is a fast one.
    """
    entering = {node.input[0] for node in model.graph.node if node.op_type == "LayerNormalization"}
    for node in model.graph.node:
        if node.op_type == "Add" and node.output[0] in entering:
            node.op_type = "Sum"


def quantise_columns(matrix: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    """The largest absolute value of each column, and the matrix in 127ths of it."""
    peaks = np.maximum(np.abs(matrix).max(axis=0), 1e-8)
    return peaks, np.clip(np.rint(matrix / peaks * 127), -127, 127).astype(np.int8)


def replace_tensor(model: ModelProto, name: str, value: NDArray[Any]) -> None:
    for tensor in model.graph.initializer:
        if tensor.name == name:
            tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(value), name))
            return
    raise KeyError(name)


def _row_integers(source: str, above: bool) -> list[NodeProto]:
    """`source` in 127ths of each token's largest absolute value, as unsigned bytes around 128.

    `above`: nothing of it lies below -GELU_LEAST, so with that as the least peak its largest value is enough.
    """
    reach, least = (source, "row_gelu") if above else (f"{source}_abs", "row_least")
    return [
        *([] if above else [_node("Abs", [source], reach)]),
        _node("ReduceMax", [reach, "row_axis"], f"{source}_reach", keepdims=1),
        _node("Max", [f"{source}_reach", least], f"{source}_peak"),
        _node("Div", ["row_steps", f"{source}_peak"], f"{source}_inverse"),
        _node("Mul", [source, f"{source}_inverse"], f"{source}_scaled"),
        _node("QuantizeLinear", [f"{source}_scaled", "row_unit", "row_zero"], f"{source}_uint8"),
    ]


def _row_product(product: Product, target: str) -> list[NodeProto]:
    """The integers' product in steps of the columns (by ONNX Runtime's own operator, in one pass), then of the rows."""
    source, name = product.source, product.node
    inputs = [f"{source}_uint8", product.weights, "row_unit", f"{name}_steps", "row_zero"]
    return [
        _node("MatMulIntegerToFloat", inputs, f"{name}_columns", domain=_ORT),
        _node("Mul", [f"{name}_columns", f"{source}_peak"], target),
    ]


def _node(kind: str, inputs: list[str], output: str, **attributes: Any) -> NodeProto:
    return helper.make_node(kind, inputs, [output], f"{output}_made", **attributes)


def _initializers(model: ModelProto) -> dict[str, NDArray[Any]]:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def _node_index(model: ModelProto, name: str) -> int:
    return next(i for i, node in enumerate(model.graph.node) if node.name == name)


def _name_nodes(model: ModelProto) -> None:
    for i, node in enumerate(model.graph.node):
        node.name = f"{node.op_type.lower()}_{i}"


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporter prints its progress and logs its optimiser's hesitations; neither helps a user."""
    logging.getLogger("onnxscript").setLevel(logging.ERROR)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield
