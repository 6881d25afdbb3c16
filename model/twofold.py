"""One graph of two that share their weights: which of them answers is told by one more input. In-memory models.

A second file would hold the weights again. ONNX Runtime prepares weights for both branches when it loads the graph, and
runs one.
"""

import onnx
from onnx import ModelProto, TensorProto, helper

from newstide.heads import FINE


def either(coarse: ModelProto, fine: ModelProto) -> ModelProto:
    """A graph that gives what `coarse` gives, or what `fine` gives where the input `fine` (one boolean) is true.

    Both take the same inputs and have one output of one name; an initializer that both name is the same one.
    """
    made = onnx.ModelProto()
    made.CopyFrom(coarse)
    graph, output = made.graph, coarse.graph.output[0].name
    known = {tensor.name for tensor in graph.initializer}
    graph.initializer.extend(tensor for tensor in fine.graph.initializer if tensor.name not in known)
    branches = {"then_branch": _branch(fine, "f", output), "else_branch": _branch(coarse, "c", output)}
    graph.ClearField("node")
    # Shapes in between are found again by whoever loads the graph.
    graph.ClearField("value_info")
    graph.node.append(helper.make_node("If", [FINE], [output], **branches))
    graph.input.append(helper.make_tensor_value_info(FINE, TensorProto.BOOL, []))
    return made


def _branch(model: ModelProto, letter: str, output: str) -> onnx.GraphProto:
    """The nodes as a graph without inputs. What they make gets short names: two thousand long ones are 60 kB."""
    names = {
        name: f"{letter}{number}"
        for number, name in enumerate(made for node in model.graph.node for made in node.output)
    }
    nodes = []
    for node in model.graph.node:
        renamed = onnx.NodeProto()
        renamed.CopyFrom(node)
        renamed.ClearField("name")
        renamed.input[:] = [names.get(name, name) for name in node.input]
        renamed.output[:] = [names[name] for name in node.output]
        nodes.append(renamed)
    result = helper.make_tensor_value_info(names[output], TensorProto.FLOAT, None)
    return helper.make_graph(nodes, letter, [], [result])
