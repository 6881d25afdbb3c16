"""The model benchmark's arithmetic, and that all its sides answer alike. Two tiny layers with random weights."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import BertConfig

from benchmarks import bench_model, model_peers, model_sides, model_work
from benchmarks.model_sides import Job, Pass
from model import compare, network, quantise, runs, tokens, train
from model.examples import Example, one_hot
from newstide.topics import TOPICS
from tests import tiny_artifact

TEXTS = tuple(
    f"{name} {word} {tail}".strip()
    for name in ("acme", "beta", "the bank")
    for word in ("falls", "profit rises", "forecast")
    for tail in ("", "as losses", "to the shares while the company")
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run: 2 layers of 128, random weights."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    BertConfig(
        vocab_size=len(tiny_artifact.VOCABULARY) + 100,
        hidden_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=256,
        max_position_embeddings=64,
    ).save_pretrained(folder)
    tiny_artifact.make_tokenizer().save(str(folder / runs.TOKENIZER), pretty=False)
    torch.manual_seed(3)
    made = network.from_config(folder, TOPICS)
    torch.nn.init.normal_(made.head.weight, std=0.5)
    rows = [
        (tuple(each.ids), (0,) * len(each.ids)) for each in tiny_artifact.make_tokenizer().encode_batch(list(TEXTS))
    ]
    with torch.no_grad():  # otherwise random weights give all texts one label
        made.head.bias.sub_(torch.tensor(train.logits_of(made, rows).mean(axis=0)))
    torch.save(made.state_dict(), folder / runs.BEST)
    record = runs.RunRecord(
        config=runs.TrainConfig(max_tokens=32),
        tokenizer_hash=tokens.hash_of(folder / runs.TOKENIZER),
        train_fingerprint="",
        validation_fingerprint="",
        train_texts=0,
        validation_texts=0,
        git_commit="",
        started_at="2026-03-02T00:00:00Z",
    )
    runs.write(folder, record)
    return folder


def test_operations_are_those_of_the_published_example() -> None:
    mini = model_work.Shape(6, 384, 1536)
    assert model_work.operations(mini, 20) == pytest.approx(372.0e6, rel=1e-3)
    assert model_work.operations(model_work.Shape(12, 768, 3072), 20) == pytest.approx(3.188e9, rel=1e-3)


def test_the_limit_of_a_known_processor_and_of_an_unknown_one() -> None:
    known = model_work.limit("25", ["avx512_vnni"], 2, 3.5)
    assert known.per_second["int8"] == pytest.approx(896e9)
    assert known.share(1_204, 372.0e6, "fp32") == pytest.approx(2.0, abs=0.01)
    assert "Zen 4" in known.assumption and "3.5 GHz" in known.assumption
    assert model_work.limit("6", ["avx512_vnni"], 2, 3.5).share(1_000, 1e6, "int8") is None
    assert model_work.limit("25", [], 2, 3.5).share(1_000, 1e6, "int8") is None


def test_figures_are_medians_and_ratios_to_the_best_batch_size() -> None:
    def line(side: str, variant: str, *seconds: float) -> bench_model.Line:
        return bench_model.Line(side, variant, [Pass(each, 2 * each, 100, (0, 1)) for each in seconds])

    lines = [
        line(model_sides.PIPELINE, "batch 1", 4.0, 4.0, 4.0),
        line(model_sides.PIPELINE, "batch 8", 2.0, 1.0, 3.0),
        line("ours fp32", "x", 1.0),
        line("ours int8", "x", 0.25, 0.2, 0.3),
    ]
    limit = model_work.limit("26", ["avx512_vnni"], 1, 1.0)
    found = bench_model.figures(lines, [10, 30], limit, {False: 1e9, True: 1e9})
    assert [each.ratio for each in found] == [0.5, 1.0, 2.0, 8.0]
    ours = found[-1]
    assert (ours.headlines_per_second, ours.spread, ours.tokens_per_second) == (8.0, (6.7, 10.0), 160)
    assert (ours.cpu_seconds_per_1000, ours.labels_as_fp32, ours.share_of_limit) == (250.0, 1.0, 0.0312)


def test_every_side_gives_the_labels_of_the_network(run: Path, tmp_path: Path) -> None:
    model_sides.write_artifact(run, tmp_path / "ours", TEXTS[:4], fp16=False)
    job = Job(run, None, TEXTS, 2, 64, tmp_path)
    answers = {
        **model_peers.pipelines(run, TEXTS, (1, 8), fp16=False),
        **model_peers.padded_onnx(run, TEXTS, (8,), tmp_path),
        **model_sides.SIDES["ours fp32"].build(job),
    }
    expected = model_sides.SIDES["ours fp32"].build(job)["1 session of 2 threads"]()
    assert len(answers) == 5 and len(set(expected.tolist())) > 1
    for name, answer in answers.items():
        assert np.array_equal(answer(), expected), name
    assert (model_sides.SIDES["ours int8"].build(job)["2 sessions of 1 thread"]() == expected).mean() > 0.9


def test_comparison_of_recipes_and_a_student(run: Path) -> None:
    stories = [Example(text, "en", "own", sentiment=one_hot(i % 3)) for i, text in enumerate(TEXTS)]
    pairs = [Example(text, "en", "own", "acme", one_hot(1)) for text in TEXTS[:9]]
    found = {each.name: each for each in compare.compare(run, stories + pairs, stories[:4], student=run)}
    assert found["fp32"].story_agreement == 1 and found["fp32"].difference == 0 and found["fp32"].invariant
    ships = found[f"**{quantise.SHIPPED}, a second look** (ships)"]
    assert ships.invariant and ships.story_agreement > 0.9 and ships.megabytes < found["fp32"].megabytes
    assert found["student, int8"].entity_agreement == found[quantise.SHIPPED].entity_agreement
    assert set(ships.macro_f1) == {"en"} and ships.line().count("|") == compare.HEAD.splitlines()[0].count("|")
