"""Pre-training: what is hidden, that a killed run goes on as if it had not been, and what it leaves."""

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from transformers import AutoModel

from model import examples, pretrain, runs, tokens
from model.corpus import annotations, read
from model.learning import Progress
from model.pretrain import PretrainConfig
from newstide.errors import ModelInvalid
from tests import tiny_model

MASK = 4


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretrain, "CHECKPOINT_STEPS", 4)
    monkeypatch.setattr(pretrain, "HELD_TEXTS", 8)


def configuration(base: Path, **changed: Any) -> PretrainConfig:
    given = {"base": str(base), "steps": 12, "batch_texts": 8, "max_tokens": 16, "bf16": False, "threads": 1}
    return PretrainConfig(**{**given, **changed})


def texts() -> dict[str, list[str]]:
    found = [example.text for example in tiny_model.stories()]
    return {"zh": [t for t in found if not t.isascii()], "en": [t for t in found if t.isascii()]}


def losses_of(config: PretrainConfig, folder: Path, stop: int | None = None) -> list[float]:
    seen: list[float] = []

    def report(now: Progress) -> None:
        seen.append(now.loss)
        if now.step == stop:
            raise KeyboardInterrupt

    if stop is None:
        pretrain.pretrain(config, texts(), folder, report)
    else:
        with pytest.raises(KeyboardInterrupt):
            pretrain.pretrain(config, texts(), folder, report)
    return seen


def test_a_fifth_is_hidden_and_most_of_it_by_the_mask() -> None:
    config = PretrainConfig(base="any")
    rows = [[2, *range(100, 100 + length), 3] for length in (40, 62, 62, 50)] * 50
    ids, present, hidden, truth = pretrain._Masker(config, MASK, 5_000).of(rows, 1)
    original = torch.tensor([[*row, *[0] * (64 - len(row))] for row in rows])
    assert torch.equal(truth, original[hidden]) and torch.equal(ids[~hidden], original[~hidden])
    assert torch.equal(present.bool(), original != 0)
    assert not hidden[:, 0].any() and not (hidden & (original == 3)).any() and not (hidden & (original == 0)).any()
    inner = sum(len(row) - 2 for row in rows)
    assert int(hidden.sum()) / inner == pytest.approx(0.2, abs=0.02)
    kinds = Counter(
        "mask" if now == MASK else "same" if now == before else "other"
        for now, before in zip(ids[hidden].tolist(), truth.tolist(), strict=True)
    )
    shares = {kind: count / kinds.total() for kind, count in kinds.items()}
    assert shares == pytest.approx({"mask": 0.8, "other": 0.1, "same": 0.1}, abs=0.04)
    assert int(ids.min()) >= 0 and int(ids.max()) < 5_000


def test_masks_depend_on_the_seed_alone() -> None:
    masker, rows = pretrain._Masker(PretrainConfig(base="any"), MASK, 90), [list(range(2, 60))] * 4
    one, again, other = (masker.of(rows, seed)[0] for seed in (1, 1, 2))
    assert torch.equal(one, again) and not torch.equal(one, other)


def test_a_killed_run_goes_on_with_the_same_losses(base: Path, tmp_path: Path) -> None:
    straight = losses_of(configuration(base), tmp_path / "straight")
    before = losses_of(configuration(base), tmp_path / "killed", stop=6)
    after = losses_of(configuration(base), tmp_path / "killed")
    assert before[:4] + after == straight and len(straight) == 12
    one, other = (runs.read(tmp_path / name, pretrain.PretrainRecord).held_loss for name in ("straight", "killed"))
    assert one == other and set(one) == {"zh", "en"}
    first, second = ((tmp_path / name / runs.CURVES).read_bytes() for name in ("straight", "killed"))
    assert first == second


def test_it_learns_and_leaves_a_base(base: Path, tmp_path: Path) -> None:
    losses = losses_of(configuration(base, steps=40, encoder_lr=3e-3, embedding_lr=1e-2), tmp_path)
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])
    folder = tmp_path / pretrain.ENCODER
    assert tokens.read(folder / tokens.FILE).to_str() == tokens.read(base / tokens.FILE).to_str()
    old, new = (AutoModel.from_pretrained(each, local_files_only=True) for each in (base, folder))
    assert old.config.vocab_size == new.config.vocab_size
    assert not torch.equal(old.get_input_embeddings().weight, new.get_input_embeddings().weight)
    assert runs.read(tmp_path, pretrain.PretrainRecord).finished_at is not None


def test_another_configuration_or_other_texts_are_refused(base: Path, tmp_path: Path) -> None:
    config = configuration(base, steps=1)
    pretrain.pretrain(config, texts(), tmp_path, lambda _: None)
    with pytest.raises(ModelInvalid, match="another configuration"):
        pretrain.pretrain(msgspec.structs.replace(config, seed=8), texts(), tmp_path, lambda _: None)
    with pytest.raises(ModelInvalid, match="other data"):
        pretrain.pretrain(config, {**texts(), "en": texts()["en"][1:]}, tmp_path, lambda _: None)


def test_too_few_texts_are_refused_instead_of_waited_for(base: Path, tmp_path: Path) -> None:
    few = {language: rows[: pretrain.HELD_TEXTS] for language, rows in texts().items()}
    with pytest.raises(ModelInvalid, match="nothing to pre-train"):
        pretrain.pretrain(configuration(base), few, tmp_path, lambda _: None)


def test_english_comes_at_its_share(base: Path) -> None:
    fit = {"zh": [[1, 1]] * 10, "en": [[2, 2]] * 10}
    config = configuration(base, steps=400, english_share=0.25)
    languages = Counter(batch[0][0] for batch in pretrain._schedule(fit, config, 0))
    assert languages.total() == 400 and languages[2] / 400 == pytest.approx(0.25, abs=0.06)
    assert list(pretrain._schedule(fit, config, 390)) == list(pretrain._schedule(fit, config, 0))[390:]


def test_texts_are_distinct_folded_and_sorted_by_language(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"text": text} for text in ("漲停", "涨停", "Ａcme rises", "Acme rises", "123", "")]
    root = tiny_model.write_data(tmp_path, {annotations.TEXTS[0]: rows})
    assert pretrain.read_texts(root, "default") == {"zh": ["涨停"], "en": ["Acme rises"]}
    some = read.items()[::50]
    monkeypatch.setattr(read, "items", lambda: some)
    ours = pretrain.read_texts(root, "open")
    assert {text for found in ours.values() for text in found} == {e.text for e in examples.training(root, "open")}
