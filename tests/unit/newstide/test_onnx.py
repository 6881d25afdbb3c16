"""What only the scorer with a graph does: calibration by task and language, languages that it has not learned, CUDA."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from newstide import artifact
from newstide.artifact import Calibration, Task
from newstide.errors import ModelInvalid
from newstide.scoring import onnx
from newstide.scoring.onnx import OnnxScorer
from newstide.scoring.port import Opinions, Scorer, label_of, no_opinions
from newstide.topics import TOPICS
from tests.tiny_artifact import COLUMNS, MAX_TOKENS, make_graph, make_tokenizer, write

EN, ZH, NEITHER = "Profit rises", "净利润大涨", "12345"


@pytest.fixture
def scorer(tmp_path: Path) -> Scorer:
    return onnx.load(write(tmp_path / "tiny"), "cpu")


def loaded(folder: Path, **calibration: Calibration) -> Scorer:
    """Calibration by `task_language`."""
    chosen = {(task, language): found for name, found in calibration.items() for task, language in [name.split("_")]}
    return onnx.load(write(folder, calibration=chosen), "cpu")


def test_each_task_and_language_has_its_own_temperature_and_confidence(scorer: Scorer, tmp_path: Path) -> None:
    hot = Calibration(temperature=4.0, confidence=0.9)
    other = loaded(tmp_path / "hot", story_zh=hot, entity_en=hot, topic_zh=hot)
    passes = [*scorer.encode([EN, ZH]), *scorer.encode_pairs([(EN, "Profit"), (ZH, "利润")])]
    before, after = scorer.score(passes), other.score(passes)
    changed = [not np.array_equal(*rows) for rows in zip(before.sentiment, after.sentiment, strict=True)]
    assert changed == [False, True, True, False]
    assert [not np.array_equal(*rows) for rows in zip(before.topics, after.topics, strict=True)] == [
        False,
        True,
        False,
        False,
    ]
    assert after.confidence.tolist() == pytest.approx([0.5, 0.9, 0.9, 0.5])
    assert after.topic_confidence.tolist() == pytest.approx([0.3, 0.9, 1.0, 1.0])
    assert after.sentiment[1].max() < before.sentiment[1].max(), "a higher temperature is a milder answer"


def test_a_text_of_no_language_is_read_as_the_first(tmp_path: Path) -> None:
    passes = loaded(tmp_path, story_en=Calibration(1.0, 0.7), story_zh=Calibration(1.0, 0.9)).encode([NEITHER])
    assert passes[0].language == "und" and len(passes[0])
    found = loaded(tmp_path, story_en=Calibration(1.0, 0.7), story_zh=Calibration(1.0, 0.9)).score(passes)
    assert found.confidence[0] == pytest.approx(0.7)


@pytest.mark.parametrize("text", ["Прибыль упала", "삼성전자 영업이익 감소", "أرباح الشركة", "トヨタ", "Κέρδη 5%"])
def test_a_script_that_it_has_not_learned_gets_no_opinion(scorer: OnnxScorer, text: str) -> None:
    passes = [*scorer.encode([text]), *scorer.encode_pairs([(text, "Acme")])]
    assert not any(map(len, passes))
    found = scorer.score(passes)
    assert {label_of(*each) for each in zip(found.sentiment, found.confidence, strict=True)} == {"unsure"}


@pytest.mark.parametrize(("language", "read", "unread"), [("en", EN, ZH), ("zh", ZH, EN)])
def test_a_language_that_it_has_not_learned_gets_no_opinion(
    tmp_path: Path, language: Any, read: str, unread: str
) -> None:
    scorer = onnx.load(write(tmp_path, languages=[language]), "cpu")
    passes = [*scorer.encode([read, unread]), *scorer.encode_pairs([(read, unread), (unread, read)])]
    assert list(map(bool, map(len, passes))) == [True, False, True, False], "the story decides, not the name"
    found = scorer.score(passes)
    assert label_of(found.sentiment[1], found.confidence[1]) == "unsure"


def test_a_pair_keeps_its_name_and_marks_it_where_it_stands(scorer: Scorer) -> None:
    (short,) = scorer.encode_pairs([("Acme surges", "ACME")])
    assert short.type_ids == (0, 1, 0, 0, 1, 1), "[CLS] acme surges [SEP] acme [SEP]"
    assert (short.task, short.language) == ("entity", "en")
    assert set(scorer.encode(["Acme surges"])[0].type_ids) == {0}
    (long,) = scorer.encode_pairs([("shares fall " * 80, "Acme Beta Bank")])
    assert len(long) == MAX_TOKENS and long.token_ids[-4:-1] == scorer.encode(["Acme Beta Bank"])[0].token_ids[1:-1]


class Binding:
    """As ONNX Runtime's: it remembers what it was bound to, and answers with what the CPU says."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.inputs: dict[str, Any] = {}
        self.outputs: list[tuple[str, str]] = []

    def bind_cpu_input(self, name: str, values: Any) -> None:
        self.inputs[name] = values

    def bind_output(self, name: str, device: str) -> None:
        self.outputs.append((name, device))

    def copy_outputs_to_cpu(self) -> list[Any]:
        return self.session.run([name for name, _ in self.outputs], self.inputs)  # type: ignore[no-any-return]


