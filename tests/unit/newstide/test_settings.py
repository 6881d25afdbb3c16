"""Settings: where each value comes from, and what is refused."""

from pathlib import Path

import pytest

from newstide.errors import SettingsInvalid
from newstide.settings import Settings, flatten, load

SECRET = "hunter2"


def refused(**environment: str) -> SettingsInvalid:
    with pytest.raises(SettingsInvalid) as caught:
        load(environment=environment)
    return caught.value


def test_the_default_needs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings, origins = load(environment={})
    assert settings.bus.kind == "embedded" and settings.store_url == "sqlite:///var/newstide.db"
    assert set(origins.values()) == {"default"} and set(origins) == {key for key, _ in flatten(settings)}


def test_environment_over_file_over_default_and_flags_over_all(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('data_dir = "here"\n[processor]\nbatch_stories = 10\n[dashboard]\nport = 1000\n')
    environment = {"NEWSTIDE_PROCESSOR__BATCH_STORIES": "20", "NEWSTIDE_DASHBOARD__PORT": "2000"}
    settings, origins = load(file, environment, {"dashboard.port": 3000})
    assert (settings.data_dir, settings.processor.batch_stories, settings.dashboard.port) == (Path("here"), 20, 3000)
    assert origins["data_dir"] == f"file {file}"
    assert origins["processor.batch_stories"] == "environment NEWSTIDE_PROCESSOR__BATCH_STORIES"
    assert origins["dashboard.port"] == "command line" and origins["dashboard.host"] == "default"


@pytest.mark.parametrize(("value", "threads"), [("auto", "auto"), ("2", 2)])
def test_threads_are_a_number_or_chosen(value: str, threads: str | int) -> None:
    assert load(environment={"NEWSTIDE_MODEL__THREADS": value})[0].model.threads == threads


def test_a_file_can_be_named_by_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "other.toml"
    file.write_text("demo = true\n")
    assert load(environment={"NEWSTIDE_CONFIG": str(file)})[0].demo


@pytest.mark.parametrize(
    ("variable", "value", "parts"),
    [
        ("NEWSTIDE_BUS__KIMD", "kafka", ("bus.kimd", "did you mean bus.kind?")),
        ("NEWSTIDE_BUSS", "x", ("buss",)),
        ("NEWSTIDE_BUS", "{}", ("bus",)),
        ("NEWSTIDE_DASHBOARD__PORT", "eighty", ("dashboard.port", "integer")),
        ("NEWSTIDE_DASHBOARD__PORT", "70000", ("dashboard.port",)),
        ("NEWSTIDE_BUS__KIND", "rabbit", ("bus.kind",)),
        ("NEWSTIDE_BUS__ON_HISTORY_CHANGE", "oops", ("bus.on_history_change",)),
        ("NEWSTIDE_BUS__SESSION_TIMEOUT_S", "-1", ("bus.session_timeout_s",)),
        ("NEWSTIDE_PROCESSOR__BATCH_STORIES", "0", ("processor.batch_stories",)),
        ("NEWSTIDE_MODEL__THREADS", "0", ("model.threads",)),
        ("NEWSTIDE_MODEL__THREADS", "many", ("model.threads", "auto")),
        ("NEWSTIDE_INGEST__LEASE_S", "0", ("ingest.lease_s",)),
        ("NEWSTIDE_INGEST__HOST_GAP_S", "-1", ("ingest.host_gap_s",)),
        ("NEWSTIDE_BUS__KIND", "kafka", ("bus.bootstrap", "NEWSTIDE_BUS__BOOTSTRAP")),
        ("NEWSTIDE_BUS__TOPIC_RAW", "news scored!", ("bus.topic_raw",)),
        ("NEWSTIDE_BUS__TOPIC_RAW", "news.scored", ("bus.topic_raw", "the same topic")),
        ("NEWSTIDE_DATA_DIR", "a\0b", ("data_dir", "NUL", "NEWSTIDE_DATA_DIR")),
    ],
)
def test_what_is_wrong_is_named_with_its_place(variable: str, value: str, parts: tuple[str, ...]) -> None:
    error = refused(**{variable: value})
    whole = f"{error.what} {error.why} {error.fix}"
    assert all(part in whole for part in parts), whole


@pytest.mark.parametrize(
    "content", ["[bus]\nkimd = 'x'\n", "not toml", "[store.url]\nx = 1\n", "\xff", "[buss]\n", f"a = {'[' * 100_000}"]
)
def test_a_bad_file_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "newstide.toml"
    file.write_bytes(content.encode("latin-1"))
    with pytest.raises(SettingsInvalid) as caught:
        load(file, {})
    assert str(file) in f"{caught.value.what} {caught.value.why}"


def test_a_missing_file_that_was_asked_for(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="there is no file"):
        load(tmp_path / "none.toml", {})


def test_secrets_are_nowhere_to_be_read() -> None:
    environment = {
        "NEWSTIDE_STORE__URL": f"postgresql+psycopg://me:{SECRET}@db/news",
        "NEWSTIDE_BUS__SASL_PASSWORD": SECRET,
    }
    settings, _ = load(environment=environment)
    shown = dict(flatten(settings))
    assert SECRET not in repr(settings) + str(settings) + repr(shown)
    assert shown["store.url"] == "postgresql+psycopg://me:********@db/news" and shown["bus.sasl_password"] == "********"
    assert settings.store_url == environment["NEWSTIDE_STORE__URL"]


@pytest.mark.parametrize("where", ["?user=me&password=hunter2&sslmode=require", "?sslpassword=hunter2"])
def test_a_password_behind_the_address_is_masked_as_well(where: str) -> None:
    url = f"postgresql+psycopg://db/news{where}"
    shown = dict(flatten(load(environment={"NEWSTIDE_STORE__URL": url})[0]))["store.url"]
    assert SECRET not in shown and shown.startswith("postgresql+psycopg://db/news?")


def test_an_empty_section_says_nothing(tmp_path: Path) -> None:
    file = tmp_path / "newstide.toml"
    file.write_text("[bus]\n[dashboard]\n")
    assert set(load(file, {})[1].values()) == {"default"}


def test_a_wrong_secret_is_not_repeated_in_the_error() -> None:
    error = refused(NEWSTIDE_BUS__SASL_PASSWORD=SECRET, NEWSTIDE_BUS__KIND=SECRET)
    assert SECRET not in f"{error.what} {error.why} {error.fix}"


def test_settings_do_not_change() -> None:
    with pytest.raises(Exception, match="frozen"):
        Settings().demo = True  # type: ignore[misc]
