"""Labels from people: what is read, what is mixed with them, and that what was known must stay known."""

import json
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch

from model import examples, export, finetune, pretrain, runs
from model.examples import Example, one_hot, topic_target
from newstide.errors import DataInvalid, ModelInvalid
from tests import tiny_model


def labels_of(folder: Path, *rows: Any) -> Path:
    path = folder / "labels.jsonl"
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows), encoding="utf-8")
    return path


def test_labels_become_examples(tmp_path: Path) -> None:
    path = labels_of(
        tmp_path,
        {"text": "Ａcme wins", "label": "positive"},
        {"text": "甲公司上漲", "label": "negative", "entity": "甲公司", "topic": None},
        {"text": "Beta sued", "topic": "legal"},
        "",
        {"text": "Beta sued", "topic": "legal", "label": "negative", "entity": "Beta"},
        {"text": "Beta cut", "label": "neutral", "topic": "product", "by": "somebody", "at": "2026-01-01T00:00:00Z"},
    )
    assert finetune.read_labels(path) == [
        Example("Acme wins", "en", "people", None, one_hot(2), None, 2.0),
        Example("甲公司上涨", "zh", "people", "甲公司", one_hot(0), None, 2.0),
        Example("Beta sued", "en", "people", None, None, topic_target("legal"), 2.0),
        Example("Beta sued", "en", "people", "Beta", one_hot(0), None, 2.0),
        Example("Beta sued", "en", "people", None, None, topic_target("legal"), 2.0),
        Example("Beta cut", "en", "people", None, one_hot(1), topic_target("product"), 2.0),
    ]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("{", "truncated"),
        ("[]", "object"),
        ('{"x": ' + "[" * 99_999, "recursion"),
        ({"text": "a", "label": "positive", "entity": " \u200b"}, "a name"),
        ({"label": "positive"}, "text"),
        ({"text": "a"}, "label or a topic"),
        ({"text": " ", "label": "positive"}, "needs a text"),
        ({"text": "a", "label": "great"}, "great"),
        ({"text": "a", "label": "unsure"}, "unsure"),
        ({"text": "a", "topic": "weather"}, "weather"),
        ({"text": 1, "label": "positive"}, "str"),
    ],
)
def test_a_line_that_is_no_label_is_refused_with_its_number(tmp_path: Path, row: Any, why: str) -> None:
    path = labels_of(tmp_path, {"text": "a", "label": "positive"}, row, {"text": "b", "label": "positive"})
    with pytest.raises(DataInvalid, match="labels.jsonl, line 2") as caught:
        finetune.read_labels(path)
    assert why in str(caught.value.why)


def test_a_file_without_labels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataInvalid, match="holds no labels"):
        finetune.read_labels(labels_of(tmp_path))
    with pytest.raises(DataInvalid, match="cannot read"):
        finetune.read_labels(tmp_path / "absent.jsonl")


@pytest.mark.parametrize(("labels", "replayed"), [(1, 20), (4, 32), (40, 100)])
def test_labels_come_with_a_replay_of_old_examples(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, labels: int, replayed: int
) -> None:
    old = [Example(f"old {i}", "en", "own", None, one_hot(1)) for i in range(100)]
    monkeypatch.setattr(examples, "training", lambda root, build: old)
    monkeypatch.setattr(examples, "validation", lambda root, build: old[:3])
    monkeypatch.setattr(examples, "withheld", lambda root, build: set())
    monkeypatch.setattr(finetune, "REPLAY_MIN", 20)
    path = labels_of(tmp_path, *({"text": f"new {i}", "label": "positive"} for i in range(labels)))
    config = tiny_model.configuration(tmp_path)
    fit, held = finetune.splits(tmp_path, config, path)
    assert [example.source for example in fit] == ["people"] * labels + ["own"] * replayed
    assert len({example.text for example in fit}) == len(fit) and held == old[:3]
    assert finetune.splits(tmp_path, config, path) == (fit, held)


