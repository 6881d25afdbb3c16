import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newstide.scoring.calibrated import calibrated, lead, nearly_tied

LOGITS = np.array([[3.0, 1.0, -1.0], [0.2, 0.1, 0.0], [-5.0, 5.0, 5.0]], dtype=np.float32)


def test_a_power_of_one_is_softmax() -> None:
    powers = np.exp(LOGITS / 1.5)
    assert calibrated(LOGITS, 1.5) == pytest.approx(powers / powers.sum(axis=1, keepdims=True), rel=1e-5)


def test_by_hand() -> None:
    # Distances 0, 2, 4 at temperature 2 and power 2: exp(0), exp(-1), exp(-4).
    weights = np.exp([0.0, -1.0, -4.0])
    assert calibrated(LOGITS[:1], 2.0, 2.0)[0] == pytest.approx(weights / weights.sum(), rel=1e-6)


def test_a_power_above_one_is_less_sure_of_close_answers_and_surer_of_clear_ones() -> None:
    plain, bent = calibrated(LOGITS), calibrated(LOGITS, 1.0, 2.0)
    assert bent[0].max() > plain[0].max()
    assert bent[1].max() < plain[1].max()


def test_each_row_has_its_own() -> None:
    both = calibrated(LOGITS[:2], np.array([1.0, 2.0]), np.array([1.5, 0.5]))
    assert np.array_equal(both[0], calibrated(LOGITS[:1], 1.0, 1.5)[0])
    assert np.array_equal(both[1], calibrated(LOGITS[1:2], 2.0, 0.5)[0])


@given(
    st.lists(st.floats(-30, 30, width=32), min_size=3, max_size=3),
    st.floats(0.1, 10),
    st.floats(0.1, 10),
)
def test_the_order_of_labels_stays(row: list[float], temperature: float, power: float) -> None:
    logits = np.array([row], dtype=np.float32)
    shares = calibrated(logits, temperature, power)[0]
    assert shares.sum() == pytest.approx(1.0, abs=1e-6) and np.isfinite(shares).all()
    assert shares[int(logits[0].argmax())] == shares.max()


def test_a_row_is_the_same_bits_in_any_array() -> None:
    draw = np.random.default_rng(1)
    logits = draw.normal(size=(1_000, 16)).astype(np.float32) * 4
    whole = calibrated(logits, 1.9, 1.6)
    for start, size in ((0, 1), (7, 3), (100, 64), (999, 1)):
        assert np.array_equal(whole[start : start + size], calibrated(logits[start : start + size], 1.9, 1.6))


def test_what_is_nearly_tied_depends_on_what_is_asked() -> None:
    # Sentiment of the story, towards the company, and two topics.
    logits = np.array(
        [
            [3.0, 2.9, 0.0, 5.0, 1.0, 0.0, 4.0, 1.0],
            [3.0, 1.0, 0.0, 5.0, 4.9, 0.0, 4.0, 1.0],
            [3.0, 1.0, 0.0, 5.0, 1.0, 0.0, 4.0, 3.7],
        ],
        dtype=np.float32,
    )
    assert lead(logits[:, :3]) == pytest.approx([0.1, 2.0, 2.0])
    near = {"story": 0.2, "entity": 0.2, "topic": 0.5}
    assert nearly_tied(logits, np.array([True] * 3), near).tolist() == [True, False, True]  # type: ignore[arg-type]
    assert nearly_tied(logits, np.array([False] * 3), near).tolist() == [False, True, False]  # type: ignore[arg-type]
    assert not nearly_tied(logits, np.array([True] * 3), {}).any()
    assert not nearly_tied(logits[:0], np.array([], dtype=bool), {}).any()
