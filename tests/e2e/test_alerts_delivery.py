"""The commands about being told, as processes: what they refuse, what they keep to themselves, and kill -9."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from newstide.alerting.firing import Kind
from newstide.store import alerting, outbox
from newstide.store.database import Database
from tests.firings import NOON, firing
from tests.receivers import hooks
from tests.services.common import plain_environment

PLANTED = "pl4nted-s3cret"
OPEN = {"NEWSTIDE_DELIVERY__ALLOW_HTTP": "true", "NEWSTIDE_DELIVERY__ALLOW_PRIVATE_ADDRESSES": "true"}


class Command:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = plain_environment() | {"NEWSTIDE_DATA_DIR": str(folder)} | OPEN
        self.heard = ""

    def __call__(self, *words: str, code: int = 0, **more: str) -> str:
        found = subprocess.run(
            [sys.executable, "-m", "cli.main", "alerts", *words],
            env=self.environment | more,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        self.heard += found.stdout + found.stderr
        assert found.returncode == code, found.stderr
        assert "Traceback" not in found.stderr
        return found.stdout if code == 0 else found.stderr

    def fire(self, *kinds: Kind) -> None:
        database = Database(f"sqlite:///{self.folder / 'newstide.db'}")
        with database.transaction() as connection:
            said = [firing(kind, number=1) for kind in kinds]
            outbox.add(connection, alerting.add_firings(connection, said, NOON), NOON)
        database.close()


@pytest.fixture
def run(tmp_path: Path) -> Command:
    return Command(tmp_path)


def test_somebody_subscribes_is_told_and_finds_it_in_the_log(run: Command) -> None:
    with hooks() as web:
        made = json.loads(run("channels", "add", "hook", f"{web.address}/{PLANTED}", "--who", "ann", "--json"))
        assert re.fullmatch(r"whsec_[A-Za-z0-9+/]+=*", made["secret"])
        run("channels", "test", "hook", "--who", "ann")
        assert b"alert.test" in web.calls[0].body
        run("subscribe", "--to", "hook", "--quiet", "sat,sun 22:00-07:00", "--zone", "Asia/Shanghai", "--who", "ann")
        assert json.loads(run("subscriptions", "--who", "ann", "--json"))[0]["zone"] == "Asia/Shanghai"
        run.fire(Kind.FIRED)
        web.script[f"/{PLANTED}"] = [410, 200]
        run("send", "--drain", NEWSTIDE_SERVICE__LOG_LEVEL="debug")
        (row,) = json.loads(run("history", "--who", "ann", "--json"))
        assert (row["state"], row["reason"]) == ("disabled", "at once")
        assert json.loads(run("history", row["delivery_id"], "--who", "ann", "--json"))[0]["status"] == 410
        assert "410" in run("channels", "list", "--who", "ann")
        run("channels", "enable", "hook", "--who", "ann")
        run("replay", "--who", "ann")
        run("send", "--drain")
        assert [call.id for call in web.calls[1:]] == [row["delivery_id"]] * 2
        assert json.loads(run("inbox", "--who", "ann", "--json"))[0]["deliveries"][0]["state"] == "sent"
        run("ack", firing().firing_id, "--who", "ann")
    assert PLANTED not in run.heard, "an address is a secret"
    assert run.heard.count(made["secret"]) == 1


def test_a_sender_that_is_asked_to_stop_ends_in_time_and_loses_nothing(run: Command) -> None:
    with hooks() as web:
        web.script["/slow"] = ["hang"]
        run("channels", "add", "hook", f"{web.address}/slow", "--who", "ann")
        run("subscribe", "--to", "hook", "--who", "ann")
        run.fire(Kind.FIRED)
        child = subprocess.Popen(
            [sys.executable, "-m", "cli.main", "alerts", "send"], env=run.environment, stderr=subprocess.DEVNULL
        )
        assert web.wait("/slow", 1, 60)
        child.send_signal(signal.SIGTERM)
        assert child.wait(10) == 0
        web.release.set()
        web.script["/slow"] = [200]
        run("send", "--drain")
        assert len({call.id for call in web.calls}) == 1 and len(web.calls) == 2


def test_killed_between_sending_and_saying_so_each_alert_comes_at_most_once_more(root: Path) -> None:
    """Five rounds here; docs/alerts-delivery.md has fifty."""
    command = [sys.executable, "-m", "benchmarks.bench_delivery", "--rounds", "5"]
    found = subprocess.run(
        command,
        cwd=root,
        env=os.environ | plain_environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    result: dict[str, Any] = json.loads(found.stdout)
    assert found.returncode == 0, result
    assert (result["lost"], result["senders_killed"], result["most_of_one"]) == (0, 5, 2)
