"""Labels by text hash: how a line is read, which half is held back, how far two annotators agree."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from model.corpus import annotations
from model.corpus.annotations import Labels
from newstide.errors import DataInvalid
from newstide.topics import TOPICS


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = tmp_path / "annotations.txt"
    monkeypatch.setattr(annotations, "FILE", path)
    annotations.everything.cache_clear()
    yield path
    annotations.everything.cache_clear()


def test_lines_are_read(file: Path) -> None:
    file.write_text("0a\ten\tearnings\t+\tguidance\t0\n0b\tzh\tmacro\t-\t\t\n", encoding="utf-8")
    assert annotations.everything() == {
        "0a": Labels("en", ("earnings", "guidance"), (2, 1)),
        "0b": Labels("zh", ("macro",), (0,)),
    }
    assert [each.twice for each in annotations.everything().values()] == [True, False]


@pytest.mark.parametrize(
    "line",
    [
        "0a\ten\tweather\t+\t\t",
        "0a\ten\tmacro\t?\t\t",
        "0a\ten\tmacro\t\t\t",
        "0a\ten\tmacro\t+\tmacro\t",
        "0a\ten\t\t\t\t",
        "0a",
        "",
    ],
)
def test_a_line_that_is_none_is_refused_with_its_number(file: Path, line: str) -> None:
    file.write_text(f"0a\ten\tmacro\t+\t\t\n{line}\n", encoding="utf-8")
    with pytest.raises(DataInvalid, match="line 2"):
        annotations.everything()


def test_the_committed_labels_are_what_was_asked_for() -> None:
    found = annotations.everything()
    twice = Counter(each.language for each in found.values() if each.twice)
    assert twice["en"] >= 600 and twice["zh"] >= 600
    assert {topic for each in found.values() for topic in each.topics} == set(TOPICS)
    assert all(len(text_key) == 16 and int(text_key, 16) >= 0 for text_key in found)


def test_half_of_what_was_labelled_twice_is_held_back_and_no_more() -> None:
    parts = {part: annotations.labels(part) for part in ("train", "validation", "test")}
    assert sum(map(len, parts.values())) == len(annotations.everything())
    assert all(each.twice for each in parts["test"].values())
    twice = sum(each.twice for each in annotations.everything().values())
    assert 0.45 < len(parts["test"]) / twice < 0.55
    once = Counter(part for part, each in parts.items() for labels in each.values() if not labels.twice)
    assert 0.03 < once["validation"] / once.total() < 0.07


def test_a_text_is_known_by_its_hash() -> None:
    assert annotations.key("Acme") == annotations.key("Acme") != annotations.key("acme")
    assert len(annotations.key("")) == 16


def test_kappa_by_hand() -> None:
    # 20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no: 0.7 agree; by chance (25 x 30 + 25 x 20) / 2,500 = 0.5.
    pairs = [("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15
    assert annotations.agreement(pairs) == pytest.approx((0.7, 0.4))
    assert annotations.agreement([(1, 2), (2, 1)]) == pytest.approx((0.0, -1.0))
    assert annotations.agreement([("a", "a")] * 3) == (1.0, 1.0)
