"""What the sets hold and what is counted, on a data folder of our own and with answers that are known."""

import gzip
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model import data, sets
from model.corpus import annotations
from model.evaluate import Question, Respondent, evaluate, measure
from model.examples import EN_VALIDATION
from model.sets import SETS
from newstide.errors import DataInvalid, UsageError
from newstide.messages import Language
from newstide.scoring.port import Opinions, no_opinions
from newstide.scoring.stub import StubScorer
from newstide.topics import TOPICS

EN_TEST_ROWS: list[dict[str, Any]] = [
    {"text": "Acme rises", "label": "positive", "source": "tfns"},
    {"text": "Acme falls", "label": "negative", "source": "tfns"},
    {"text": "Acme meets", "label": "neutral", "source": "tfns"},
    {"text": "Beta rises", "label": "positive", "source": "fpb", "agree": 100},
    {"text": "Beta falls", "label": "negative", "source": "fpb", "agree": 75},
    {"text": "Beta meets", "label": "neutral", "source": "fpb", "agree": 66},
    {"text": "Beta waits", "label": "neutral", "source": "fpb", "agree": 50},
    {"text": "gold rises", "label": "positive", "source": "gold", "entity": "gold"},
    {"text": "$ACME lol", "label": "negative", "source": "stockemotions", "entity": "ACME"},
]
EN_VALIDATION_ROWS: list[dict[str, Any]] = [
    {"text": "Acme beats Beta", "label": "positive", "source": "sentfin", "entity": "Acme", "mixed": True},
    {"text": "Acme beats Beta", "label": "negative", "source": "sentfin", "entity": "Beta", "mixed": True},
    {"text": "Gamma rises", "label": "positive", "source": "sentfin", "entity": "Gamma", "mixed": False},
    {"text": "Delta rises", "label": "positive", "source": "tfns"},
]
ZH_TEST_ROWS: list[dict[str, Any]] = [
    {"text": "业绩大涨", "label": "positive", "source": "finne"},
    {"text": "业绩大跌", "label": "negative", "source": "finne"},
    {"text": "平台甲跑路", "label": "negative", "source": "finnsp_entity", "entity": "平台甲"},
    {"text": "平台乙获奖", "label": "neutral", "source": "finnsp_entity", "entity": "平台乙"},
    {"text": "平台丙开会", "label": "neutral", "source": "finnsp_entity", "entity": "平台丙"},
]
ANNOTATED = {
    "Both say earnings here": annotations.Labels("en", ("earnings", "earnings"), (2, 2)),
    "One says earnings, one guidance": annotations.Labels("en", ("earnings", "guidance"), (0, 0)),
    "Both say macro, not how good": annotations.Labels("en", ("macro", "macro"), (0, 1)),
    "央行降准": annotations.Labels("zh", ("monetary_policy", "monetary_policy"), (2, 2)),
}
FILES = {data.TEST: EN_TEST_ROWS, EN_VALIDATION: EN_VALIDATION_ROWS, sets.ZH_TEST: ZH_TEST_ROWS}


def pack(rows: Iterable[dict[str, Any]]) -> bytes:
    return gzip.compress("\n".join(json.dumps(row) for row in rows).encode())


def lay(root: Path, files: dict[str, list[dict[str, Any]]]) -> Path:
    texts = [{"text": text} for text in ANNOTATED]
    for name, rows in {**files, annotations.TEXTS[0]: texts[3:], annotations.TEXTS[1]: texts[:3]}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(pack(rows))
    return root


