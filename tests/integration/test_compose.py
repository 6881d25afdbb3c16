"""docker-compose.yml is right in itself, and what stands in it runs: every service of ours by its own command, with its
own environment, judged by its own health check, on a broker made of the file's Kafka settings and a real PostgreSQL."""

import json
import re
import subprocess
import threading
import tomllib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from email.utils import format_datetime
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psycopg
import pytest
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from newstide.settings import NOT_SETTINGS, PREFIX, load
from newstide.sources import Source
from newstide.store import registry
from newstide.store.database import Database
from tests.integration.ingest.pushing import SECRETS, signed
from tests.services import broker as test_broker
from tests.services.broker import Broker
from tests.services.common import free_port, listens, wait_for
from tests.services.compose import END_S_MAX, Place, Program, interpolated, kafka_programs, merged, read, variables_of
from tests.services.database import program_folder

OURS = {"migrate", "ingest", "push", "processor", "alerts", "sender", "dashboard", "demo"}
ONE_SHOT = {"migrate"}
PASSWORD = "p@ss:w/rd$"
HEADLINE = "Shares plunge 30% after the auditor resigns"
STORE_URL = "postgresql+psycopg://newstide@postgres:5432/newstide"


@pytest.fixture
def example(root: Path) -> dict[str, str]:
    return variables_of(root / ".env.example") | {"POSTGRES_PASSWORD": PASSWORD}


