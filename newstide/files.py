"""Files and folders on a disk: what can be wrong with them, and what that means."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from newstide.errors import FileDamaged, SettingsInvalid

_CORRUPT_OR_NONE: Final = (11, 26)
"""SQLITE_CORRUPT and SQLITE_NOTADB."""


def make_folder(folder: Path) -> None:
    """With its parents, for files of ours. Raises SettingsInvalid when it cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why, fix = error.strerror or str(error), "set data_dir to a folder that can be written"
        raise SettingsInvalid(f"the folder {folder} cannot be made", why=why, fix=fix) from error


def require_whole(what: str, error: BaseException) -> None:
    """Raises FileDamaged when SQLite's error says that the file is damaged, or no database at all."""
    if getattr(error, "sqlite_errorcode", 0) & 0xFF in _CORRUPT_OR_NONE:
        fix = "restore it from a backup, or move the file away to begin anew"
        raise FileDamaged(f"{what} is damaged", why=str(error), fix=fix) from error


def require_private(path: Path) -> None:
    """Raises SettingsInvalid unless the file is there and nobody but its owner may read or write it."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise SettingsInvalid(f"the file {path} cannot be read", why=error.strerror or str(error)) from error
    if mode & 0o077:
        why = f"it holds a secret, and its mode {mode & 0o777:o} lets others at it"
        raise SettingsInvalid(f"the file {path} is open to others", why=why, fix=f"chmod 600 {path}")


def name_of(path: Path) -> str:
    """For people and databases: a file may be called what no text can hold."""
    return str(path).encode("utf-8", "replace").decode()