class OnCuda:
    """A session that says it runs on CUDA; each run is bound anew, for two threads may run it."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.bindings: list[Binding] = []

    def get_inputs(self) -> Any:
        return self.session.get_inputs()

    def get_providers(self) -> list[str]:
        return ["CUDAExecutionProvider", "CPUExecutionProvider"]

    def io_binding(self) -> Binding:
        binding = Binding(self.session)
        self.bindings.append(binding)
        return binding

    def run_with_iobinding(self, binding: Binding) -> None:
        assert binding.outputs == [("logits", "cuda")]


def test_on_cuda_inputs_and_outputs_are_bound(scorer: OnnxScorer, tmp_path: Path) -> None:
    session = OnCuda(scorer._session)
    on_cuda = OnnxScorer(artifact.load(tmp_path / "tiny"), make_tokenizer(), session)
    passes = scorer.encode([EN, ZH, NEITHER])
    for here, there in zip(scorer.score(passes), on_cuda.score(passes), strict=True):
        assert np.array_equal(here, there)
    lengths = {len(each) for each in passes}
    assert sorted(binding.inputs["input_ids"].shape[1] for binding in session.bindings) == sorted(lengths)


def test_a_label_that_is_nearly_tied_is_decided_by_the_finer_form(tmp_path: Path) -> None:
    onnx_format = pytest.importorskip("onnx")
    coarse = onnx_format.load_model_from_string(make_graph())
    fine = onnx_format.load_model_from_string(make_graph())
    for node in fine.graph.node:  # its own sums, turned round
        node.output[:] = ["before" if name == "logits" else name for name in node.output]
    fine.graph.node.append(onnx_format.helper.make_node("Neg", ["before"], ["logits"]))
    from model import twofold  # needs the package onnx

    graph = twofold.either(coarse, fine).SerializeToString()

    def opinions(near: dict[Task, float]) -> Opinions:
        scorer = onnx.load(write(tmp_path / str(len(near)), graph=graph, near=near), "cpu")
        return scorer.score([*scorer.encode([EN, ZH]), *scorer.encode_pairs([(EN, "Profit")])])

    once, again, never = opinions({"story": 100.0, "topic": 0.0}), opinions({"entity": 100.0}), opinions({})
    plain = onnx.load(write(tmp_path / "plain"), "cpu")
    passes = [*plain.encode([EN, ZH]), *plain.encode_pairs([(EN, "Profit")])]
    assert np.array_equal(never.sentiment, plain.score(passes).sentiment)
    turned = [not np.array_equal(*rows) for rows in zip(never.sentiment, once.sentiment, strict=True)]
    assert turned == [True, True, False]
    turned = [not np.array_equal(*rows) for rows in zip(never.sentiment, again.sentiment, strict=True)]
    assert turned == [False, False, True]
    assert once.sentiment[0].argmax() == never.sentiment[0].argmin()


def test_a_graph_that_fails_at_work_is_told_with_what_it_failed_on(scorer: OnnxScorer) -> None:
    beyond = np.full((2, 5), 10**6, dtype=np.int64)
    with pytest.raises(ModelInvalid, match="2 texts of 5 tokens"):
        scorer.logits(beyond, np.zeros_like(beyond))


def test_logits_have_a_column_for_each_answer(scorer: OnnxScorer) -> None:
    (encoded,) = scorer.encode([EN])
    ids, types = np.array([encoded.token_ids]), np.array([encoded.type_ids])
    assert scorer.logits(ids, types).shape == (1, COLUMNS) == (1, 6 + len(TOPICS))
    assert no_opinions(0, 2).topics.shape == (0, 2)
