import os
import socket
import tomllib
from pathlib import Path

import pytest

from dashboard.serve import ENTRY, command, environment, serve
from newstide.errors import PortInUse
from newstide.settings import load


def test_the_pages_get_our_settings_and_nobody_elses(tmp_path: Path) -> None:
    settings, _origins = load(
        environment={}, overrides={"data_dir": "here", "demo": True, "store.url": "postgresql+psycopg://u:p@h/n"}
    )
    given = environment(
        settings,
        {"PATH": "p", "NEWSTIDE_BUS__KIND": "kafka", "NEWSTIDE_TEST_SERVICES": "x", "STREAMLIT_SERVER_PORT": "1"},
    )
    assert given["PATH"] == "p"
    assert "STREAMLIT_SERVER_PORT" not in given
    again, _origins = load(environment=given)
    assert again.data_dir == Path.cwd() / "here"
    assert (again.demo, again.store_url, again.bus.kind) == (True, settings.store_url, "embedded")


def test_the_password_is_not_on_the_command_line() -> None:
    assert command("127.0.0.1", 8501)[-6:] == [
        "--server.address", "127.0.0.1", "--server.port", "8501", "--server.headless", "true",
    ]  # fmt: skip


def test_a_port_in_use_is_said_before_anything_starts() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        settings, _origins = load(environment={"PATH": os.defpath}, overrides={"dashboard.port": port})
        with pytest.raises(PortInUse) as error:
            serve(settings)
    assert str(port) in error.value.what
    assert error.value.why
    assert "--port" in error.value.fix


def test_the_configuration_lies_where_streamlit_looks_from_any_folder() -> None:
    config = tomllib.loads((ENTRY.parent / ".streamlit" / "config.toml").read_text("utf-8"))
    assert config["browser"] == {"gatherUsageStats": False, "serverAddress": "localhost"}
    assert config["client"]["showErrorDetails"] == "none"
    assert config["server"]["address"] == "127.0.0.1"
    assert config["runner"]["magicEnabled"] is False
    assert len(config["theme"]["light"]["chartCategoricalColors"]) == 5
    assert len(config["theme"]["dark"]["chartCategoricalColors"]) == 5
