"""What the commands share: the settings, read when a command first asks for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from newstide.settings import Origins, Settings, load

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


@dataclass(frozen=True, slots=True)
class Given:
    """What stood before the command's name."""

    config: Path | None = None


def settings_of(context: typer.Context, overrides: Mapping[str, Any] | None = None) -> Settings:
    """The settings for this command; `overrides` are its own flags, by dotted key. Raises SettingsInvalid."""
    return load_of(context, overrides)[0]


def load_of(context: typer.Context, overrides: Mapping[str, Any] | None = None) -> tuple[Settings, Origins]:
    given = context.find_object(Given) or Given()
    chosen = {key: value for key, value in (overrides or {}).items() if value is not None}
    return load(given.config, overrides=chosen)
