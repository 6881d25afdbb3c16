"""A new topic from a few examples: how it is fitted, what is said of it, and what is refused."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch

from model import column, fewshot, inputs, runs, tokens, train
from model.column import Column, Read
from newstide import heads
from newstide.errors import DataInvalid, ModelInvalid, UsageError
from newstide.topics import TOPICS
from tests import tiny_model

ABOUT = [f"{name} shares of a {word} today" for name in tiny_model.EN_NAMES for word in ("beta", "gamma")]
OTHERS = [example.text for example in tiny_model.stories()]


def cloud(texts: int, centre: float, seed: int) -> Read:
    """Texts around a point in eight directions, of which a model knows two topics that say nothing of it."""
    draw = np.random.default_rng(seed)
    states = draw.normal(0, 1, (texts, 8)).astype(np.float32)
    states[:, 0] += centre
    return Read([f"text {seed} {i}" for i in range(texts)], states, np.zeros((texts, 2), dtype=np.float32))


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [
        (8, 8, 0.6756, 1.0),
        (0, 10, 0.0, 0.2775),
        (5, 10, 0.2366, 0.7634),
        (500, 1_000, 0.4691, 0.5309),
        (0, 0, 0.0, 1.0),
    ],
)
def test_few_cases_leave_a_share_uncertain(hits: int, of: int, low: float, high: float) -> None:
    found = column.rate(hits, of)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-4)
    assert found.low <= found.share <= found.high


def test_a_topic_that_stands_apart_is_told_from_the_rest() -> None:
    shown, background, held = cloud(8, 12, 1), cloud(400, 0, 2), cloud(400, 0, 3)
    fitted = column.fit_column(shown, background)
    report = column.measure("apart", fitted, shown, background, held)
    assert (report.recall.share, report.recall.low) == pytest.approx((1, 0.6756), abs=1e-4)
    assert report.false_alarms["en"].hits == 0 and report.false_alarms["en"].of == 400
    assert report.precision.share == 1 and not report.missed and not report.mistaken
    assert cloud(50, 12, 4).called(fitted).all()


def test_a_topic_that_is_nothing_of_its_own_is_not_found() -> None:
    shown, background, held = cloud(16, 0, 1), cloud(400, 0, 2), cloud(400, 0, 3)
    report = column.measure("none", column.fit_column(shown, background), shown, background, held)
    assert report.recall.high < 0.7 and report.missed


def test_what_the_other_topics_say_counts() -> None:
    shown, background = cloud(8, 12, 1), cloud(400, 0, 2)
    fitted = column.fit_column(shown, background)
    claimed = Read(shown.texts, shown.states, shown.known + np.float32(1_000))
    assert not claimed.called(fitted).any()


def test_the_answer_does_not_hang_on_how_often_a_text_is_repeated() -> None:
    shown, background = cloud(8, 3, 1), cloud(100, 0, 2)
    twice = Read([*background.texts] * 2, np.tile(background.states, (2, 1)), np.tile(background.known, (2, 1)))
    once, again = column.fit_column(shown, background), column.fit_column(shown, twice)
    assert np.allclose(once.weights, again.weights, atol=1e-3) and once.bias == pytest.approx(again.bias, abs=1e-3)


def test_states_are_what_the_head_reads(run: Path) -> None:
    model, tokenizer = train.load(run), tokens.read(run / runs.TOKENIZER)
    read = fewshot.read_texts(model, tokenizer, OTHERS)
    rows = inputs.rows_of(tokenizer, tiny_model.stories())
    assert np.allclose(read.known, train.logits_of(model, rows)[:, heads.TOPIC], atol=1e-5)
    assert np.allclose(fewshot.states_of(model, rows, bf16=True), read.states, atol=0.1)
    assert not model.head._forward_pre_hooks


@pytest.fixture(scope="module")
def made(run: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, column.Report]:
    folder = tmp_path_factory.mktemp("few")
    (folder / "about.txt").write_text("# a comment\n\n" + "\n".join(ABOUT), encoding="utf-8")
    request = fewshot.Request(run, folder / "few", "shares", folder / "about.txt")
    return folder / "few", fewshot.learn(request, (OTHERS[::2], [*OTHERS[1::2], ABOUT[0]]))


def test_a_run_with_one_more_topic(run: Path, made: tuple[Path, column.Report]) -> None:
    folder, report = made
    record, origin = (runs.read(each, runs.RunRecord) for each in (folder, run))
    assert origin.topics == TOPICS and record.topics == (*TOPICS, "shares")
    assert record.train_fingerprint != origin.train_fingerprint and record.config.start == str(run)
    assert msgspec.json.decode((folder / fewshot.REPORT).read_bytes(), type=column.Report) == report
    assert (report.examples, report.background) == (len(ABOUT), len(OTHERS[::2]))
    # The example among the texts to measure on does not count against the topic.
    assert sum(each.of for each in report.false_alarms.values()) == len(OTHERS[1::2])
    assert report.recall.share > 0.5
    before, after = train.load(run), train.load(folder)
    rows = inputs.rows_of(tokens.read(folder / runs.TOKENIZER), tiny_model.stories())
    old, new = train.logits_of(before, rows), train.logits_of(after, rows)
    assert new.shape[1] == old.shape[1] + 1 and np.allclose(new[:, :-1], old, atol=1e-5)
    assert torch.equal(after.head.weight[:-1], before.head.weight)


def test_a_topic_upon_a_topic_and_over_its_own_run(run: Path, made: tuple[Path, column.Report], tmp_path: Path) -> None:
    folder, _ = made
    file = tmp_path / "about.txt"
    file.write_text("\n".join(ABOUT[::-1]), encoding="utf-8")
    for _ in range(2):  # the second time over the first, for it is a run of this kind
        fewshot.learn(fewshot.Request(folder, tmp_path / "more", "more", file), (OTHERS[::2], OTHERS[1::2]))
    assert runs.read(tmp_path / "more", runs.RunRecord).topics == (*TOPICS, "shares", "more")
    for onto, topic in ((run, "other"), (run, "Bad name"), (run, ""), (run, "a" * 65), (folder, "shares")):
        with pytest.raises(UsageError):
            fewshot.learn(fewshot.Request(onto, tmp_path / "x", topic, file), (OTHERS, OTHERS))
    for target in (run, folder):
        with pytest.raises(UsageError, match="exists"):
            fewshot.learn(fewshot.Request(folder, target, "third", file), (OTHERS, OTHERS))
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("role", ["start", "teacher"])
def test_training_does_not_go_on_from_it(
    base: Path, made: tuple[Path, column.Report], tmp_path: Path, role: str
) -> None:
    config = tiny_model.configuration(base, **{role: str(made[0])})
    with pytest.raises(ModelInvalid, match="learned from examples|cannot go on|cannot teach"):
        train.train(config, tiny_model.splits(), tmp_path / "next")


def content(*texts: str) -> bytes:
    return "\n".join(texts).encode()


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (content(*ABOUT[:7]), "7 examples"),
        (content(*(f"story {i}" for i in range(201))), "201 examples"),
        (content(*ABOUT[:8], ABOUT[0].replace("a", "\uff41")), "line 9"),
        (content(*ABOUT[:8], "Это не наш язык"), "line 9"),
        (content(*ABOUT[:8], "12345"), "line 9"),
        (b"\xff\xfe\xff", "cannot read"),
        (b"", "0 examples"),
    ],
)
def test_examples_that_cannot_be_used(tmp_path: Path, raw: bytes, says: str) -> None:
    (tmp_path / "about.txt").write_bytes(raw)
    with pytest.raises(DataInvalid, match=says) as caught:
        fewshot.read_examples(tmp_path / "about.txt")
    assert caught.value.why and caught.value.fix


def test_an_absent_file_of_examples(tmp_path: Path) -> None:
    with pytest.raises(DataInvalid, match="cannot read"):
        fewshot.read_examples(tmp_path / "absent.txt")


def test_a_column_keeps_its_place(run: Path) -> None:
    model = train.load(run)
    added = Column(np.linspace(-1, 1, model.head.in_features), 0.5)
    head = fewshot.extended(model, added).head
    assert torch.allclose(head.weight[-1], torch.tensor(added.weights).float()) and head.bias[-1] == 0.5
    assert model.head.out_features == heads.count(len(TOPICS))
