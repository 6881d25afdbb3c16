"""Recipes on a graph of one feed-forward block: the same answer in any batch, and how far it is off."""

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import ModelProto, helper, numpy_helper

from model import graphs, parity, quantise, second_look
from model.inputs import Row
from newstide.scoring.calibrated import lead

WORDS, WIDTH, WIDER, COLUMNS = 200, 72, 144, 8
BY_TOKEN: tuple[quantise.Recipe, ...] = ("rows", "smooth_rows", "fitted_rows")


@pytest.fixture(scope="module")
def fp32() -> ModelProto:
    """Embeddings with two outlier channels, a feed-forward block, and a head over the first token."""
    draw = np.random.default_rng(5)
    table = draw.normal(size=(WORDS, WIDTH))
    table[:, 3:5] *= 30
    tensors = {
        "table": table,
        "wide": draw.normal(size=(WIDTH, WIDER)) / 8,
        "wide_bias": draw.normal(size=WIDER),
        "narrow": draw.normal(size=(WIDER, WIDTH)) / 8,
        "narrow_bias": draw.normal(size=WIDTH),
        "head": draw.normal(size=(WIDTH, COLUMNS)) / 8,
    }
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["states"], "words"),
        helper.make_node("MatMul", ["states", "wide"], ["widened"], "first"),
        helper.make_node("Add", ["widened", "wide_bias"], ["before"], "first_bias"),
        helper.make_node("Gelu", ["before"], ["bent"], "bend"),
        helper.make_node("MatMul", ["bent", "narrow"], ["narrowed"], "second"),
        helper.make_node("Add", ["narrowed", "narrow_bias"], ["done"], "second_bias"),
        helper.make_node("MatMul", ["done", "head"], ["each"], "head_product"),
        helper.make_node("Gather", ["each", "place"], ["logits"], "first_token", axis=1),
    ]
    made = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in tensors.items()]
    graph = helper.make_graph(
        nodes,
        "block",
        [helper.make_tensor_value_info(n, 7, ["texts", "tokens"]) for n in ("input_ids", "token_type_ids")],
        [helper.make_tensor_value_info("logits", 1, ["texts", COLUMNS])],
        [*made, numpy_helper.from_array(np.array(0, dtype=np.int64), "place")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", graphs.OPSET)], ir_version=10)


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    draw = np.random.default_rng(6)
    return [(tuple(int(i) for i in draw.integers(0, WORDS, 9)), (0,) * 9) for _ in range(200)]


@pytest.fixture(scope="module")
def exact(fp32: ModelProto, rows: list[Row]) -> NDArray[np.float32]:
    return parity.Graph(fp32).logits(rows)


def _off(logits: NDArray[np.float32], exact: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.square(logits - exact).mean()))


@pytest.mark.parametrize("recipe", BY_TOKEN)
def test_the_same_answer_in_any_batch(fp32: ModelProto, rows: list[Row], recipe: quantise.Recipe) -> None:
    graph = parity.Graph(quantise.quantise(fp32, rows[:50], recipe))
    together = graph.logits(rows)
    assert np.array_equal(together, graph.logits(rows, batch_texts=1))
    assert np.array_equal(together, graph.logits(rows[::-1], batch_texts=7)[::-1])


def test_what_is_fitted_is_less_off(fp32: ModelProto, rows: list[Row], exact: NDArray[np.float32]) -> None:
    plain, smooth, fitted = (
        _off(parity.Graph(quantise.quantise(fp32, rows[:50], recipe)).logits(rows), exact) for recipe in BY_TOKEN
    )
    assert fitted < 0.85 * smooth and smooth < 0.8 * plain


def test_texts_that_were_not_seen_may_reach_further(fp32: ModelProto, rows: list[Row]) -> None:
    """Nothing found beforehand bounds a value: a step size is the token's own."""
    far = onnx.ModelProto()
    far.CopyFrom(fp32)
    table = graphs.initializers(far)["table"].copy()
    table[0] *= 20
    graphs.replace_tensor(far, "table", table)
    seen = [row for row in rows if 0 not in row[0]][:50]
    unseen: list[Row] = [((0, 1, 2), (0, 0, 0))]
    expected = parity.Graph(far).logits(unseen)
    found = parity.Graph(quantise.quantise(far, seen)).logits(unseen)
    assert np.abs(found - expected).max() < 0.02 * np.abs(expected).max()


def test_the_graph_that_was_given_stays_as_it_was(fp32: ModelProto, rows: list[Row]) -> None:
    before = fp32.SerializeToString()
    quantise.quantise(fp32, rows[:5])
    assert fp32.SerializeToString() == before


def test_the_finer_form_is_nearer_and_the_same_in_any_batch(
    fp32: ModelProto, rows: list[Row], exact: NDArray[np.float32]
) -> None:
    graph = parity.Graph(quantise.shipping(fp32, rows[:50]))
    coarse, fine = graph.logits(rows), graph.logits(rows, fine=True)
    assert np.array_equal(coarse, parity.Graph(quantise.quantise(fp32, rows[:50])).logits(rows))
    assert _off(fine, exact) < 0.8 * _off(coarse, exact)
    assert np.array_equal(fine, graph.logits(rows[::-1], batch_texts=7, fine=True)[::-1])
    assert np.array_equal(fine, graph.logits(rows, batch_texts=1, fine=True))


def test_both_forms_share_their_weights(fp32: ModelProto, rows: list[Row]) -> None:
    one, both = quantise.quantise(fp32, rows[:50]), quantise.shipping(fp32, rows[:50])
    names = [tensor.name for tensor in both.graph.initializer]
    assert len(names) == len(set(names)) == len(one.graph.initializer)


def test_a_second_look_changes_only_what_is_nearly_tied(fp32: ModelProto, rows: list[Row]) -> None:
    graph = parity.Graph(quantise.shipping(fp32, rows[:50]))
    coarse, fine = graph.logits(rows), graph.logits(rows, fine=True)
    about_story = second_look.stories(rows)
    assert about_story.all() and not second_look.stories([((1, 2), (0, 1))]).any()
    near = {"story": 0.5, "entity": 9.0}
    found = second_look.Looking(graph, near).logits(rows)  # type: ignore[arg-type]
    again = lead(coarse[:, :3]) < 0.5
    assert 0 < again.sum() < len(rows)
    assert np.array_equal(found, np.where(again[:, None], fine, coarse))


def test_margins_hold_what_rounding_does_to_49_of_50() -> None:
    coarse = np.zeros((100, 8), dtype=np.float32)
    coarse[:, 0] = 1.0
    fine = coarse.copy()
    fine[:, 0] += np.linspace(0, 0.99, 100)
    found = second_look.margins(coarse, fine, np.array([True] * 100))
    assert found == {"story": pytest.approx(0.9702, abs=1e-3), "entity": 0.0, "topic": 0.0}
