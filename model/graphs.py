"""From the network to an ONNX graph, and the rewrites that quantisation builds on. Works on in-memory models."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import ModelProto, helper, numpy_helper

from model.inputs import Row
from model.network import Network

# Since 17 LayerNormalization is one operator; 21 is the newest that both CPU and CUDA builds of our range know.
OPSET = 21
# A product with more outputs belongs to the encoder.
HEAD_COLUMNS_MAX = 64


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


def activations(model: ModelProto, tensors: Sequence[str], rows: Sequence[Row]) -> dict[str, NDArray[np.float32]]:
    """The tensors for all tokens of the rows: (tokens, channels). For BERT of 12 layers some 130 kB a token in all."""
    import onnxruntime as ort

    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    watched.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in tensors)
    session = ort.InferenceSession(watched.SerializeToString(), providers=["CPUExecutionProvider"])
    found: dict[str, list[NDArray[np.float32]]] = {name: [] for name in tensors}
    for row in rows:
        for name, value in zip(tensors, session.run(list(tensors), feed([row])), strict=True):
            found[name].append(value[0])
    return {name: np.concatenate(parts) for name, parts in found.items()}


def feed(rows: Sequence[Row]) -> dict[str, NDArray[np.int64]]:
    """The graph's inputs for rows of one length."""
    return {
        "input_ids": np.array([ids for ids, _ in rows], dtype=np.int64),
        "token_type_ids": np.array([types for _, types in rows], dtype=np.int64),
    }


def plain_normalisation(model: ModelProto) -> None:
    """Add what enters a normalisation by `Sum` in place of `Add`: the same numbers.

    ONNX Runtime joins Add and LayerNormalization into one operator, whose CPU kernel takes some eight times as long as
    the two apart; joined by `Sum` it leaves them. For graphs that run on a CPU: CUDA's joined kernel is a fast one.
    """
    entering = {node.input[0] for node in model.graph.node if node.op_type == "LayerNormalization"}
    for node in model.graph.node:
        if node.op_type == "Add" and node.output[0] in entering:
            node.op_type = "Sum"


def replace_tensor(model: ModelProto, name: str, value: NDArray[Any]) -> None:
    for tensor in model.graph.initializer:
        if tensor.name == name:
            tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(value), name))
            return
    raise KeyError(name)


def add_tensor(model: ModelProto, name: str, value: NDArray[Any]) -> None:
    model.graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(value), name))


def initializers(model: ModelProto) -> dict[str, NDArray[Any]]:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def node_index(model: ModelProto, name: str) -> int:
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
