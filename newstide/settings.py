"""Settings: read once, typed, validated, printable. Defaults < TOML file < environment < command line.

A file is `newstide.toml` in the working folder, or what `--config` or `NEWSTIDE_CONFIG` names. The environment spells
`bus.bootstrap` as `NEWSTIDE_BUS__BOOTSTRAP`. An unknown key is refused wherever it stands: a misspelt setting that is
silently ignored is worse than no start. Secrets are `SecretStr` and never printed.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, SecretStr, ValidationError, field_validator

from newstide.errors import SettingsInvalid
from newstide.sections import RollupSettings, Section

PREFIX: Final = "NEWSTIDE_"
DEFAULT_FILE: Final = Path("newstide.toml")
NOT_SETTINGS: Final = frozenset({"NEWSTIDE_CONFIG", "NEWSTIDE_DATA", "NEWSTIDE_TEST_SERVICES"})
"""Variables of ours that are no settings: where the file is, where the training data are, what tests demand."""

_LISTS: Final = ("ingest.feeds", "rollups.tier_1", "rollups.tier_3")
"""Settings that the environment spells as JSON."""

_QUERY_PASSWORD: Final = re.compile(r"([?&]\w*password=)[^&]*", re.IGNORECASE)

Seconds = Annotated[float, Field(gt=0, le=86_400)]
Port = Annotated[int, Field(ge=0, le=65_535)]
Host = Annotated[str, Field(pattern=r"^[A-Za-z0-9.:%_-]{1,253}$")]
Threads = Literal["auto"] | Annotated[int, Field(ge=1, le=256)]
Topic = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]{0,248}$")]


class BusSettings(Section):
    kind: Literal["embedded", "kafka"] = Field("embedded", description="embedded: a log in SQLite; kafka: a broker")
    bootstrap: str = Field("", description="Kafka: host:port, several joined by commas")
    topic_raw: Topic = Field("news.raw", description="topic of received stories")
    topic_scored: Topic = Field("news.scored", description="topic of scored stories")
    partitions: int = Field(6, ge=1, le=1_000, description="partitions of a topic that we make")
    session_timeout_s: Seconds = Field(10.0, ge=6, description="a member silent this long loses its partitions")
    on_history_change: Literal["stop", "rewind"] = Field(
        "stop", description="when the log is not the one we read: stop, or read again from its start"
    )
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["", "SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN"] = ""
    sasl_username: str = ""
    sasl_password: SecretStr = SecretStr("")
    tls_ca_file: str = ""


class StoreSettings(Section):
    url: SecretStr = Field(
        SecretStr(""), description="postgresql+psycopg://user:password@host/name; empty: SQLite in data_dir"
    )


class ModelSettings(Section):
    artifact: str = Field("", description="an artifact folder; empty: the active one that ships with newstide")
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: Threads = Field("auto", description="of one scorer; auto: a core is left to broker and database")
    token_budget: int = Field(1_024, ge=128, le=1 << 20, description="longest x count of one run of the model")


class FeedSettings(Section):
    name: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    url: str
    every_s: Annotated[float, Field(ge=15, le=86_400)] = 300.0

    @field_validator("url")
    @classmethod
    def _is_public_http(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must be an http or https address")
        if parts.username or parts.password:
            raise ValueError("must not carry a user name or a password")
        return url


class IngestSettings(Section):
    feeds: tuple[FeedSettings, ...] = ()
    user_agent: str = Field("newstide/0.1 (+set ingest.user_agent)", description="who we say we are to publishers")
    allow_private_addresses: bool = Field(
        False, description="let feeds live on loopback and private networks (tests, intranets)"
    )

    @field_validator("feeds")
    @classmethod
    def _names_differ(cls, feeds: tuple[FeedSettings, ...]) -> tuple[FeedSettings, ...]:
        names = [feed.name for feed in feeds]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two feeds are called {', '.join(twice)}")
        return feeds


class ProcessorSettings(Section):
    group: str = Field("processor", min_length=1, max_length=64, description="consumer group, and key of the offsets")
    batch_stories: int = Field(256, ge=1, le=100_000, description="stories of one transaction")
    reject_ratio_max: float = Field(
        0.5, gt=0, le=1, description="of the last 1,000 stories; past it the consumer stops"
    )
    reject_run_max: int = Field(500, ge=1, description="rejects in a row; past it the consumer stops")


class DashboardSettings(Section):
    host: Host = "127.0.0.1"
    port: Port = Field(8501, description="0: any free port")


class ServiceSettings(Section):
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["auto", "console", "json"] = Field("auto", description="auto: console on a terminal, else JSON")
    health_host: Host = "127.0.0.1"
    health_port: Port = Field(0, description="/livez, /readyz and /metrics; 0: off")
    health_file: str = Field("", description="touched while the loop turns; empty: off")
    instance: str = Field("", max_length=64, description="this process in its group; empty: host name and a number")


class Settings(Section):
    data_dir: Path = Field(Path("var"), description="where the embedded log and database, and health files, live")
    demo: bool = Field(False, description="set by newstide demo: pages carry a banner")
    bus: BusSettings = BusSettings()
    store: StoreSettings = StoreSettings()
    model: ModelSettings = ModelSettings()
    ingest: IngestSettings = IngestSettings()
    processor: ProcessorSettings = ProcessorSettings()
    rollups: RollupSettings = RollupSettings()
    dashboard: DashboardSettings = DashboardSettings()
    service: ServiceSettings = ServiceSettings()

    @property
    def store_url(self) -> str:
        """The database's address, secret and all."""
        return self.store.url.get_secret_value() or f"sqlite:///{self.data_dir / 'newstide.db'}"

    @property
    def bus_path(self) -> Path:
        return self.data_dir / "bus.db"


