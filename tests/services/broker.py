"""A real Apache Kafka on this machine: one node, KRaft, its own folder and ports."""

import os
import re
import shutil
import subprocess
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from tests.services.common import (
    START_S_MAX,
    Process,
    ServiceFailed,
    ServiceMissing,
    cache_home,
    data_folder,
    free_port,
    listens,
    plain_environment,
    wait_for,
)

KAFKA_VERSION = "4.1.0"
JAVA_MIN = 17
HEAP_MB = 512

# Times are short where a test would wait for them: a killed broker is let in again after
# broker.session.timeout.ms (default 9 s), a group starts at once instead of after 3 s.
PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs={data}
num.partitions=1
auto.create.topics.enable=false
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
group.initial.rebalance.delay.ms=0
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
controlled.shutdown.max.retries=1
"""

LOGGING = """\
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d %p %c{1}: %m%n
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
"""


def jar_folder() -> Path:
    """Where `tests/services/install.py` puts the broker's jars."""
    return cache_home() / f"kafka-{KAFKA_VERSION}"


def find_java() -> str | None:
    """The path of a Java that is new enough, or None."""
    home = os.environ.get("JAVA_HOME")
    for candidate in ([str(Path(home) / "bin" / "java")] if home else []) + ["java"]:
        path = shutil.which(candidate)
        if path is None:
            continue
        said = subprocess.run([path, "-version"], capture_output=True, text=True, timeout=30, check=False).stderr
        version = re.search(r'version "(\d+)', said)
        if version and int(version.group(1)) >= JAVA_MIN:
            return path
    return None


def missing() -> str | None:
    """What is not installed, in words, or None."""
    if find_java() is None:
        return f"Java {JAVA_MIN} or newer (for the Kafka broker)"
    if not (jar_folder() / "complete").exists():
        return f"the jars of Apache Kafka {KAFKA_VERSION}"
    return None


class Broker:
    """One Kafka broker. `start` returns when clients are served; `close` removes its data.

    `stop` and `kill` keep data and ports, so that `start` brings the same broker back: `restart` is both.
    Raises ServiceMissing when Java or the jars are not there, ServiceFailed when it does not come up.
    """

    version = KAFKA_VERSION

    def __init__(self) -> None:
        lacking = missing()
        if lacking:
            raise ServiceMissing(f"{lacking}: run `make services`")
        self.port = free_port()
        self._controller_port = free_port()
        self._folder = data_folder("kafka")
        self._properties = self._folder / "server.properties"
        self._java = find_java() or "java"
        self._failed = False
        self._process = Process(
            [
                self._java,
                f"-Xms{HEAP_MB}m",
                f"-Xmx{HEAP_MB}m",
                "-Xshare:auto",
                f"-Dlog4j2.configurationFile={self._folder / 'log4j2.properties'}",
                "-cp",
                str(jar_folder() / "*"),
                "kafka.Kafka",
                str(self._properties),
            ],
            log=self.log,
            env=plain_environment(),
        )

    @property
    def bootstrap(self) -> str:
        """The address for a client's `bootstrap_servers`."""
        return f"127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self._folder / "broker.log"

    @property
    def running(self) -> bool:
        return self._process.running

    @property
    def pid(self) -> int:
        return self._process.pid

    def start(self) -> Self:
        """Start, and return when the broker serves. Starting a running broker changes nothing."""
        if self.running:
            return self
        if not self._properties.exists():
            self._format()
        self._process.start()
        try:
            wait_for(self._serves, "the Kafka broker serves")
        except ServiceFailed as failure:
            self._failed = True
            raise ServiceFailed(f"{failure}\n{self._process.log_tail()}") from None
        return self

    def stop(self) -> None:
        """End in order; data stays."""
        self._process.stop()

    def kill(self) -> None:
        """End as kill -9 does, and return when connections are refused; data stays."""
        self._process.kill()
        wait_for(lambda: not listens(self.port), "the killed broker's port closes")

    def restart(self) -> Self:
        self.stop()
        return self.start()

    def close(self) -> None:
        """Stop and remove the data; a broker that failed keeps its folder, log inside."""
        self._process.stop()
        if not self._failed:
            shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def admin(self) -> Any:
        """A new admin client; the caller closes it."""
        return KafkaAdminClient(bootstrap_servers=self.bootstrap, bootstrap_timeout_ms=1000, request_timeout_ms=3000)

    def create_topic(self, name: str = "", partitions: int = 1, configs: Mapping[str, str] | None = None) -> str:
        """Create a topic and return its name (one is made up if none is given) when each partition has a leader."""
        name = name or f"t-{uuid.uuid4().hex[:12]}"
        options = {"num_partitions": partitions, "replication_factor": 1, "configs": dict(configs or {})}
        admin = self.admin()
        try:
            admin.create_topics({name: options})
            wait_for(lambda: _topic_ready(admin, name, partitions), f"topic {name} has leaders", 30)
        finally:
            admin.close()
        return name

    def delete_topic(self, name: str) -> None:
        """Delete a topic and return when the broker no longer lists it."""
        admin = self.admin()
        try:
            admin.delete_topics([name])
            wait_for(lambda: name not in admin.list_topics(), f"topic {name} is gone", 30)
        finally:
            admin.close()

    def _format(self) -> None:
        (self._folder / "log4j2.properties").write_text(LOGGING, "utf-8")
        text = PROPERTIES.format(port=self.port, controller_port=self._controller_port, data=self._folder / "data")
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "A", 1)
        self._properties.write_text(text, "utf-8")
        flags = ["-Xmx128m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto"]
        logging = f"-Dlog4j2.configurationFile={self._folder / 'log4j2.properties'}"
        tool = [self._java, *flags, logging, "-cp", str(jar_folder() / "*"), "kafka.tools.StorageTool", "format"]
        done = subprocess.run(
            [*tool, "--cluster-id", cluster, "--config", str(self._properties)],
            capture_output=True,
            text=True,
            timeout=START_S_MAX,
            check=False,
        )
        if done.returncode:
            self._properties.unlink()
            raise ServiceFailed(f"the Kafka storage could not be formatted:\n{done.stdout}{done.stderr}")

    def _serves(self) -> bool:
        """The port is open and the cluster has a broker that is not fenced; a new admin client for each try."""
        self._process.check()
        if not listens(self.port):
            return False
        try:
            admin = self.admin()
        except KafkaError:
            return False
        try:
            return any(not broker.get("is_fenced") for broker in admin.describe_cluster()["brokers"])
        except KafkaError:
            return False
        finally:
            admin.close()


def _topic_ready(admin: Any, name: str, partitions: int) -> bool:
    try:
        (topic,) = admin.describe_topics([name])
    except KafkaError:
        return False
    leaders = [partition["leader_id"] >= 0 for partition in topic["partitions"]]
    return topic["error_code"] == 0 and len(leaders) == partitions and all(leaders)