@pytest.fixture
def services(root: Path, example: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = read(root / "docker-compose.yml", example)["services"]
    return found


# --- what stands in the file -----------------------------------------------------------------------------------------


def test_every_service_is_hardened_and_bounded(services: dict[str, Any]) -> None:
    assert set(services) == OURS | {"kafka", "postgres"}
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert set(service["deploy"]["resources"]["limits"]) == {"memory", "pids"}, name
        assert set(service["logging"]["options"]) == {"max-size", "max-file"}, name
        assert service["restart"] == ("no" if name in ONE_SHOT else "unless-stopped"), name
        assert ("healthcheck" in service) is (name not in ONE_SHOT), name
        assert "container_name" not in service and "privileged" not in service, name
        assert service.get("user", "1000:1000") not in ("root", "0", "0:0"), name
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:"), f"{name} is open to the network"


def test_images_are_pinned(root: Path, services: dict[str, Any]) -> None:
    version = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    for name, service in services.items():
        assert re.fullmatch(r"[a-z/]+:\d+\.\d+[\w.-]*", service["image"]), name
        if name in OURS:
            assert service["image"] == f"newstide:{version}-cpu", name
            assert service["build"]["args"] == {"EXTRA": "cpu"}, name
            assert service["user"] == "10001:10001", name
    assert services["kafka"]["image"] == f"apache/kafka:{test_broker.KAFKA_VERSION}"
    assert services["postgres"]["image"].startswith("postgres:17.")


def test_ours_wait_for_what_they_need(services: dict[str, Any]) -> None:
    ready = {"kafka": {"condition": "service_healthy"}, "postgres": {"condition": "service_healthy"}}
    assert services["migrate"]["depends_on"] == ready
    for name in OURS - ONE_SHOT:
        assert services[name]["depends_on"] == {**ready, "migrate": {"condition": "service_completed_successfully"}}
    profiles = {name: service["profiles"] for name, service in services.items() if "profiles" in service}
    assert profiles == {"demo": ["demo"], "push": ["push"]}


def test_the_file_holds_no_secret(root: Path, services: dict[str, Any]) -> None:
    written = read(root / "docker-compose.yml")["services"]
    for name, service in written.items():
        for key, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|TOKEN", key):
                assert str(value).startswith("${POSTGRES_PASSWORD:?"), f"{name}: {key}"
    assert variables_of(root / ".env.example")["POSTGRES_PASSWORD"] == ""
    with pytest.raises(KeyError, match=r"cp \.env\.example \.env"):
        interpolated(written, variables_of(root / ".env.example"))
    assert services["postgres"]["environment"]["POSTGRES_PASSWORD"] == PASSWORD
    ignored = (root / ".gitignore").read_text("utf-8").splitlines()
    assert ".env" in ignored


def test_every_setting_in_it_is_one(tmp_path: Path, services: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in OURS:
        settings, _ = load(environment=services[name]["environment"])
        assert (settings.bus.kind, settings.bus.bootstrap) == ("kafka", "kafka:9092"), name
        assert settings.store_url == STORE_URL, name
        assert not settings.service.instance, "two processors must not be one"


def test_every_variable_is_explained(root: Path) -> None:
    used = set(re.findall(r"\$\{(\w+)", (root / "docker-compose.yml").read_text("utf-8")))
    explained = set(variables_of(root / ".env.example"))
    assert used - {"NEWSTIDE_DEMO"} == explained, "NEWSTIDE_DEMO is for one command, not for .env"
    keys = {PREFIX + key.upper().replace(".", "__") for key in load(environment={})[1]}
    assert {name for name in explained if name.startswith(PREFIX)} <= keys - NOT_SETTINGS


def test_kafka_keeps_one_copy_on_a_volume(services: dict[str, Any]) -> None:
    kafka = services["kafka"]
    environment = kafka["environment"]
    one_copy = re.compile("REPLICATION_FACTOR|MIN_ISR|MIN_INSYNC")
    copies = {name: value for name, value in environment.items() if one_copy.search(name)}
    assert len(copies) == 7 and set(copies.values()) == {"1"}
    assert any("SHARE_COORDINATOR" in name for name in copies)
    assert f"kafka-data:{environment['KAFKA_LOG_DIRS']}" in kafka["volumes"]
    assert "kafka-broker-api-versions.sh" in kafka["healthcheck"]["test"][1]


def test_postgres_health_check_is_one(services: dict[str, Any], postgres: Any) -> None:
    how, tool, *words = services["postgres"]["healthcheck"]["test"]
    folder = program_folder()
    assert how == "CMD" and folder is not None
    asked = [str(folder / tool), *words]
    assert subprocess.run([*asked, f"--port={postgres.port}"], check=False).returncode == 0
    assert subprocess.run([*asked, f"--port={free_port()}"], check=False).returncode != 0


def test_variables_and_overrides_mean_what_the_engine_means() -> None:
    tree = {"a": ["${A:-x}$$", 1], "b": "${B:?needed}"}
    assert interpolated(tree, {"A": "", "B": "b"}) == {"a": ["x$", 1], "b": "b"}
    for unset in ("${B:?needed}", "${B}"):
        with pytest.raises(KeyError, match="B "):
            interpolated(unset, {"B": ""})
    assert merged({"a": {"b": [1], "c": 2}, "d": 3}, {"a": {"b": [4], "c": 5}}) == {"a": {"b": [1, 4], "c": 5}, "d": 3}


def test_gpu_override_changes_the_processor_alone(root: Path, example: dict[str, str]) -> None:
    base = read(root / "docker-compose.yml", example)
    both = merged(base, read(root / "deploy" / "docker-compose.gpu.yml", example))
    changed = {name for name in base["services"] if both["services"][name] != base["services"][name]}
    assert changed == {"processor"} and set(both["services"]) == set(base["services"])
    processor = both["services"]["processor"]
    assert processor["build"] == {**base["services"]["processor"]["build"], "args": {"EXTRA": "gpu"}}
    assert processor["image"].endswith("-gpu")
    assert processor["environment"]["NEWSTIDE_MODEL__DEVICE"] == "cuda"
    assert processor["environment"]["NEWSTIDE_BUS__BOOTSTRAP"] == "kafka:9092"
    resources = processor["deploy"]["resources"]
    assert resources["reservations"]["devices"] == [{"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}]
    assert set(resources["limits"]) == {"memory", "pids"}


# --- what it does ----------------------------------------------------------------------------------------------------


@pytest.fixture
def feed() -> Iterator[str]:
    """A feed of one story, on the loopback address."""
    entry = f"<item><guid>1</guid><title>{HEADLINE}</title><link>https://example.com/1</link>"
    entry += f"<pubDate>{format_datetime(datetime.now(UTC))}</pubDate></item>"
    body = f'<?xml version="1.0"?><rss version="2.0"><channel><title>t</title>{entry}</channel></rss>'.encode()

    class Feed(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/rss+xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name the base class gives it
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Feed) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/rss"
        server.shutdown()
        thread.join()


@pytest.fixture
def kafka(broker: Broker, services: dict[str, Any], tmp_path: Path) -> Iterator[str]:
    """A broker with the file's own environment; `broker` stands for Java and the jars being there."""
    folder = tmp_path / "kafka"
    folder.mkdir()
    network, controller, host = (free_port() for _ in range(3))
    ports = (("kafka:9092", f"localhost:{network}"), (":9092", f":{network}"), (":9093", f":{controller}"))
    place = Place(folder, (*ports, (":9094", f":{host}"), ("/var/lib/kafka", str(folder))))
    setup, run = kafka_programs(services["kafka"], place)
    with setup:
        assert setup.wait(60) == 0, setup.said()
    with run:
        wait_for(lambda: listens(network) and serves(f"localhost:{network}"), "the broker of the file serves")
        assert serves(f"localhost:{host}"), "the port for clients on this machine"
        yield f"localhost:{network}"
        code, _ = run.terminate()
        assert code in (0, 143), run.said()


def post(port: int, body: bytes) -> int:
    """The status of a signed message."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request("POST", "/v1/push/wire", body, signed(body, "msg_1"))
        return connection.getresponse().status


def serves(bootstrap: str) -> bool:
    try:
        admin = KafkaAdminClient(bootstrap_servers=bootstrap, bootstrap_timeout_ms=1000, request_timeout_ms=3000)
    except KafkaError:
        return False
    try:
        return any(not one.get("is_fenced") for one in admin.describe_cluster()["brokers"])
    except KafkaError:
        return False
    finally:
        admin.close()


@pytest.fixture
def program(
    root: Path, example: dict[str, str], kafka: str, database_url: str, tmp_path: Path
) -> Callable[[str], Program]:
    """`program(name)`: a service of the file, its addresses those of this machine."""
    senders = json.dumps([{"name": "wire", "secrets": SECRETS}])
    given = {"NEWSTIDE_INGEST__ALLOW_PRIVATE_ADDRESSES": "true", "NEWSTIDE_PUSH__SOURCES": senders}
    services = read(root / "docker-compose.yml", example | given)["services"]
    count = iter(range(100))

    def make(name: str) -> Program:
        folder = tmp_path / f"{name}-{next(count)}"
        folder.mkdir()
        texts = (("kafka:9092", kafka), (STORE_URL, database_url), ("/tmp/newstide", f"{folder}/data"))  # noqa: S108
        ports = tuple((port, str(free_port())) for port in ("8010", "8080", "8501"))
        return Program(name, services[name], Place(folder, (*texts, *ports, ("0.0.0.0", "127.0.0.1"))))  # noqa: S104

    return make


def test_the_services_run(program: Callable[[str], Program], database_url: str, kafka: str, feed: str) -> None:
    with program("migrate") as migrate:
        assert migrate.wait(60) == 0, migrate.said()
    with closing(Database(database_url)) as store:
        registry.put(store, [(Source(name="loopback", url=feed), "loopback")], datetime.now(UTC))
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    topics = {topic["name"]: len(topic["partitions"]) for topic in admin.describe_topics(["news.raw", "news.scored"])}
    admin.close()
    assert topics == {"news.raw": 6, "news.scored": 6}
    with program("migrate") as again:
        assert again.wait(60) == 0, "a second start must change nothing"

    # Two processors, as `--scale processor=2` would start them; of two alerts one stands by.
    names = ("processor", "processor", "alerts", "alerts", "sender", "push", "ingest", "dashboard", "demo")
    with ExitStack() as stack:
        started = [stack.enter_context(program(name)) for name in names]
        for one in started:
            wait_for(one.healthy, f"{one.name} is healthy by its own check", 60)
        receiver = started[names.index("push")]
        pushed = post(int(receiver.environment()["NEWSTIDE_PUSH__PORT"]), b'{"id": "1", "title": "A story"}')
        assert pushed == 200, receiver.said()
        with psycopg.connect(database_url.replace("+psycopg", ""), autocommit=True) as database:
            query = "SELECT s.label, s.score FROM scores s JOIN stories USING (story_id, revision) WHERE title = %s"
            wait_for(lambda: database.execute(query, [HEADLINE]).fetchone() is not None, "the story is scored", 60)
            label, score = database.execute(query, [HEADLINE]).fetchone() or ("", 0.0)
        assert label in ("negative", "unsure") and score < 0
        for one in reversed(started):
            code, seconds = one.terminate()
            assert code == 0, f"{one.name} ended with {code}\n{one.said()}"
            assert seconds < END_S_MAX, f"{one.name} took {seconds:.1f} s"
