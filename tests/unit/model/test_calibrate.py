import numpy as np
import pytest

from model import calibrate
from model.calibrate import CEILING, FLOORS, reliability, risk_coverage, threshold
from model.examples import Example, one_hot, topic_target
from model.metrics import Floats, Ints
from newstide.artifact import Calibration
from newstide.messages import Language
from newstide.scoring.calibrated import calibrated
from newstide.topics import TOPICS


def drawn(count: int, labels: int, seed: int) -> tuple[Floats, Ints]:
    """Logits, and labels drawn from the probabilities that they mean: calibrated by construction."""
    draw = np.random.default_rng(seed)
    logits = (draw.normal(size=(count, labels)) * 2).astype(np.float32)
    shares = calibrated(logits).astype(np.float64)
    truth = [draw.choice(labels, p=row / row.sum()) for row in shares]
    return logits, np.array(truth, dtype=np.int64)


def test_each_task_and_language_gets_its_own_temperature() -> None:
    found: list[Example] = []
    logits = np.zeros((4_000, 6 + len(TOPICS)), dtype=np.float32)
    story, said = drawn(3_000, 3, 1)
    topics, about = drawn(1_000, len(TOPICS), 2)
    for i in range(3_000):
        language: Language = "en" if i < 1_500 else "zh"
        logits[i, :3] = story[i] * (1.0 if language == "en" else 2.0)
        found.append(Example("text", language, "own", sentiment=one_hot(int(said[i]))))
    for i in range(1_000):
        logits[3_000 + i, 6:] = topics[i] * 0.5
        found.append(Example("text", "zh", "own", topics=topic_target(TOPICS[about[i]])))
    made = calibrate.calibrate(logits, found, ("en", "zh"))
    assert made["story"]["en"].temperature == pytest.approx(1.0, rel=0.15)
    assert made["story"]["zh"].temperature == pytest.approx(2.0, rel=0.15)
    assert made["topic"]["zh"].temperature == pytest.approx(0.5, rel=0.15)
    # English has no topics to learn from: it takes what there is. Nobody knows of companies.
    assert made["topic"]["en"] == made["topic"]["zh"]
    assert made["entity"]["en"] == Calibration(1.0, FLOORS["entity"])
    figures = calibrate.figures(logits, found, made)
    assert set(figures) == {"story_en", "story_zh", "topic_zh"}
    assert figures["story_zh"]["ece"] < figures["story_zh"]["ece_before"]
    assert figures["story_zh"]["texts"] == 1_500


def test_what_has_no_clear_label_does_not_count() -> None:
    logits = np.zeros((2, 6 + len(TOPICS)), dtype=np.float32)
    mixed = Example("text", "en", "own", sentiment=(0.5, 0.0, 0.5))
    made = calibrate.calibrate(logits, [mixed, mixed], ("en",))
    assert made["story"]["en"] == Calibration(1.0, FLOORS["story"])


def shares(confidence: list[float], right: list[bool]) -> tuple[Floats, Ints]:
    rows = [[sure, 1 - sure, 0.0] for sure in confidence]
    return np.array(rows, dtype=np.float32), np.array([0 if ok else 1 for ok in right], dtype=np.int64)


def test_the_threshold_is_where_refusals_pay() -> None:
    # Of a hundred answers the five at 0.55 are always wrong, the rest always right: refuse just those.
    doubtful = shares([0.9] * 95 + [0.55] * 5, [True] * 95 + [False] * 5)
    assert threshold(*doubtful, 0.5) == 0.56
    # As many wrong ones that nobody would want refused: a tenth is the most.
    many = shares([0.9] * 80 + [0.55] * 20, [True] * 80 + [False] * 20)
    assert threshold(*many, 0.5) == 0.5
    assert threshold(*shares([0.9] * 4, [True] * 4), 0.5) == 0.5


def test_the_threshold_of_a_calibrated_model_is_near_one_half() -> None:
    logits, truth = drawn(20_000, 3, 5)
    found = threshold(calibrated(logits), truth, FLOORS["story"])
    assert FLOORS["story"] <= found <= 0.56 < CEILING


def test_reliability_of_a_calibrated_model() -> None:
    logits, truth = drawn(20_000, 3, 6)
    bins = reliability(calibrated(logits), truth)
    assert sum(each.count for each in bins) == 20_000
    assert all(abs(each.confidence - each.accuracy) < 0.05 for each in bins if each.count > 1_000)
    assert all(each.low <= each.confidence <= each.low + 0.1 + 1e-6 for each in bins)


def test_risk_and_coverage_by_hand() -> None:
    found = risk_coverage(*shares([0.9, 0.8, 0.7, 0.6], [True, True, True, False]))
    assert found["accuracy"]["1.00"] == 0.75
    assert found["accuracy"]["0.50"] == 1.0
    assert found["area"] == pytest.approx(0.25 / 4)


def test_equally_sure_answers_have_no_order() -> None:
    one = risk_coverage(*shares([0.7] * 4, [True, False, True, False]))
    other = risk_coverage(*shares([0.7] * 4, [False, False, True, True]))
    assert one == other
    assert set(one["accuracy"].values()) == {0.5} and one["area"] == 0.5
