"""What the benchmarks of few-shot topics and of the labelling queue count, on texts whose answers are known."""

import json

import numpy as np
import pytest

from benchmarks import bench_fewshot, bench_labels
from benchmarks.bench_labels import Texts


def texts(count: int, seed: int) -> Texts:
    """Three clouds in four directions, in two languages."""
    draw = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    states = draw.normal(0, 1, (count, 4)).astype(np.float32)
    states[np.arange(count), labels] += 3
    names = [f"story {seed} {i}" for i in range(count)]
    return Texts(names, labels, np.where(np.arange(count) % 2, "en", "zh"), states)


def test_items_of_the_flash_list() -> None:
    packed = json.dumps([["疫情  ", "中国 新冠"], ["Ａ股", "大盘"]], ensure_ascii=False).encode()
    assert bench_fewshot.items(packed) == {"疫情": True, "A股": False}


def test_fewer_examples_are_among_the_more() -> None:
    few, some, many = bench_fewshot.draws([str(i) for i in range(100)], seed=1)
    assert (len(few), len(some), len(set(many))) == bench_fewshot.SIZES
    assert few == some[:8] == many[:8]
    assert bench_fewshot.draws([str(i) for i in range(100)], seed=2)[0] != few


def test_scores_and_their_summary() -> None:
    truth = np.array([True, True, True, False, False])
    found = bench_fewshot.scores(np.array([True, True, False, True, False]), truth)
    assert found == pytest.approx({"precision": 2 / 3, "recall": 2 / 3, "f1": 2 / 3})
    assert bench_fewshot.scores(~truth & truth, truth) == {"precision": 0, "recall": 0, "f1": 0}
    assert bench_fewshot.summary([{"f1": 0.5}, {"f1": 1.0}]) == {"f1": {"mean": 0.75, "low": 0.5, "high": 1.0}}


def test_the_queue_asks_about_what_divides_the_heads() -> None:
    pool = texts(6, 1)
    sure, even, unsure = (0.98, 0.01, 0.01), (0.34, 0.33, 0.33), (0.6, 0.3, 0.1)
    one = np.array([sure, even, unsure, sure, even, unsure], dtype=np.float32)
    assert bench_labels.ask(pool, [4], [one], 2, seed=0) == [1, bench_labels.ask(pool, [4], [one], 5, seed=0)[1]]
    assert sorted(bench_labels.ask(pool, [4], [one], 9, seed=0)) == [0, 1, 2, 3, 5]
    other = one.copy()
    other[3] = (0.01, 0.01, 0.98)
    assert bench_labels.ask(pool, [4], [one, other], 1, seed=0) == [3]


@pytest.mark.parametrize("strategy", bench_labels.STRATEGIES)
def test_a_curve_grows_and_repeats(strategy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_labels, "SIZES", (10, 40, 120))
    monkeypatch.setattr(bench_labels, "ROUND", 25)
    pool, held = texts(200, 1), texts(150, 2)
    found = bench_labels.curve(pool, held, strategy, seed=3)
    assert list(found) == [10, 40, 120]
    assert found[120]["macro_f1"] > 0.8 and found[120]["macro_f1"] >= found[10]["macro_f1"]
    assert found[40]["macro_f1"] == pytest.approx((found[40]["en"] + found[40]["zh"]) / 2)
    assert bench_labels.curve(pool, held, strategy, seed=3) == found


def test_labels_that_random_needs() -> None:
    means = {"100": {"macro_f1": 0.4}, "400": {"macro_f1": 0.6}, "1600": {"macro_f1": 0.7}}
    assert bench_labels.labels_for(0.5, means) == 200
    assert bench_labels.labels_for(0.6, means) == 400
    assert bench_labels.labels_for(0.3, means) == 100
    assert bench_labels.labels_for(0.71, means) is None


def test_seeds_are_summed_up() -> None:
    point = {"en": 0.4, "zh": 0.6, "macro_f1": 0.5}
    found = bench_labels.summary([{50: point}, {50: {**point, "macro_f1": 0.7}}])
    assert found == {"50": {"en": 0.4, "zh": 0.6, "macro_f1": 0.6, "low": 0.5, "high": 0.7, "deviation": 0.1}}
