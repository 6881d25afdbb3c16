"""The whole way of a tiny model: train, resume, export, evaluate, choose. Two layers, random weights, own data."""

import gzip
import json
import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel

from model import data, export, parity, registry, runs, tokens, train
from newstide import artifact
from newstide.errors import DataInvalid, ModelInvalid
from newstide.scoring import onnx as scoring
from newstide.scoring.batching import score_all

NAMES = ["acme", "beta", "gamma", "delta", "omega", "sigma"]
WORDS = {
    "negative": ["falls", "loses", "fraud"],
    "neutral": ["meets", "moves", "talks"],
    "positive": ["wins", "gains", "beats"],
}
TAILS = ["", "today", "in the spring", "as the market opens on monday"]


def lines() -> list[dict[str, object]]:
    return [
        {"text": f"{name} {word} {tail}".strip(), "label": label, "source": "tfns"}
        for name in NAMES
        for label, words in WORDS.items()
        for word in words
        for tail in TAILS
    ]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of our own."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "sentiment").mkdir()
    rows = lines()
    for name, chosen in ((data.TRAINING, rows), (data.VALIDATION, rows[::2]), (data.TEST, rows[1::2])):
        (folder / name).write_bytes(gzip.compress("\n".join(map(json.dumps, chosen)).encode()))
    return folder


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Hugging Face encoder folder: two layers, random weights, a vocabulary of whole words."""
    folder = tmp_path_factory.mktemp("base")
    known = sorted({word for line in lines() for word in str(line["text"]).split()})
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *known, *(f"unused{i}" for i in range(90))]
    vocabulary = {word: i for i, word in enumerate(names)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    torch.manual_seed(1)
    shape = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=32,
    )
    BertModel(shape).save_pretrained(folder)
    return folder


def configuration(base: Path) -> runs.TrainConfig:
    return runs.TrainConfig(
        base=str(base),
        epochs=6,
        evals_per_epoch=1,
        patience=9,
        max_tokens=24,
        batch_texts=16,
        encoder_lr=3e-3,
        head_lr=1e-2,
        averaging=0.8,
        freeze_word_embeddings=False,
        bf16=False,
        threads=1,
        dropout=0.0,
    )


def splits(root: Path) -> tuple[data.Split, data.Split]:
    return data.read_split(root, data.TRAINING, merge=True), data.read_split(root, data.VALIDATION, merge=True)


@pytest.fixture(scope="module")
def run(base: Path, root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    train.train(configuration(base), splits(root), folder)
    return folder


@pytest.fixture(scope="module")
def made(run: Path, root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("artifacts")
    export.export(export.Request(run, "tiny", folder, root, with_fp32=True))
    return folder


def test_training_learns_and_records(run: Path) -> None:
    record = runs.read_record(run)
    assert record.best_macro_f1 is not None and record.best_macro_f1 > 0.9
    assert record.finished_at is not None
    curves = [json.loads(line) for line in (run / runs.CURVES).read_text().splitlines()]
    assert [point["step"] for point in curves] == sorted({point["step"] for point in curves})
    assert curves[-1]["loss"] < curves[0]["loss"]
    assert record.tokenizer_hash == tokens.hash_of(run / runs.TOKENIZER)


def test_a_killed_run_continues_to_the_same_weights(base: Path, root: Path, run: Path, tmp_path: Path) -> None:
    class Killed(Exception):
        pass

    def kill(now: train.Progress) -> None:
        if now.step == 20:
            raise Killed

    with pytest.raises(Killed):
        train.train(configuration(base), splits(root), tmp_path, kill)
    assert runs.read_record(tmp_path).finished_at is None
    train.train(configuration(base), splits(root), tmp_path)
    again, straight = (torch.load(folder / runs.BEST, weights_only=True) for folder in (tmp_path, run))
    assert all(torch.equal(again[name], straight[name]) for name in straight)
    assert (tmp_path / runs.CURVES).read_bytes() == (run / runs.CURVES).read_bytes()


def test_a_run_is_not_continued_with_another_configuration(base: Path, root: Path, run: Path) -> None:
    other = msgspec.structs.replace(configuration(base), seed=8)
    with pytest.raises(ModelInvalid, match="another configuration"):
        train.train(other, splits(root), run)


def test_the_artifact_scores_as_torch_does_and_is_invariant(made: Path) -> None:
    texts = [str(line["text"]) for line in lines()]
    int8 = scoring.load(made / "tiny", "cpu", precision="int8")
    fp32 = scoring.load(made / "tiny", "cpu", precision="fp32")
    one, other = score_all(int8, texts, 256), score_all(fp32, texts, 256)
    assert parity.agreement(one, other) >= parity.AGREEMENT_MIN
    alone = np.concatenate([score_all(int8, [text], 256) for text in texts[:40]])
    assert np.array_equal(alone, one[:40])


def test_the_manifest_says_where_it_came_from(made: Path, run: Path) -> None:
    manifest = artifact.load(made / "tiny").manifest
    record = runs.read_record(run)
    assert manifest.data[data.TRAINING] == record.train_fingerprint
    assert manifest.tokenizer_hash == record.tokenizer_hash
    assert manifest.metrics["export"]["torch_onnx_max_difference"] <= parity.LOGIT_TOLERANCE
    assert manifest.metrics["test"]["sets"]["tfns"]["macro_f1"] > 0.9
    assert "/" not in manifest.base
    card = (made / "tiny" / "README.md").read_text(encoding="utf-8")
    assert artifact.version_of(manifest) in card


def test_export_again_is_the_same_version(run: Path, root: Path, made: Path, tmp_path: Path) -> None:
    again = export.export(export.Request(run, "tiny", tmp_path, root, with_fp32=True))
    assert again.version == artifact.load(made / "tiny").version


def test_export_refuses_another_tokenizer(run: Path, root: Path, tmp_path: Path) -> None:
    spoilt = shutil.copytree(run, tmp_path / "run")
    with (spoilt / runs.TOKENIZER).open("ab") as file:
        file.write(b"\n")
    with pytest.raises(ModelInvalid, match="tokenizer"):
        export.export(export.Request(spoilt, "tiny", tmp_path / "artifacts", root))
    assert not (tmp_path / "artifacts").exists()


def test_export_refuses_weights_that_are_a_pickle_of_something_else(run: Path, root: Path, tmp_path: Path) -> None:
    spoilt = shutil.copytree(run, tmp_path / "run")
    (spoilt / runs.BEST).write_bytes(b"\x80\x04N.")
    with pytest.raises(ModelInvalid, match="weights"):
        export.export(export.Request(spoilt, "tiny", tmp_path / "artifacts", root))


def test_the_gates() -> None:
    logits = np.eye(3, dtype=np.float32)
    assert parity.require_same_logits(logits, logits + np.float32(5e-5)) < parity.LOGIT_TOLERANCE
    for other in (logits + np.float32(2e-4), logits * np.float32("nan")):
        with pytest.raises(ModelInvalid):
            parity.require_same_logits(logits, other)
    with pytest.raises(ModelInvalid):
        parity.require_agreement(logits, logits[::-1])


def test_the_registry(made: Path) -> None:
    (made / "broken").mkdir(exist_ok=True)
    (made / "broken" / artifact.MANIFEST).write_bytes(b"{}")
    names = {entry.name: entry for entry in registry.entries(made)}
    assert names["broken"].problem and names["tiny"].problem is None
    with pytest.raises(ModelInvalid):
        registry.use(made, "broken")
    with pytest.raises(ModelInvalid, match="no artifact"):
        registry.find(made, "absent")
    assert registry.active_name(made) is None
    registry.use(made, "tiny")
    assert registry.active_name(made) == "tiny"
    assert artifact.load(made).version == names["tiny"].version


def test_absent_data_say_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(DataInvalid) as caught:
        data.data_root(tmp_path / "absent")
    assert data.DATA_VARIABLE in caught.value.fix
    assert caught.value.exit_code == 4


@pytest.mark.parametrize(
    "content",
    [
        b"not gzip",
        gzip.compress(b""),
        gzip.compress(b"nonsense"),
        gzip.compress(b"{}\n")[:-4],
        gzip.compress(b'{"text": "a", "label": "great", "source": "x"}'),
    ],
)
def test_data_that_cannot_be_read(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "split.gz").write_bytes(content)
    with pytest.raises(DataInvalid):
        data.read_split(tmp_path, "split.gz")


def test_opposing_labels_become_a_shared_target() -> None:
    rows = [
        data.Row("a", (1.0, 0.0, 0.0), "s"),
        data.Row("a", (0.0, 0.0, 1.0), "s"),
        data.Row("b", (0.0, 1.0, 0.0), "s"),
    ]
    merged = data.merge_rows(rows)
    assert [row.target for row in merged] == [(0.5, 0.0, 0.5), (0.0, 1.0, 0.0)]
    assert [row.mixed for row in merged] == [True, False]
    assert data.clear_rows(merged) == [merged[1]]
