"""Runs made of runs: between two, and with fewer pieces."""

import shutil
from pathlib import Path

import msgspec
import pytest
import torch

from model import derive, inputs, runs, tokens, train, vocabulary
from model.derive import Blend
from newstide.errors import UsageError
from tests import tiny_model

VALIDATION = tiny_model.splits()[1]


def other(run: Path, folder: Path) -> Path:
    """The run with every weight doubled."""
    shutil.copytree(run, folder)
    runs.save(folder / runs.BEST, {name: 2 * value for name, value in train.load(run).state_dict().items()})
    return folder


def test_a_blend_lies_between_and_is_measured(run: Path, tmp_path: Path) -> None:
    record = derive.blended(Blend(run, other(run, tmp_path / "other"), 0.25), tmp_path / "made", VALIDATION)
    before, after = train.load(run).state_dict(), train.load(tmp_path / "made").state_dict()
    name = "encoder.embeddings.word_embeddings.weight"
    assert torch.allclose(after[name], 1.25 * before[name])
    assert record.made_of == f"{run.name} moved towards other by 0.25"
    assert record == runs.read(tmp_path / "made", runs.RunRecord)
    assert record.best_macro_f1 == pytest.approx(sum(record.best.values()) / len(record.best)) if record.best else False


def test_the_end_of_a_run_may_be_taken_for_its_best(run: Path, tmp_path: Path) -> None:
    second = other(run, tmp_path / "other")
    record = derive.blended(Blend(run, second, 0.0, of_its_end=True), tmp_path / "made", VALIDATION)
    last = torch.load(run / runs.LAST, weights_only=True)["average"]
    made = train.load(tmp_path / "made").state_dict()
    assert all(torch.equal(made[name], last[name]) for name in made)
    assert record.made_of == f"{run.name}, as it ended, moved towards other by 0"


def test_nothing_lies_between_runs_of_other_tokens(run: Path, tmp_path: Path) -> None:
    second = other(run, tmp_path / "other")
    runs.write(second, msgspec.structs.replace(runs.read(second, runs.RunRecord), tokenizer_hash="another"))
    with pytest.raises(UsageError, match="nothing between"):
        derive.blended(Blend(run, second, 0.5), tmp_path / "made", VALIDATION)
    assert not (tmp_path / "made").exists()


def test_a_trimmed_run_says_the_same_of_texts_whose_pieces_it_kept(run: Path, tmp_path: Path) -> None:
    texts = [example.text for example in VALIDATION]
    before = vocabulary.pieces_of(tokens.read(run / runs.TOKENIZER))
    unused = "▁gamma"
    used = [text for text in texts if "gamma" not in text]
    record = derive.trimmed(run, used * vocabulary.COUNT_MIN, tmp_path / "made", VALIDATION)
    after = vocabulary.pieces_of(tokens.read(tmp_path / "made" / runs.TOKENIZER))
    assert unused in dict(before) and unused not in dict(after) and set(after) < set(before)
    assert record.tokenizer_hash == tokens.hash_of(tmp_path / "made" / runs.TOKENIZER)
    assert record.made_of == f"{run.name} with {len(after)} pieces of {len(before)}"
    kept = [example for example in VALIDATION if "gamma" not in example.text]
    said = [
        train.logits_of(train.load(each), inputs.rows_of(tokens.read(each / runs.TOKENIZER), kept))
        for each in (run, tmp_path / "made")
    ]
    assert torch.equal(torch.tensor(said[0]), torch.tensor(said[1]))
