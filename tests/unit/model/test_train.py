"""Training on a tiny base: it learns, it survives a kill, a student learns from a teacher."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoConfig, BertModel

from model import augment, inputs, judging, learning, losses, network, runs, tokens, train
from model.examples import Example, one_hot, topic_target
from newstide.errors import ModelInvalid
from newstide.heads import ENTITY, TOPIC
from newstide.topics import TOPICS
from tests import tiny_model


class Killed(Exception):
    pass


def kill_at(step: int, config: runs.TrainConfig, folder: Path) -> None:
    def kill(now: learning.Progress) -> None:
        if now.step == step:
            raise Killed

    with pytest.raises(Killed):
        train.train(config, tiny_model.splits(), folder, kill)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = torch.load(folder / runs.BEST, weights_only=True)
    return found


def test_it_learns_all_tasks_in_both_languages_and_records_it(run: Path) -> None:
    record = runs.read(run, runs.RunRecord)
    assert record.best is not None and record.finished_at is not None
    assert set(record.best) == {f"{task}_{code}" for task in ("story", "entity", "topic") for code in ("en", "zh")}
    assert min(record.best.values()) > 0.9
    assert record.best_macro_f1 == pytest.approx(sum(record.best.values()) / 6)
    assert (record.train_texts, record.validation_texts) == tuple(map(len, tiny_model.splits()))
    assert record.tokenizer_hash == tokens.hash_of(run / runs.TOKENIZER)
    curves = [json.loads(line) for line in (run / runs.CURVES).read_text().splitlines()]
    assert [point["step"] for point in curves] == sorted({point["step"] for point in curves})
    assert curves[-1]["loss"] < curves[0]["loss"]


def test_what_was_kept_is_what_was_measured(run: Path) -> None:
    measured = train.measure(train.load(run), tokens.read(run / runs.TOKENIZER), tiny_model.splits()[1])
    assert measured == runs.read(run, runs.RunRecord).best


def test_opposite_fates_get_opposite_signs(run: Path) -> None:
    rows = inputs.rows_of(tokens.read(run / runs.TOKENIZER), tiny_model.opposing())
    called = train.logits_of(train.load(run), rows)[:, ENTITY].argmax(axis=1)
    assert np.mean(called == [example.label for example in tiny_model.opposing()]) > 0.9


def test_a_killed_run_continues_to_the_same_weights(base: Path, tmp_path: Path) -> None:
    config = tiny_model.configuration(base, epochs=6, dropout=0.1, augment=("names",))
    straight = train.train(config, tiny_model.splits(), tmp_path / "straight")
    kill_at(straight.best_step or 0, config, tmp_path / "killed")
    assert runs.read(tmp_path / "killed", runs.RunRecord).finished_at is None
    resumed = train.train(config, tiny_model.splits(), tmp_path / "killed")
    assert (resumed.best, resumed.best_step) == (straight.best, straight.best_step)
    one, other = weights(tmp_path / "killed"), weights(tmp_path / "straight")
    assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in other)
    first, second = ((tmp_path / name / runs.CURVES).read_bytes() for name in ("straight", "killed"))
    assert first == second


def test_a_finished_run_is_left_as_it_is(base: Path, tmp_path: Path) -> None:
    config = tiny_model.configuration(base, epochs=2)
    before = train.train(config, tiny_model.splits(), tmp_path)
    again = train.train(config, tiny_model.splits(), tmp_path)
    assert (again.best, again.best_step, again.best_macro_f1) == (before.best, before.best_step, before.best_macro_f1)


def test_another_configuration_or_other_data_are_refused(base: Path, run: Path) -> None:
    fit, held = tiny_model.splits()
    with pytest.raises(ModelInvalid, match="another configuration"):
        train.train(tiny_model.configuration(base, seed=8), (fit, held), run)
    with pytest.raises(ModelInvalid, match="other data"):
        train.train(tiny_model.configuration(base), (fit[1:], held), run)


def test_a_run_that_stops_learning_stops(base: Path, tmp_path: Path) -> None:
    config = tiny_model.configuration(base, encoder_lr=0.0, head_lr=0.0, patience=2)
    steps: list[int] = []
    train.train(config, tiny_model.splits(), tmp_path, lambda now: steps.append(now.step))
    assert steps[-1] == 30


def test_a_student_of_fewer_layers_learns_from_its_teacher(base: Path, tmp_path: Path) -> None:
    deep = AutoConfig.from_pretrained(base)
    deep.num_hidden_layers = 3
    torch.manual_seed(2)
    BertModel(deep).save_pretrained(tmp_path / "deep")
    (tmp_path / "deep" / tokens.FILE).write_bytes((base / tokens.FILE).read_bytes())
    config = tiny_model.configuration(tmp_path / "deep", epochs=2)
    train.train(config, tiny_model.splits(), tmp_path / "teacher")
    teacher = str(tmp_path / "teacher")
    # Nothing but the teacher's answers: then as near to them as it gets.
    student = tiny_model.configuration(
        tmp_path / "deep", layers=2, teacher=teacher, start=teacher, epochs=8, distil_share=1.0
    )
    train.train(student, tiny_model.splits(), tmp_path / "student")
    made, taught = train.load(tmp_path / "student"), train.load(tmp_path / "teacher")
    assert (len(made.encoder.encoder.layer), len(taught.encoder.encoder.layer)) == (2, 3)
    before = train.load(tmp_path / "teacher")
    network.keep_layers(before, 2)
    rows = inputs.rows_of(tokens.read(base / tokens.FILE), tiny_model.splits()[1])
    target, start, end = (torch.from_numpy(train.logits_of(each, rows)) for each in (taught, before, made))
    assert losses.from_teacher(end, target) < 0.5 * losses.from_teacher(start, target)


def test_a_teacher_with_other_words_is_refused(base: Path, run: Path, tmp_path: Path) -> None:
    config = tiny_model.configuration(base, max_tokens=20, teacher=str(run))
    with pytest.raises(ModelInvalid, match="cannot teach"):
        train.train(config, tiny_model.splits(), tmp_path)


def test_a_run_goes_on_from_another_head_included(base: Path, run: Path, tmp_path: Path) -> None:
    config = tiny_model.configuration(base, start=str(run), epochs=1, encoder_lr=0.0, head_lr=0.0)
    record = train.train(config, tiny_model.splits(), tmp_path)
    assert record.best == runs.read(run, runs.RunRecord).best


def test_weights_that_are_none_are_refused(run: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelInvalid, match="not a training run"):
        train.load(tmp_path)
    for name in (runs.RECORD, "config.json"):
        (tmp_path / name).write_bytes((run / name).read_bytes())
    (tmp_path / runs.BEST).write_bytes(b"\x80\x04N.")
    with pytest.raises(ModelInvalid, match="cannot be read"):
        train.load(tmp_path)


def test_what_changes_texts_is_added_to_them(base: Path, tmp_path: Path) -> None:
    fit, _ = tiny_model.splits()
    more = list(augment.augmented(fit, ("names",), 7))  # of the texts themselves, not of their copies
    steps: list[int] = []
    config = tiny_model.configuration(base, epochs=1, augment=("names",))
    train.train(config, tiny_model.splits(), tmp_path, lambda now: steps.append(now.steps))
    assert more and steps[0] == -(-(len(fit) + len(more)) // 16)


def test_inputs_weigh_only_what_is_labelled(base: Path) -> None:
    tokenizer = tokens.read(base / tokens.FILE)
    found = [
        Example("acme wins", "en", "own", None, one_hot(2), None, 2.0),
        Example("acme falls", "en", "own", None, one_hot(0), topic_target("macro")),
        Example("beta falls", "en", "own", None, one_hot(0), topic_target("macro")),
        Example("acme wins while beta falls", "en", "own", "beta", one_hot(0)),
        Example("甲公司", "zh", "own", None, None, topic_target("legal")),
    ]
    made = inputs.encode(tokenizer, found, 0.5, 0.5)
    assert made.about_entity.tolist() == [False, False, False, True, False]
    assert (made.sentiment_weight > 0).tolist() == [True, True, True, True, False]
    assert (made.topic_weight > 0).tolist() == [False, True, True, False, True]
    rare, common = made.sentiment_weight[0] / 2, made.sentiment_weight[1]
    assert rare / common == pytest.approx(2**0.5) and (rare + 2 * common) / 3 == pytest.approx(1)
    ids, types = made.rows[3]
    assert len(ids) == len(types) and [tokenizer.id_to_token(i) for i, t in zip(ids, types, strict=True) if t] == [
        *("▁beta", "▁beta", "[SEP]")
    ]
    assert made.rows[0][1] == (0,) * 4


def test_losses_by_hand(base: Path) -> None:
    found = [Example("acme wins", "en", "own", None, one_hot(2)), Example("acme wins", "en", "own", "acme", one_hot(0))]
    fit = inputs.encode(tokens.read(base / tokens.FILE), found, 0.0, 0.5)
    logits = torch.zeros(2, 6 + len(TOPICS))
    logits[0, 2], logits[1, 3] = 3.0, 3.0
    expected = -torch.log_softmax(torch.tensor([3.0, 0.0, 0.0]), 0)[0]
    assert losses.of_labels(logits, fit, [0, 1], 0.0) == pytest.approx(float(expected))
    wrong = logits.roll(1, dims=0)
    assert losses.of_labels(wrong, fit, [0, 1], 0.0) > 1
    assert losses.from_teacher(logits, logits) == pytest.approx(0, abs=1e-6)
    assert losses.from_teacher(wrong, logits) > 0.1
    assert logits[:, TOPIC].shape[1] == len(TOPICS)


def test_macro_f1_by_hand() -> None:
    truth, called = np.array([0, 0, 1, 1, 2]), np.array([0, 1, 1, 1, 0])
    assert judging.macro_f1(called, truth) == pytest.approx((2 / 4 + 4 / 5 + 0) / 3)
    assert judging.macro_f1(truth, truth) == 1
    mixed = Example("a", "en", "own", None, (0.5, 0.0, 0.5), topic_target("macro"))
    judged = judging.clear([mixed, Example("a", "en", "own", "a", one_hot(1))])
    assert {key: (group.places, group.truth) for key, group in judged.items()} == {
        ("entity", "en"): ([1], [1]),
        ("topic", "en"): ([0], [TOPICS.index("macro")]),
    }


def test_every_row_is_learned_once_an_epoch(base: Path) -> None:
    fit = inputs.encode(tokens.read(base / tokens.FILE), tiny_model.splits()[0], 0.0, 0.5)
    config = tiny_model.configuration(base, epochs=2)
    plan = list(train._schedule(fit, config, 0))
    half = len(plan) // 2
    for epoch in (plan[:half], plan[half:]):
        assert sorted(i for chosen in epoch for i in chosen) == list(range(len(fit)))
    assert plan[:half] != plan[half:] and list(train._schedule(fit, config, 5)) == plan[5:]


def test_word_embeddings_do_not_move(base: Path, run: Path) -> None:
    name = "encoder.embeddings.word_embeddings.weight"
    assert torch.equal(weights(run)[name], network.from_base(base, TOPICS, 0.0).state_dict()[name])
