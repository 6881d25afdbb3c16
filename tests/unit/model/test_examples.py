"""What the model learns from, on a data folder of our own with every source in it."""

import gzip
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from model import examples, robustness_cases
from model.corpus import annotations, read
from model.examples import Example, one_hot, topic_target
from newstide.errors import DataInvalid
from newstide.topics import TOPICS
from tests import tiny_model

NEGATIVE, NEUTRAL, POSITIVE = (one_hot(label) for label in range(3))
EN_ROWS: list[dict[str, Any]] = [
    {"text": "Acme beats Beta", "label": "positive", "source": "sentfin", "entity": "Acme", "mixed": True},
    {"text": "Acme beats Beta", "label": "negative", "source": "sentfin", "entity": "Beta", "mixed": True},
    {"text": "Ｇamma rises", "label": "positive", "source": "sentfin", "entity": "Ｇamma"},
    {"text": "$DLT waits", "label": "neutral", "source": "tfns"},
    {"text": "read by a test", "label": "neutral", "source": "tfns"},
    {"text": "read by validation", "label": "neutral", "source": "tfns"},
]
ZH_ROWS: list[dict[str, Any]] = [
    {"text": "甲公司漲停", "label": "positive", "source": "finfe", "votes": 1, "unanimous": True},
    {"text": "乙公司跌停", "label": "negative", "source": "finfe", "votes": 3, "unanimous": True},
    {"text": "丙公司如何", "label": "neutral", "source": "finfe", "votes": 3, "unanimous": False},
    {"text": "一段报道", "label": "neutral", "source": "finne"},
    {"text": "丁平台跑路", "label": "negative", "source": "finnsp_entity", "entity": "丁平台"},
    {"text": "门户新闻说戊公司好", "label": "positive", "source": "wwxmu", "entity": "戊公司"},
    {"text": "来路不明", "label": "positive", "source": "unknown"},
    {"text": "測試集的文本", "label": "neutral", "source": "finne"},
]
FILES: dict[str, Sequence[Any]] = {
    examples.EN_TRAIN: EN_ROWS,
    examples.EN_VALIDATION: [{"text": "Read by VALIDATION!", "label": "neutral", "source": "tfns"}],
    examples.ZH_TRAIN: ZH_ROWS,
    examples.TESTS[0]: [{"text": "READ by a Test", "label": "neutral", "source": "tfns"}],
    examples.TESTS[1]: [{"text": "测试集的文本", "label": "neutral", "source": "finne"}],
    examples.FLASH_TOPICS: [["比特币上涨", "虚拟货币 外汇"], ["油价与经济", "能源 经济"], ["公司新闻", "公司"]],
    examples.RISK_EVENTS: [["1", "某公司造假", "财务造假", "某公司"], ["2", "某公司资金", "资金账户风险", "某公司"]],
    annotations.TEXTS[0]: [{"text": "兩人都標過"}, {"text": "沒有人標過"}],
    annotations.TEXTS[1]: [{"text": "labelled once"}, {"text": "kept for the test"}],
}
LABELS = {
    "两人都标过": annotations.Labels("zh", ("macro", "currency"), (0, 1)),
    "labelled once": annotations.Labels("en", ("legal",), (2,)),
    "kept for the test": annotations.Labels("en", ("legal", "legal"), (2, 2)),
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder, labels of ours for its unlabelled texts, and a twentieth of our corpus."""
    known = {annotations.key(text): labels for text, labels in LABELS.items()}
    held_back = annotations.key("kept for the test")
    monkeypatch.setattr(annotations, "everything", lambda: known)
    monkeypatch.setattr(annotations, "part_of", lambda key, _: "test" if key == held_back else "train")
    some = read.items()[::20]
    monkeypatch.setattr(read, "items", lambda: some)
    return tiny_model.write_data(tmp_path, FILES)


def of_source(found: Sequence[Example], source: str) -> list[Example]:
    return [example for example in found if example.source == source]


def test_headlines_about_companies_are_stories_and_pairs(root: Path) -> None:
    found = of_source(examples.training(root, "open"), "sentfin")
    pairs = [(e.text, e.entity, e.sentiment, e.weight) for e in found if e.entity is not None]
    assert pairs == [
        ("Acme beats Beta", "Acme", POSITIVE, 1.0),
        ("Acme beats Beta", "Beta", NEGATIVE, 1.0),
        ("Gamma rises", "Gamma", POSITIVE, 1.0),
    ]
    stories = [(e.text, e.sentiment, e.weight) for e in found if e.entity is None]
    assert stories == [("Acme beats Beta", (0.5, 0.0, 0.5), 0.5), ("Gamma rises", POSITIVE, 1.0)]
    assert all(e.language == "en" and e.topics is None and e.group == e.text for e in found)


def test_chinese_sources_count_by_what_is_known_of_their_labels(root: Path) -> None:
    found = examples.training(root, "default")
    assert [(e.text, e.sentiment, e.weight) for e in of_source(found, "finfe")] == [
        ("甲公司涨停", POSITIVE, 0.7),
        ("乙公司跌停", NEGATIVE, 1.0),
        ("丙公司如何", NEUTRAL, 0.7),
    ]
    assert [(e.text, e.entity) for e in of_source(found, "finne")] == [("一段报道", None)]
    assert [(e.entity, e.sentiment, e.weight) for e in of_source(found, "finnsp_entity")] == [("丁平台", NEGATIVE, 0.5)]
    assert {e.entity for e in of_source(found, "wwxmu")} == {None, "戊公司"}
    assert of_source(found, "unknown") == []


def test_labels_of_other_kinds_become_topics_where_they_mean_one(root: Path) -> None:
    found = examples.training(root, "default")
    assert [(e.text, e.topics, e.sentiment) for e in of_source(found, "finnl")] == [
        ("比特币上涨", topic_target("currency"), None)
    ]
    assert [(e.text, e.topics) for e in of_source(found, "finese")] == [("某公司造假", topic_target("fraud_default"))]


def test_what_annotators_see_differently_is_shared(root: Path) -> None:
    chinese, english = of_source(examples.training(root, "default"), "annotated")
    assert (chinese.text, chinese.language, chinese.sentiment) == ("两人都标过", "zh", (0.5, 0.5, 0.0))
    shared = dict(zip(TOPICS, chinese.topics or (), strict=True))
    assert (shared["macro"], shared["currency"], sum(shared.values())) == (0.5, 0.5, 1.0)
    assert (english.text, english.language, english.sentiment) == ("labelled once", "en", POSITIVE)


def test_our_corpus_is_stories_with_topics_and_pairs() -> None:
    items = {item.text: item for item in read.items() if item.part == "train"}
    found = list(examples.own("train"))
    assert len(found) == len(items) + sum(len(item.mentions) for item in items.values())
    mixed = [e for e in found if e.entity is None and max(e.sentiment or ()) < 1]
    assert mixed and all(e.weight == 0.75 and sum(e.sentiment or ()) == pytest.approx(1) for e in mixed)
    assert Counter(e.sentiment for e in mixed).most_common(1)[0][0] == (0.5, 0.0, 0.5)
    assert all(e.topics is not None and sum(e.topics) == 1 for e in found if e.entity is None)
    assert all(e.topics is None for e in found if e.entity is not None)


def test_the_open_build_takes_only_what_has_a_licence(root: Path) -> None:
    for found in (examples.training(root, "open"), examples.validation(root, "open")):
        assert {example.source for example in found} <= {"own", "sentfin", "tfns"}
    everything = {example.source for example in examples.training(root, "default")}
    assert everything == {
        *("own", "sentfin", "tfns", "finfe", "finne", "finnsp_entity", "wwxmu", "finnl", "finese", "annotated")
    }


@pytest.mark.parametrize("build", ["open", "default"])
def test_nothing_that_is_measured_is_learned(root: Path, build: Any) -> None:
    learned = {examples.opening(example.text) for example in examples.training(root, build)}
    held = {examples.opening(example.text) for example in examples.validation(root, build)}
    measured = {examples.opening(example.text) for example in examples.own("test")}
    measured |= {examples.opening(text) for text in ("read by a test", "测试集的文本", "kept for the test")}
    assert not learned & held and not (learned | held) & measured
    assert "readbyvalidation" in held


def test_the_cases_of_the_release_gate_are_not_learned(root: Path) -> None:
    case = robustness_cases.cases()[0].texts[0].text
    rows = [*EN_ROWS, {"text": f"{case}.".upper(), "label": "neutral", "source": "tfns"}]
    tiny_model.write_data(root, {**FILES, examples.EN_TRAIN: rows})
    texts = {example.text.lower() for example in examples.training(root, "open")}
    assert "$dlt waits" in texts and f"{case}.".lower() not in texts


def test_large_sources_are_sampled_by_text_and_always_the_same(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(examples._ROWS_MAX, "wwxmu", 3)
    monkeypatch.setitem(examples._ROWS_MAX, "finese", 4)
    news = [{"text": f"新闻{i}说己公司", "label": "neutral", "source": "wwxmu", "entity": "己公司"} for i in range(9)]
    risks = [[str(i), f"{kind}之{i}", kind, ""] for i in range(9) for kind in ("财务造假", "业绩下滑")]
    tiny_model.write_data(root, {**FILES, examples.ZH_TRAIN: news, examples.RISK_EVENTS: risks})
    found = examples.training(root, "default")
    assert found == examples.training(root, "default")
    assert len(of_source(found, "wwxmu")) == 6 and len({e.text for e in of_source(found, "wwxmu")}) == 3
    assert Counter(e.topics for e in of_source(found, "finese")) == {
        topic_target("fraud_default"): 2,
        topic_target("earnings"): 2,
    }


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (examples.EN_TRAIN, gzip.compress(b'{"text": "a", "label": "great", "source": "tfns"}')),
        (examples.EN_TRAIN, gzip.compress(b'{"text": "a", "label": "neutral"}')),
        (examples.EN_TRAIN, gzip.compress(b'{"label": "neutral", "source": "tfns"}')),
        (examples.ZH_TRAIN, gzip.compress(b'{"text": 1, "label": "neutral", "source": "finne"}')),
        (examples.ZH_TRAIN, gzip.compress(b"[]")),
        (examples.ZH_TRAIN, b"not gzip"),
        (examples.FLASH_TOPICS, b'[["one field"]]'),
        (examples.FLASH_TOPICS, b"{}"),
        (examples.RISK_EVENTS, b'[["1", "text", 3, ""]]'),
        (annotations.TEXTS[0], gzip.compress(b"{}")),
    ],
)
def test_a_row_that_is_none_is_refused_with_its_file(root: Path, name: str, content: bytes) -> None:
    (root / name).write_bytes(content)
    with pytest.raises(DataInvalid, match=name):
        examples.training(root, "default")


def test_targets() -> None:
    assert [Example("a", "en", "own", sentiment=one_hot(i)).label for i in range(3)] == [0, 1, 2]
    assert sum(topic_target("macro")) == 1
    with pytest.raises(ValueError, match="weather"):
        topic_target("weather")
    with pytest.raises(ValueError, match="sentiment"):
        _ = replace(Example("a", "en", "own")).label
