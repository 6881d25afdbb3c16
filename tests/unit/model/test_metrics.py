import numpy as np
import pytest

from model.batches import pad, plan
from model.metrics import expected_calibration_error, fit_calibration, measure
from newstide.scoring.calibrated import calibrated

LABELS = ("negative", "neutral", "positive")


def test_scores_by_hand() -> None:
    called = np.eye(3, dtype=np.float32)[[0, 0, 1, 2]]
    scores = measure(called, np.array([0, 1, 1, 2]), LABELS)
    assert scores.confusion == [[1, 0, 0], [1, 1, 0], [0, 0, 1]]
    assert scores.accuracy == 0.75
    assert scores.labels["neutral"].recall == 0.5
    assert scores.macro_f1 == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)


def test_a_label_that_the_set_lacks_does_not_enter_macro_f1() -> None:
    called = np.eye(3, dtype=np.float32)[[0, 2]]
    assert measure(called, np.array([0, 2]), LABELS).macro_f1 == 1.0


def test_calibration_error_is_zero_when_confidence_is_accuracy() -> None:
    half = np.array([[0.5, 0.5, 0.0]] * 2, dtype=np.float32)
    assert expected_calibration_error(half, np.array([0, 1])) == pytest.approx(0.0)
    sure = np.array([[1.0, 0.0, 0.0]] * 2, dtype=np.float32)
    assert expected_calibration_error(sure, np.array([0, 1])) == pytest.approx(0.5)


@pytest.mark.parametrize(("temperature", "power"), [(1.0, 1.0), (2.0, 1.0), (2.0, 1.6), (0.7, 0.8)])
def test_the_calibration_that_labels_follow_is_found(temperature: float, power: float) -> None:
    draw = np.random.default_rng(3)
    logits = draw.normal(size=(8_000, 3)).astype(np.float32) * 2
    shares = calibrated(logits, temperature, power).astype(np.float64)
    truth = np.array([draw.choice(3, p=row / row.sum()) for row in shares])
    found = fit_calibration(logits, truth)
    assert found[0] == pytest.approx(temperature, rel=0.1)
    assert found[1] == pytest.approx(power, rel=0.1)


def test_a_plan_holds_every_text_once_and_follows_the_seed() -> None:
    lengths = [3 + i % 40 for i in range(1_000)]
    first = plan(lengths, 16, 1)
    assert sorted(i for batch in first for i in batch) == list(range(1_000))
    assert first == plan(lengths, 16, 1) != plan(lengths, 16, 2)


def test_padding() -> None:
    assert pad([[1, 2, 3], [4]], 0) == ([[1, 2, 3], [4, 0, 0]], [[1, 1, 1], [1, 0, 0]])
