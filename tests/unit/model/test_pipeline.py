"""The whole way of a tiny model: a trained run, its export, the same answers from the artifact; and the gates."""

import gzip
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from model import data, examples, export, graphs, parity, runs, tokens
from model.corpus import read
from model.examples import Example
from newstide import artifact
from newstide.errors import DataInvalid, ModelInvalid
from newstide.messages import SENTIMENTS
from newstide.scoring import onnx as scoring
from newstide.scoring.batching import score_all, score_encoded
from newstide.scoring.port import Scorer, label_of, topic_of
from newstide.topics import TOPICS
from tests import tiny_model

SIGNS = {None: "x", 0: "-", 1: "0", 2: "+"}


@pytest.fixture(scope="module", autouse=True)
def _tiny_corpus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Our corpus, as far as a tiny model reads it."""
    path = tmp_path_factory.mktemp("corpus") / "tiny.tsv"
    path.write_text("\n".join(map(_line, tiny_model.stories())), encoding="utf-8")
    items = tuple(read.read(path))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(read, "items", lambda: items)
        yield


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of our own."""
    pairs = [
        {"text": e.text, "label": SENTIMENTS[e.label], "source": "sentfin", "entity": e.entity}
        for e in tiny_model.opposing()
        if e.language == "en"
    ]
    tweets = [
        {"text": e.text, "label": SENTIMENTS[e.label], "source": "tfns"}
        for e in tiny_model.stories()
        if e.language == "en"
    ]
    files: dict[str, list[dict[str, Any]]] = {
        examples.EN_TRAIN: pairs,
        examples.EN_VALIDATION: pairs[::2] + tweets[::2],
        data.TEST: tweets[1::2],
    }
    return tiny_model.write_data(tmp_path_factory.mktemp("data"), files)


