"""Looking into an ONNX file without running it, and without the onnx package. Pure.

Only what the judgement needs is read: a graph may refer to other files for its weights, and a file from a stranger must
not.
"""

from collections.abc import Iterator
from typing import Any, Final

# Graphs inside graphs (If, Loop): encoders have none, 8 levels are plenty.
_GRAPH_DEPTH_MAX: Final = 8

# The few field numbers of onnx.proto3 that matter here.
_MODEL_GRAPH: Final = 7
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_SPARSE = 1, 5, 15
_NODE_ATTRIBUTE: Final = 5
_ATTRIBUTE_TENSORS, _ATTRIBUTE_GRAPHS, _ATTRIBUTE_SPARSE = (5, 10), (6, 11), (22, 23)
_SPARSE_TENSORS: Final = (1, 2)
_TENSOR_EXTERNAL, _TENSOR_LOCATION = 13, 14
_MODEL_FUNCTIONS, _FUNCTION_NODE = 25, 7


def has_external_data(content: bytes) -> bool:
    """Whether weights of the model lie in another file. Raises ValueError when the bytes are no ONNX model."""
    try:
        fields = list(_fields(memoryview(content)))
        graphs = [value for number, value in fields if number == _MODEL_GRAPH and isinstance(value, memoryview)]
        if not graphs:
            raise ValueError("no graph inside")
        functions = [value for number, value in fields if number == _MODEL_FUNCTIONS]
        nodes = [node for each in functions for number, node in _fields(each) if number == _FUNCTION_NODE]
        return any(_graph_is_external(graph, 0) for graph in graphs) or any(_node_is_external(n, 0) for n in nodes)
    except (TypeError, IndexError) as error:  # a field of another kind, a number that the end cuts off
        raise ValueError(str(error)) from error


def _graph_is_external(graph: Any, depth: int) -> bool:
    if depth > _GRAPH_DEPTH_MAX:
        raise ValueError("graphs nested too deep")
    for number, value in _fields(graph):
        if number == _GRAPH_INITIALIZER and _tensor_is_external(value):
            return True
        if number == _GRAPH_SPARSE and _sparse_is_external(value):
            return True
        if number == _GRAPH_NODE and _node_is_external(value, depth):
            return True
    return False


def _node_is_external(node: Any, depth: int) -> bool:
    for attribute in (value for number, value in _fields(node) if number == _NODE_ATTRIBUTE):
        for number, value in _fields(attribute):
            if number in _ATTRIBUTE_TENSORS and _tensor_is_external(value):
                return True
            if number in _ATTRIBUTE_SPARSE and _sparse_is_external(value):
                return True
            if number in _ATTRIBUTE_GRAPHS and _graph_is_external(value, depth + 1):
                return True
    return False


def _sparse_is_external(sparse: Any) -> bool:
    return any(number in _SPARSE_TENSORS and _tensor_is_external(value) for number, value in _fields(sparse))


def _tensor_is_external(tensor: Any) -> bool:
    return any(
        number == _TENSOR_EXTERNAL or (number == _TENSOR_LOCATION and value != 0) for number, value in _fields(tensor)
    )


def _fields(message: memoryview) -> Iterator[tuple[int, Any]]:
    """The fields of a protocol-buffer message: number, and an int or a view of bytes. ValueError when cut short."""
    at, end = 0, len(message)
    while at < end:
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        value: Any = None
        if number == 0:
            raise ValueError("field number 0")
        if kind == 0:
            value, at = _varint(message, at)
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
        elif kind == 2:
            size, at = _varint(message, at)
            value, at = message[at : at + size], at + size
        else:
            raise ValueError(f"wire type {kind}")
        if at > end:
            raise ValueError("cut short")
        yield number, value


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("a number without end")