@pytest.fixture(autouse=True)
def _labels(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {annotations.key(text): each for text, each in ANNOTATED.items()}
    monkeypatch.setattr(annotations, "labels", lambda part: known if part == "test" else {})
    monkeypatch.setattr(annotations, "everything", lambda: known)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return lay(tmp_path, FILES)


def answering(
    sentiment: Callable[[Question], Sequence[float]],
    topic: Callable[[Question], str] = lambda _: "other",
    languages: tuple[Language, ...] = ("en", "zh"),
) -> Respondent:
    """Answers as told, ten to one for a topic, and is unsure below one half."""

    def ask(questions: Sequence[Question]) -> Opinions:
        out = no_opinions(len(questions), len(TOPICS))
        for row, question in enumerate(questions):
            out.sentiment[row] = sentiment(question)
            out.topics[row, TOPICS.index(topic(question))] += 1
        out.topics[:] /= out.topics.sum(axis=1, keepdims=True)
        out.confidence[:] = out.topic_confidence[:] = 0.5
        return out

    return Respondent(languages, TOPICS, ask)


def constant(said: Sequence[float]) -> Respondent:
    return answering(lambda _: said)


def oracle(root: Path | None) -> Respondent:
    """Knows every label."""
    sentiments: dict[tuple[str, str | None], int] = {}
    topics: dict[str, str] = {}
    for each in SETS.values():
        if root is None and each.source != sets.OWN:
            continue
        for example in sets.examples_of(each, root)[0]:
            if each.task == "topic":
                topics[example.text] = TOPICS[(example.topics or ()).index(1)]
            else:
                sentiments[example.text, example.entity] = example.label
    return answering(
        lambda question: np.eye(3)[sentiments.get((question.text, question.entity), 1)],
        lambda question: topics.get(question.text, "other"),
    )


def test_who_knows_all_is_right_everywhere(root: Path) -> None:
    report = measure(oracle(root), root)
    assert report["left_out"] == {} and list(report["sets"]) == list(SETS)
    assert {name for name, each in report["sets"].items() if each["macro_f1"] < 1} == set()
    assert all(case["accuracy"] == 1 for each in report["cases"].values() for case in each.values())
    assert {language: each["both_right"] for language, each in report["minimal_pairs"].items()} == {
        "en": 1.0,
        "zh": 1.0,
    }
    assert report["pooled"]["en"]["sets"] == ["tfns", "fpb_50", "own_en", "annotated_en"]
    assert report["pooled"]["en"]["ece"] == 0.0
    assert json.loads(json.dumps(report)) == report


def test_what_each_set_takes(root: Path) -> None:
    report = measure(constant((0.2, 0.6, 0.2)), root)["sets"]
    texts = {name: each["texts"] for name, each in report.items()}
    assert [texts[name] for name in ("tfns", "fpb_50", "fpb_66", "fpb_75", "fpb_100")] == [3, 4, 3, 2, 1]
    assert (texts["gold_direction"], texts["stockemotions"], texts["finne"], texts["finnsp"]) == (1, 1, 2, 3)
    assert (texts["sentfin_validation"], texts["sentfin_opposing"]) == (3, 2)
    assert (texts["annotated_en"], report["annotated_en"]["dropped"]) == (2, 1)
    assert (texts["annotated_topics_en"], report["annotated_topics_en"]["dropped"]) == (2, 1)
    assert (texts["annotated_topics_zh"], report["annotated_topics_zh"]["dropped"]) == (1, 0)
    assert report["tfns"]["unsure_share"] == 0.0 and report["tfns"]["answered_accuracy"] == pytest.approx(
        1 / 3, abs=1e-3
    )


def test_positive_counts_as_neutral_where_a_set_knows_no_positive(root: Path) -> None:
    found = measure(constant((0.1, 0.2, 0.7)), root, ["finnsp"])["sets"]["finnsp"]
    assert found["accuracy"] == pytest.approx(2 / 3, abs=1e-3)
    assert found["macro_f1"] == pytest.approx(0.8 / 2, abs=1e-3)
    assert found["two_way"] is True
    # What was called negative stays so, though neutral and positive together are more.
    found = measure(constant((0.4, 0.3, 0.3)), root, ["finnsp"])["sets"]["finnsp"]
    assert found["accuracy"] == pytest.approx(1 / 3, abs=1e-3) and found["unsure_share"] == 1.0
    assert found["answered_accuracy"] is None


def test_who_says_always_the_same_has_no_minimal_pair_right() -> None:
    for said in ((1, 0, 0), (0, 1, 0), (0, 0, 1)):
        report = measure(constant(said), None)
        assert all(each["both_right"] == 0 and each["pairs"] > 10 for each in report["minimal_pairs"].values())


def test_without_a_data_folder_our_own_corpus_is_measured() -> None:
    report = evaluate(StubScorer(), None)
    assert set(report["sets"]) == {name for name in SETS if name.startswith("own_")}
    assert report["left_out"]["tfns"] == "no data folder"
    assert set(report["pooled"]) == {"en", "zh"} and report["cases"]["denial"]["zh"]["texts"] > 0
    opposing = {item for item in report["sets"] if "opposing" in item}
    assert all(report["sets"][name]["texts"] > 20 for name in opposing)


def test_a_model_of_one_language_is_measured_in_that(root: Path) -> None:
    report = measure(answering(lambda _: (1, 0, 0), languages=("en",)), root)
    assert {SETS[name].language for name in report["sets"]} == {"en"} == set(report["pooled"])
    assert report["left_out"]["finne"] == "a language that it does not read"


def test_a_reference_is_compared_set_by_set(root: Path) -> None:
    same = evaluate(StubScorer(), root, ["tfns"], StubScorer())["sets"]["tfns"]["reference"]
    assert same == {"agreement": 1.0, "macro_f1_loss": 0.0, "probability_difference": 0.0}
    other = measure(constant((0, 1, 0)), root, ["tfns"], oracle(root))["sets"]["tfns"]["reference"]
    assert other["agreement"] == pytest.approx(1 / 3, abs=1e-3) and other["macro_f1_loss"] > 0.5


def test_the_order_of_rows_changes_nothing(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    turned = lay(tmp_path_factory.mktemp("turned"), {name: rows[::-1] for name, rows in FILES.items()})
    assert evaluate(StubScorer(), root) == evaluate(StubScorer(), turned)


def test_refusals(root: Path) -> None:
    with pytest.raises(UsageError, match="no test set"):
        evaluate(StubScorer(), root, ["tfnz"])
    (root / data.TEST).write_bytes(pack([{"text": "Acme", "label": "great", "source": "tfns"}]))
    with pytest.raises(DataInvalid, match="line 1"):
        evaluate(StubScorer(), root, ["tfns"])
    (root / sets.ZH_TEST).unlink()
    with pytest.raises(DataInvalid) as caught:
        evaluate(StubScorer(), root, ["finne"])
    assert data.DATA_VARIABLE in caught.value.fix
    with pytest.raises(DataInvalid):
        sets.examples_of(SETS["tfns"], None)