@pytest.fixture(scope="module")
def made(run: Path, root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("artifacts")
    export.export(export.Request(run, "tiny", folder, root, precisions=("int8", "fp32")))
    return folder / "tiny"


@pytest.fixture(scope="module")
def scorer(made: Path) -> Scorer:
    return scoring.load(made, "cpu", precision="int8")


def _line(example: Example) -> str:
    topic = TOPICS[(example.topics or ()).index(1)]
    return f"{example.language}\twire\t{topic}\t{SIGNS[example.label]}\t-\t{example.text}"


def test_the_artifact_answers_as_it_was_taught(scorer: Scorer) -> None:
    found = tiny_model.stories()
    opinions = score_all(scorer, [example.text for example in found], 256)
    assert np.mean(opinions.sentiment.argmax(axis=1) == [example.label for example in found]) > 0.9
    topics = [topic_of(row, scorer.topics, 0.0) for row in opinions.topics]
    assert np.mean([t == TOPICS[(e.topics or ()).index(1)] for t, e in zip(topics, found, strict=True)]) > 0.9


def test_two_companies_of_one_headline_get_opposite_signs(scorer: Scorer) -> None:
    for text, good, bad in (
        ("acme wins while beta falls", "acme", "beta"),
        ("甲公司上涨乙公司下跌", "甲公司", "乙公司"),
    ):
        opinions = score_encoded(scorer, scorer.encode_pairs([(text, good), (text, bad)]), 256)
        assert [label_of(row, 0.0) for row in opinions.sentiment] == ["positive", "negative"]


def test_a_text_gets_the_same_answer_alone_in_a_batch_and_in_any_order(scorer: Scorer) -> None:
    texts = [example.text for example in tiny_model.stories()]
    together = score_all(scorer, texts, 256)
    backwards = score_all(scorer, texts[::-1], 64)
    for place in range(0, len(texts), 7):
        alone = score_all(scorer, [texts[place]], 256)
        for column, back, own in zip(together, backwards, alone, strict=True):
            assert np.array_equal(column[place], own[0]) and np.array_equal(column[place], back[::-1][place])


def test_int8_and_fp32_agree(made: Path, scorer: Scorer) -> None:
    texts = [example.text for example in tiny_model.stories()]
    fp32 = score_all(scoring.load(made, "cpu", precision="fp32"), texts, 256)
    int8 = score_all(scorer, texts, 256)
    assert parity.agreement(fp32.sentiment, int8.sentiment) >= parity.AGREEMENT_MIN
    assert np.abs(fp32.sentiment - int8.sentiment).max() < 0.1


def test_the_manifest_says_where_it_came_from(made: Path, run: Path) -> None:
    manifest = artifact.load(made).manifest
    record = runs.read(run, runs.RunRecord)
    assert manifest.data == {
        "train": record.train_fingerprint,
        "validation": record.validation_fingerprint,
        "build": "default",
    }
    assert manifest.tokenizer_hash == record.tokenizer_hash and manifest.topics == TOPICS
    assert (manifest.languages, manifest.max_tokens) == (("en", "zh"), 24)
    assert manifest.checks is not None and manifest.checks.version == artifact.version_of(manifest)
    assert {task: set(each) for task, each in manifest.calibration.items()} == dict.fromkeys(
        ("story", "entity", "topic"), {"en", "zh"}
    )
    assert manifest.metrics["export"]["torch_onnx_max_difference"] <= parity.LOGIT_TOLERANCE
    assert set(manifest.metrics["export"]["fp32_int8_agreement"]) == {"story", "entity", "topic"}
    assert manifest.metrics["test"]["sets"]["tfns"]["macro_f1"] > 0.9
    assert set(manifest.files) == {"README.md", "model-int8.onnx", "model-fp32.onnx", "tokenizer.json"}
    assert "/" not in manifest.base
    assert artifact.version_of(manifest) in (made / "README.md").read_text(encoding="utf-8")


def test_no_graph_remembers_where_it_was_made(made: Path) -> None:
    for graph in made.glob("*.onnx"):
        assert re.findall(rb"/[ -~]{0,200}\.py\b", graph.read_bytes()) == []


def test_export_again_is_the_same_version(run: Path, root: Path, made: Path, tmp_path: Path) -> None:
    request = export.Request(run, "tiny", tmp_path, root, precisions=("int8", "fp32"))
    assert export.export(request).version == artifact.load(made).version


def test_export_refuses_another_tokenizer(run: Path, root: Path, tmp_path: Path) -> None:
    spoilt = shutil.copytree(run, tmp_path / "run")
    with (spoilt / runs.TOKENIZER).open("ab") as file:
        file.write(b"\n")
    with pytest.raises(ModelInvalid, match="tokenizer"):
        export.export(export.Request(spoilt, "tiny", tmp_path / "artifacts", root))
    assert not (tmp_path / "artifacts").exists()


@pytest.mark.parametrize(("gate", "least"), [("require_same_logits", -1.0), ("require_agreement", 1.1)])
def test_export_writes_nothing_when_a_gate_refuses(
    run: Path, made: Path, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gate: str, least: float
) -> None:
    assert made.is_dir()  # then the run folder has the graph, and making it again would only take time
    monkeypatch.setattr(graphs, "export", lambda _: onnx.load(run / export.FP32_IN_RUN))
    strict = getattr(parity, gate)
    monkeypatch.setattr(parity, gate, lambda one, other, _=None: strict(one, other, least))
    with pytest.raises(ModelInvalid, match="disagree|int8 gives"):
        export.export(export.Request(run, "tiny", tmp_path / "artifacts", root))
    assert not (tmp_path / "artifacts").exists()


def test_the_gates() -> None:
    logits = np.eye(3, dtype=np.float32)
    assert parity.require_same_logits(logits, logits + np.float32(5e-5)) < parity.LOGIT_TOLERANCE
    for other in (logits + np.float32(2e-4), logits * np.float32("nan")):
        with pytest.raises(ModelInvalid):
            parity.require_same_logits(logits, other)
    with pytest.raises(ModelInvalid):
        parity.require_agreement(logits, logits[::-1])
    parity.require_same_tokenizer("a", "a")
    with pytest.raises(ModelInvalid):
        parity.require_same_tokenizer("a", "b")


def test_the_run_s_tokenizer_is_the_artifact_s(made: Path, run: Path) -> None:
    assert tokens.hash_of(made / runs.TOKENIZER) == tokens.hash_of(run / runs.TOKENIZER)


def test_absent_data_say_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(data.DATA_VARIABLE, str(tmp_path / "absent"))
    with pytest.raises(DataInvalid) as caught:
        data.data_root()
    assert data.DATA_VARIABLE in caught.value.fix
    assert caught.value.exit_code == 4


@pytest.mark.parametrize("content", [b"not gzip", gzip.compress(b"nonsense"), gzip.compress(b"{}\n")[:-4]])
def test_data_that_cannot_be_read(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "split.gz").write_bytes(content)
    with pytest.raises(DataInvalid, match="split.gz"):
        list(data.rows(tmp_path, "split.gz"))
    with pytest.raises(DataInvalid, match="cannot read"):
        list(data.rows(tmp_path, "absent.gz"))
