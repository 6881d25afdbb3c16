"""The services that other tests stand on do what their fixtures promise."""

import http.server
import shutil
import threading
from collections.abc import Callable, Iterator

import psycopg
import pytest
from kafka import KafkaConsumer, KafkaProducer
from playwright.sync_api import Page

from tests.services.broker import Broker
from tests.services.common import ServiceFailed, ServiceMissing
from tests.services.database import Postgres


def produce(broker: Broker, topic: str, value: bytes) -> None:
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap, acks="all", request_timeout_ms=10_000)
    try:
        producer.send(topic, value).get(timeout=20)
    finally:
        producer.close()


def consume(broker: Broker, topic: str) -> list[bytes]:
    consumer = KafkaConsumer(topic, bootstrap_servers=broker.bootstrap, auto_offset_reset="earliest", group_id=None)
    try:
        for _ in range(20):
            polled = consumer.poll(timeout_ms=1000)
            if polled:
                return [record.value for records in polled.values() for record in records]
        return []
    finally:
        consumer.close()


def test_broker_keeps_records_through_kill_and_restart(broker: Broker, topic: Callable[..., str]) -> None:
    name = topic(partitions=1)
    produce(broker, name, b"before")
    before = broker.pid
    broker.kill()
    assert not broker.running
    broker.start()
    assert broker.pid != before
    produce(broker, name, b"after")
    broker.restart()
    assert consume(broker, name) == [b"before", b"after"]
    broker.delete_topic(name)


def test_database_keeps_rows_through_kill_and_restart(postgres: Postgres, database_url: str) -> None:
    address = database_url.replace("+psycopg", "")
    with psycopg.connect(address) as connection:
        connection.execute("CREATE TABLE kept (word text)")
        connection.execute("INSERT INTO kept VALUES ('潮')")
    postgres.kill()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(address, connect_timeout=2)
    postgres.start()
    with psycopg.connect(address) as connection:
        assert connection.execute("SELECT word, current_setting('fsync') FROM kept").fetchone() == ("潮", "on")
    postgres.restart()
    with psycopg.connect(address) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (1,)


class Greeting(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = "<meta charset=utf-8><title>newstide</title><h1>新闻 tide</h1>".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name the base class gives it
        """Say nothing."""


@pytest.fixture
def greeting() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Greeting) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


def test_browser_loads_a_page(page: Page, greeting: str) -> None:
    page.goto(greeting)
    assert page.title() == "newstide"
    assert page.inner_text("h1") == "新闻 tide"


def test_a_missing_part_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "nowhere")
    with pytest.raises(ServiceMissing, match=r"(Kafka|Java).*make services"):
        Broker()


def test_a_broker_that_cannot_start_says_why(broker: Broker) -> None:
    second = Broker()
    try:
        second._format()
        properties = second._properties.read_text("utf-8").replace(f":{second.port}", f":{broker.port}")
        second._properties.write_text(properties, "utf-8")
        with pytest.raises(ServiceFailed, match="in use"):
            second.start()
    finally:
        second.close()
        shutil.rmtree(second.log.parent)  # a broker that failed keeps its folder, so that one can read its log
