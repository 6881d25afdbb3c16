"""The stages on which the consume loop is tested."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from newstide.bus import embedded
from newstide.consume import loop as loop_module
from tests.integration.loops import CLUSTER, Stage, staged


@pytest.fixture(params=["embedded", CLUSTER])
def stage(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setattr(embedded, "MEMBER_TIMEOUT_S", 3.0)
    monkeypatch.setattr(loop_module, "LOOK_AROUND_EVERY_S", 1.0)
    if request.param == "embedded":
        address, database_url = str(tmp_path / "bus.db"), f"sqlite:///{tmp_path / 'newstide.db'}"
    else:
        address = request.getfixturevalue("broker").start().bootstrap
        database_url = request.getfixturevalue("database_url")
    with staged(request.param, address, database_url) as made:
        yield made
