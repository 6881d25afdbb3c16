"""The two databases under contract."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from newstide.store import migrate
from newstide.store.database import Database


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without tables."""
    if request.param == "sqlite":
        made = Database(f"sqlite:///{tmp_path / 'a folder #1' / '50% new?.db'}")
    else:
        made = Database(request.getfixturevalue("database_url"))
    yield made
    made.close()


@pytest.fixture
def database(empty: Database) -> Database:
    migrate.upgrade(empty)
    return empty