class Origins(dict[str, str]):
    """Dotted key -> `default`, `file NAME`, `environment NEWSTIDE_…` or `command line`."""


def load(
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> tuple[Settings, Origins]:
    """Read, merge and check everything. Raises SettingsInvalid naming the key, where it stands and what is wrong."""
    env = os.environ if environment is None else environment
    chosen = file or (Path(env["NEWSTIDE_CONFIG"]) if env.get("NEWSTIDE_CONFIG") else None)
    from_file, file_name = _read_file(chosen)
    from_env = _read_environment(env)
    merged: dict[str, Any] = {}
    origins = Origins()
    layers = ((from_file, f"file {file_name}"), (from_env, "environment"), (dict(overrides or {}), "command line"))
    for layer, origin in layers:
        for key, value in layer.items():
            _put(merged, key, value)
            origins[key] = f"environment {_variable(key)}" if origin == "environment" else origin
            if isinstance(value, str) and "\0" in value:  # no file, address or name may hold it
                raise SettingsInvalid(f"setting {key} holds a NUL character", why=f"it stands in {origins[key]}")
    try:
        settings = Settings(**merged)
    except ValidationError as error:
        raise _invalid(error, origins) from error
    for key, _value in flatten(settings):
        origins.setdefault(key, "default")
    if settings.bus.kind == "kafka" and not settings.bus.bootstrap:
        raise SettingsInvalid(
            "bus.bootstrap is empty", why="bus.kind is kafka", fix="set NEWSTIDE_BUS__BOOTSTRAP=host:port"
        )
    if settings.bus.topic_raw == settings.bus.topic_scored:
        why = "what is scored would be read again as news"
        raise SettingsInvalid("bus.topic_raw and bus.topic_scored are the same topic", why=why)
    return settings, origins


def _read_file(chosen: Path | None) -> tuple[dict[str, Any], str]:
    path = chosen or DEFAULT_FILE
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        if chosen is None:
            return {}, str(path)
        raise SettingsInvalid(f"there is no file {path}", fix="newstide init writes one") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise SettingsInvalid(
            f"{path} cannot be read", why=str(error), fix="newstide init writes a correct one"
        ) from error
    flat = dict(_flatten_mapping(content))
    for key in flat:
        _check_known(key, f"file {path}")
    return flat, str(path)


def _read_environment(env: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for variable in sorted(env):
        if not variable.startswith(PREFIX) or variable in NOT_SETTINGS:
            continue
        key = variable.removeprefix(PREFIX).lower().replace("__", ".")
        _check_known(key, f"environment {variable}")
        value: Any = env[variable]
        if key in _LISTS:
            try:
                value = json.loads(value)
            except (ValueError, RecursionError) as error:
                raise SettingsInvalid(f"{variable} is not JSON", why=str(error)) from error
        found[key] = value
    return found


def _variable(key: str) -> str:
    return PREFIX + key.upper().replace(".", "__")


def _flatten_mapping(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping) and (value or name in Settings.model_fields):
            yield from _flatten_mapping(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _known_keys() -> list[str]:
    keys: list[str] = []
    for name, field in Settings.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            keys += [f"{name}.{inner}" for inner in section.model_fields]
        else:
            keys.append(name)
    return keys


def _check_known(key: str, origin: str) -> None:
    known = _known_keys()
    if key in known:
        return
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    fix = f"did you mean {near[0]}?" if near else "newstide config show lists every key"
    raise SettingsInvalid(f"unknown setting {key}", why=f"it stands in {origin}", fix=fix)


def _put(merged: dict[str, Any], key: str, value: Any) -> None:
    *sections, name = key.split(".")
    for section in sections:
        merged = merged.setdefault(section, {})
    merged[name] = value


def _invalid(error: ValidationError, origins: Origins) -> SettingsInvalid:
    """The first problem, named by its key. The value is not repeated: it may be a secret."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = [str(part) for part in first["loc"]]
    key = ".".join(where)
    origin = origins.get(key) or origins.get(".".join(where[:2]), "default")
    return SettingsInvalid(f"setting {key}: {first['msg']}", why=f"it stands in {origin}", fix="newstide config show")


def flatten(settings: Settings) -> Iterator[tuple[str, Any]]:
    """Every key with its value, secrets masked; for people and for `config show`."""
    for key in _known_keys():
        value: Any = settings
        for name in key.split("."):
            value = getattr(value, name)
        yield key, _printable(key, value)


def _printable(key: str, value: Any) -> Any:
    if isinstance(value, SecretStr):
        secret = value.get_secret_value()
        if not secret:
            return ""
        return without_password(secret) if key == "store.url" else "********"
    if isinstance(value, tuple):
        return [item.model_dump() if isinstance(item, BaseModel) else item for item in value]
    return str(value) if isinstance(value, Path) else value


def without_password(url: str) -> str:
    """The address as it may be shown, wherever the password stands in it."""
    url = _QUERY_PASSWORD.sub(r"\1********", url)
    head, separator, tail = url.rpartition("@")
    if not separator:
        return url
    scheme, _, credentials = head.partition("://")
    user, colon, _ = credentials.partition(":")
    return f"{scheme}://{user}{':********' if colon else ''}@{tail}"
