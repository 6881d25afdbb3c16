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
from typing import Any, Final

from pydantic import BaseModel, Field, SecretStr, ValidationError

from newstide.errors import SettingsInvalid
from newstide.sections import (
    AlertSettings,
    BusSettings,
    DashboardSettings,
    DeliverySettings,
    IngestSettings,
    ModelSettings,
    ProcessorSettings,
    RollupSettings,
    Section,
    ServiceSettings,
    StoreSettings,
)

PREFIX: Final = "NEWSTIDE_"
DEFAULT_FILE: Final = Path("newstide.toml")
NOT_SETTINGS: Final = frozenset({"NEWSTIDE_CONFIG", "NEWSTIDE_DATA", "NEWSTIDE_TEST_SERVICES"})
"""Variables of ours that are no settings: where the file is, where the training data are, what tests demand."""

_LISTS: Final = ("ingest.feeds", "rollups.tier_1", "rollups.tier_3")
"""Settings that the environment spells as JSON."""

_QUERY_PASSWORD: Final = re.compile(r"([?&]\w*password=)[^&]*", re.IGNORECASE)


class Settings(Section):
    data_dir: Path = Field(Path("var"), description="where the embedded log and database, and health files, live")
    demo: bool = Field(False, description="set by newstide demo: pages carry a banner")
    bus: BusSettings = BusSettings()
    store: StoreSettings = StoreSettings()
    model: ModelSettings = ModelSettings()
    ingest: IngestSettings = IngestSettings()
    processor: ProcessorSettings = ProcessorSettings()
    rollups: RollupSettings = RollupSettings()
    alerts: AlertSettings = AlertSettings()
    delivery: DeliverySettings = DeliverySettings()
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
