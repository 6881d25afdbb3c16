"""Fixtures that start real services, and only when a test asks for them.

`broker`, `postgres` and `browser` live for the whole run; `topic`, `database_url` and `page` are new for each test.
Off CI a missing service skips its tests and names the part; on CI and in `make test` it fails them.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import structlog

from tests.services.common import ServiceMissing

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.services.broker import Broker
    from tests.services.database import Postgres

ROOT = Path(__file__).resolve().parent.parent
SHARED_DATA = ROOT.parent / "shared" / "data"

MARKER_OF_FIXTURE = {
    "broker": "kafka",
    "postgres": "postgres",
    "browser": "browser",
    "gpu": "gpu",
    "shared_data": "data",
}
# Fast tests first. The browser last: playwright's own event loop stays in the main thread, where asyncio.run would
# then refuse to work for any test that follows.
ORDER = ("postgres", "kafka", "data", "gpu", "browser")

used_versions = pytest.StashKey[dict[str, str]]()
running = pytest.StashKey[dict[str, "Broker | Postgres"]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[used_versions] = {}
    config.stash[running] = {}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for fixture in getattr(item, "fixturenames", ()):
            if fixture in MARKER_OF_FIXTURE:
                item.add_marker(MARKER_OF_FIXTURE[fixture])

    def rank(item: pytest.Item) -> int:
        return max((place for place, name in enumerate(ORDER, 1) if item.get_closest_marker(name)), default=0)

    items.sort(key=rank)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test that killed a shared service, and failed before it restarted it, must not take the others down."""
    for name, service in item.config.stash[running].items():
        if name in getattr(item, "fixturenames", ()):
            service.start()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    used = config.stash[used_versions]
    listed = [f"{name} {used[name]}" for name in ("Apache Kafka", "PostgreSQL", "Chromium") if name in used]
    terminalreporter.write_line(f"services: {' · '.join(listed) or 'none was started'}")


def services_required() -> bool:
    return bool(os.environ.get("CI")) or os.environ.get("NEWSTIDE_TEST_SERVICES") == "required"


def unavailable(missing: ServiceMissing) -> None:
    """Fail where services are required, skip elsewhere, and name the part in both cases."""
    if services_required():
        pytest.fail(f"missing service: {missing}", pytrace=False)
    pytest.skip(f"missing service: {missing}")


@pytest.fixture(autouse=True)
def fresh_logs() -> Iterator[None]:
    """A test that configures logs does so for a stream that is closed after it."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def broker(request: pytest.FixtureRequest) -> Iterator["Broker"]:
    """A running Kafka broker, shared: take a topic of your own (`topic`), restart it when you killed it."""
    from tests.services.broker import Broker

    with ExitStack() as stack:
        try:
            service = stack.enter_context(Broker())
        except ServiceMissing as missing:
            unavailable(missing)
        request.config.stash[used_versions]["Apache Kafka"] = service.version
        request.config.stash[running]["broker"] = service
        yield service


@pytest.fixture
def topic(broker: "Broker") -> Callable[..., str]:
    """`topic(partitions=1, configs=None)` creates a topic of its own and returns its name."""

    def create(partitions: int = 1, configs: dict[str, str] | None = None) -> str:
        return broker.create_topic(partitions=partitions, configs=configs)

    return create


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Iterator["Postgres"]:
    """A running PostgreSQL server, shared: take a database of your own (`database_url`)."""
    from tests.services.database import Postgres

    with ExitStack() as stack:
        try:
            service = stack.enter_context(Postgres())
        except ServiceMissing as missing:
            unavailable(missing)
        request.config.stash[used_versions]["PostgreSQL"] = service.version
        request.config.stash[running]["postgres"] = service
        yield service


@pytest.fixture
def database_url(postgres: "Postgres") -> Iterator[str]:
    """The SQLAlchemy address of an empty database, dropped after the test."""
    name = postgres.fresh_database()
    yield postgres.url(name)
    postgres.start()
    postgres.drop_database(name)


@pytest.fixture(scope="session")
def browser(request: pytest.FixtureRequest) -> Iterator["Browser"]:
    """A running headless Chromium (playwright, sync)."""
    from tests.services.chromium import chromium

    with ExitStack() as stack:
        try:
            started = stack.enter_context(chromium())
        except ServiceMissing as missing:
            unavailable(missing)
        request.config.stash[used_versions]["Chromium"] = started.version
        yield started


@pytest.fixture
def page(browser: "Browser") -> Iterator["Page"]:
    """A page in a context of its own: 1440 x 900, UTC, English, no motion."""
    context = browser.new_context(
        viewport={"width": 1440, "height": 900}, locale="en-US", timezone_id="UTC", reduced_motion="reduce"
    )
    context.set_default_timeout(30_000)
    yield context.new_page()
    context.close()


@pytest.fixture(scope="session")
def gpu() -> None:
    """Skips where there is no NVIDIA GPU: it is hardware, so no install step can bring it."""
    if not Path("/dev/nvidiactl").exists():
        pytest.skip("needs an NVIDIA GPU")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of data sets beside the repository; skips where it is not: the data is not ours to hand out."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"needs the data sets in {SHARED_DATA.relative_to(ROOT.parent)} beside the repository")
    return SHARED_DATA


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository's root folder."""
    return ROOT
