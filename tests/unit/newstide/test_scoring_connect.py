"""How many threads a scorer takes."""

import os

import pytest

from newstide.scoring import connect


@pytest.mark.parametrize(("cores", "threads"), [(1, 1), (2, 1), (3, 2), (5, 4), (64, 4)])
def test_auto_leaves_a_core_to_the_others(monkeypatch: pytest.MonkeyPatch, cores: int, threads: int) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: range(cores), raising=False)
    assert connect.threads_of("auto") == threads


def test_where_the_system_cannot_say_which_cores_are_ours_all_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert connect.threads_of("auto") == 2


def test_a_number_is_taken_at_its_word() -> None:
    assert connect.threads_of(12) == 12
