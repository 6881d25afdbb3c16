"""What every program has: signals, health, metrics, and an end."""

import os
import signal
import socket
import threading
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from newstide.clock import FakeClock
from newstide.errors import PortInUse, SettingsInvalid
from newstide.sections import ServiceSettings
from newstide.service import ALIVE_WITHIN_S, Service, running
from newstide.telemetry import Metrics, logger


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def deadlines() -> list[threading.Thread]:
    return [
        thread
        for thread in threading.enumerate()
        if isinstance(thread, threading.Timer) and not thread.finished.is_set()
    ]


def service(clock: FakeClock, **more: object) -> Service:
    return Service("test", "t1", clock, Metrics(), logger("test"), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_asks_the_loop_to_stop_and_the_handler_goes_with_the_service(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with running("test", ServiceSettings()) as running_service:
        os.kill(os.getpid(), number)
        assert running_service.stop.wait(2)
        assert deadlines(), "a drain that hangs must end all the same"
    assert not deadlines(), "a program that ended in time is not killed afterwards"
    assert signal.getsignal(number) == before


def test_waiting_ends_with_a_stop() -> None:
    waiting = service(FakeClock())
    waiting.stop.set()
    waiting.wait(3_600)
    assert waiting.clock.monotonic() == 0


def test_health_and_metrics_are_served() -> None:
    port = free_port()
    with running("test", ServiceSettings(health_port=port)) as live:
        assert get(port, "/livez")[0] == 200
        assert get(port, "/readyz")[0] == 503, "not before the loop says so"
        live.ready.set()
        assert get(port, "/readyz") == (200, "ok\n")
        live.metrics.count("consumer_cas_rejections")
        assert "newstide_consumer_cas_rejections_total 1.0" in get(port, "/metrics")[1]
        assert get(port, "/etc/passwd")[0] == 404


def test_a_loop_that_stands_still_is_not_alive() -> None:
    clock = FakeClock()
    stuck = service(clock)
    stuck.tick()
    clock.advance(ALIVE_WITHIN_S - 1)
    assert stuck.alive()
    clock.advance(2)
    assert not stuck.alive()


def test_the_health_file_is_touched_once_a_second_and_gone_at_the_end(tmp_path: Path) -> None:
    clock, file = FakeClock(), tmp_path / "alive"
    ticking = service(clock, health_file=file)
    clock.advance(5)
    ticking.tick()
    os.utime(file, (1, 1))
    ticking.tick()
    assert file.stat().st_mtime == 1, "too soon"
    clock.advance(1)
    ticking.tick()
    assert file.stat().st_mtime > 1
    with running("test", ServiceSettings(health_file=str(file))):
        pass
    assert not file.exists()


def test_a_health_file_that_cannot_be_made_is_said_before_anything_starts(tmp_path: Path) -> None:
    file = tmp_path / "none" / "alive"
    with pytest.raises(SettingsInvalid, match="health file"), running("test", ServiceSettings(health_file=str(file))):
        pytest.fail("started all the same")


def test_a_health_file_whose_folder_goes_away_stops_nobody(tmp_path: Path) -> None:
    clock, folder = FakeClock(), tmp_path / "soon gone"
    folder.mkdir()
    ticking = service(clock, health_file=folder / "alive")
    folder.rmdir()
    clock.advance(5)
    ticking.tick()
    assert ticking.alive()


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 64, "999.999.999.999"])
def test_a_health_host_that_is_none(host: str) -> None:
    settings = ServiceSettings(health_host=host, health_port=free_port())
    with pytest.raises(PortInUse), running("test", settings):
        pytest.fail("started all the same")


def test_a_port_in_use_is_said_before_anything_starts() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortInUse) as caught, running("test", ServiceSettings(health_port=port)):
            pytest.fail("started all the same")
    assert str(port) in caught.value.what and "HEALTH_PORT" in caught.value.fix


def test_a_loop_that_turns_quickly_still_touches_its_file(tmp_path: Path) -> None:
    clock, file = FakeClock(), tmp_path / "health"
    busy = service(clock, health_file=file)
    touched = 0
    for _ in range(100):
        clock.advance(0.125)
        busy.tick()
        touched += file.exists()
        file.unlink(missing_ok=True)
    assert 12 <= touched <= 13, "once a second, however often it turns"
