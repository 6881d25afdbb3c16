"""What a kill, a damaged file or a wrong option does to a run: nothing is lost, and the refusal is one of ours."""

import shutil
from pathlib import Path

import msgspec
import pytest
import torch

from model import derive, export, network, pretrain, runs, tokens, train, vocabulary
from model.derive import Blend
from newstide.errors import ModelInvalid
from newstide.topics import TOPICS
from tests import tiny_model


def small(base: Path) -> runs.TrainConfig:
    return tiny_model.configuration(base, epochs=2)


@pytest.fixture
def unfinished(base: Path, tmp_path: Path) -> Path:
    """A run that was killed behind its first measurement."""

    def kill(now: object) -> None:
        if (tmp_path / "run" / runs.LAST).is_file():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train.train(small(base), tiny_model.splits(), tmp_path / "run", kill)
    return tmp_path / "run"


def test_a_measurement_that_was_cut_short_is_measured_again(base: Path, unfinished: Path) -> None:
    whole = (unfinished / runs.CURVES).read_bytes()
    (unfinished / runs.CURVES).write_bytes(whole + b'{"step":99,"lo')
    train.train(small(base), tiny_model.splits(), unfinished)
    lines = (unfinished / runs.CURVES).read_bytes().splitlines()
    assert lines[0] + b"\n" == whole and len(lines) == 2 and msgspec.json.decode(lines[1])["step"] != 99


@pytest.mark.parametrize("content", [b"", b"none", b"\x80\x04N."])
def test_a_checkpoint_that_is_none_is_refused(base: Path, unfinished: Path, content: bytes) -> None:
    (unfinished / runs.LAST).write_bytes(content)
    with pytest.raises(ModelInvalid, match=r"last\.pt of the run run cannot be read"):
        train.train(small(base), tiny_model.splits(), unfinished)


def test_another_base_is_refused_and_the_run_stays_whole(base: Path, unfinished: Path, tmp_path: Path) -> None:
    vocabulary.build(tiny_model.make_source(), vocabulary.choose(tiny_model.pieces(), ["acme"] * 99), tmp_path / "b")
    before = {path.name: path.read_bytes() for path in unfinished.iterdir() if path.is_file()}
    for config in (small(tmp_path / "b"), tiny_model.configuration(base, epochs=2, max_tokens=16)):
        with pytest.raises(ModelInvalid, match="another configuration"):
            train.train(config, tiny_model.splits(), unfinished)
    assert {path.name: path.read_bytes() for path in unfinished.iterdir() if path.is_file()} == before
    train.train(small(base), tiny_model.splits(), unfinished)


def test_a_base_that_is_not_there_leaves_no_run(base: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelInvalid):
        train.train(small(tmp_path / "absent"), tiny_model.splits(), tmp_path / "run")
    with pytest.raises(ModelInvalid):
        pretrain.pretrain(
            pretrain.PretrainConfig(str(tmp_path)), {"en": [], "zh": []}, tmp_path / "run", lambda _: None
        )
    assert not (tmp_path / "run").exists()


def test_what_it_cost_counts_the_time_before_the_kill_and_is_not_counted_anew(base: Path, unfinished: Path) -> None:
    record = runs.read(unfinished, runs.RunRecord)
    assert record.minutes is not None and record.peak_mib
    runs.write(unfinished, msgspec.structs.replace(record, minutes=60.0))
    done = train.train(small(base), tiny_model.splits(), unfinished)
    assert done.minutes is not None and 60 <= done.minutes < 70
    assert train.train(small(base), tiny_model.splits(), unfinished) == done, "a finished run is left as it is"


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
@pytest.mark.parametrize("content", [None, b"", b"{}", b"x" * 99])
def test_a_damaged_base_is_refused(base: Path, tmp_path: Path, name: str, content: bytes | None) -> None:
    folder = shutil.copytree(base, tmp_path / "base")
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)
    with pytest.raises(ModelInvalid, match="cannot be read"):
        network.from_base(folder, TOPICS, 0.0)


def test_a_run_without_its_tokenizer_is_not_exported(run: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(run, tmp_path / "run")
    (folder / runs.TOKENIZER).unlink()
    with pytest.raises(ModelInvalid, match=r"cannot read .*tokenizer\.json"):
        export.export(export.Request(folder, "name", tmp_path / "artifacts", tmp_path))
    with pytest.raises(ModelInvalid):
        tokens.read(folder / runs.TOKENIZER)


def test_a_blend_that_fails_leaves_nothing(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = shutil.copytree(run, tmp_path / "whole")
    validation = tiny_model.splits()[1]
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(train, "measure", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        derive.blended(Blend(whole, run, 0.5), tmp_path / "made", validation)
    (whole / runs.LAST).unlink()
    with pytest.raises(ModelInvalid, match=r"last\.pt"):
        derive.blended(Blend(whole, run, 0.5, of_its_end=True), tmp_path / "made", validation)
    assert [path.name for path in tmp_path.iterdir()] == ["whole"]
    record = derive.blended(Blend(whole, run, 0.5), tmp_path / "made", validation)
    assert record.finished_at != runs.read(run, runs.RunRecord).finished_at, "it is no run to be gone on with"
    assert torch.load(tmp_path / "made" / runs.BEST, weights_only=True).keys() == train.load(run).state_dict().keys()


def test_runs_that_are_being_made_are_not_among_the_finished(run: Path, tmp_path: Path) -> None:
    for name in ("one", ".making-x"):
        shutil.copytree(run, tmp_path / name)
    assert runs.finished(tmp_path) == [tmp_path / "one"]