def test_a_sample_is_drawn_with_the_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = [Example(f"old {i}", "en", "own", None, one_hot(1)) for i in range(100)]
    monkeypatch.setattr(examples, "training", lambda root, build: old)
    monkeypatch.setattr(examples, "validation", lambda root, build: [])
    whole, some, again, other, more = (
        finetune.splits(tmp_path, tiny_model.configuration(tmp_path, rows=rows, seed=seed))[0]
        for rows, seed in ((0, 7), (10, 7), (10, 7), (10, 8), (1_000, 7))
    )
    assert whole == old and len(some) == 10 and some == again != other and len(more) == 100


def test_a_run_that_forgot_is_refused(run: Path, tmp_path: Path) -> None:
    held = tiny_model.splits()[1]
    run = shutil.copytree(run, tmp_path / "tiny")
    same = finetune.guard(run, run, held)
    assert set(same) == set(runs.read(run, runs.RunRecord).best or ()) and set(same.values()) == {0.0}
    worse = shutil.copytree(run, tmp_path / "worse")
    weights = torch.load(worse / runs.BEST, weights_only=True)
    weights["head.bias"][:3] += torch.tensor([0.0, 0.0, 50.0])
    torch.save(weights, worse / runs.BEST)
    with pytest.raises(ModelInvalid, match="worse is worse than tiny") as caught:
        finetune.guard(run, worse, held)
    assert "story_en" in str(caught.value.why) and "entity" not in str(caught.value.why)
    assert runs.read(worse, runs.RunRecord).guard.startswith("it is worse than tiny on old data: ")
    assert min(finetune.guard(worse, run, held).values()) >= 0
    assert runs.read(run, runs.RunRecord).guard == ""


def test_a_run_that_forgot_or_was_never_asked_is_not_exported(run: Path, tmp_path: Path) -> None:
    folder, record = shutil.copytree(run, tmp_path / "run"), runs.read(run, runs.RunRecord)
    config = msgspec.structs.replace(record.config, guarded=True)
    request = export.Request(folder, "name", tmp_path / "artifacts", tmp_path)
    assert record.guard, "until it is asked"
    for verdict in (record.guard, "it is worse than tiny on old data: story_en by -0.1000"):
        runs.write(folder, msgspec.structs.replace(record, config=config, guard=verdict))
        with pytest.raises(ModelInvalid, match="run is not for export") as caught:
            export.export(request)
        assert caught.value.why == verdict
    assert not request.artifacts.exists()
    finetune.guard(run, folder, tiny_model.splits()[1])
    with pytest.raises(DataInvalid):  # the next that it asks for is the data folder
        export.export(request)


def test_labels_on_texts_that_measure_the_model_are_left_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examples, "withheld", lambda root, build: {examples.opening("Seen in a test!")})
    path = labels_of(tmp_path, *({"text": text, "label": "positive"} for text in ("seen in a test", "new")))
    assert [example.text for example in finetune.learnable(tmp_path, "default", path)] == ["new"]
    with pytest.raises(DataInvalid, match="no labels to learn from"):
        finetune.learnable(tmp_path, "default", labels_of(tmp_path, {"text": "Seen in a test", "topic": "macro"}))


def test_a_teacher_answers_texts_without_labels_but_none_that_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = {"en": ["held", "seen in a test", "free one", "free two"], "zh": ["留出", "自由一", "自由二"]}
    monkeypatch.setattr(examples, "training", lambda root, build: [])
    monkeypatch.setattr(examples, "validation", lambda root, build: [])
    monkeypatch.setattr(examples, "withheld", lambda root, build: {examples.opening("Seen in a test!")})
    monkeypatch.setattr(pretrain, "read_texts", lambda root, build: texts)
    monkeypatch.setattr(pretrain, "HELD_TEXTS", 1)
    fit, _ = finetune.splits(tmp_path, tiny_model.configuration(tmp_path, unlabelled=2))
    assert [(e.text, e.language) for e in fit] == [
        *(("free one", "en"), ("free two", "en")),
        *(("自由一", "zh"), ("自由二", "zh")),
    ]
    assert all(e.sentiment is None and e.topics is None and e.entity is None for e in fit)
    one = finetune.splits(tmp_path, tiny_model.configuration(tmp_path, unlabelled=1))[0]
    assert [e.text for e in one] == ["free one", "自由一"]
