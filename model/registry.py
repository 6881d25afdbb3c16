"""The artifacts of a folder: which there are, which is in use, and which was before."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from model import runs
from newstide import artifact
from newstide.errors import ModelInvalid

HISTORY: Final = "HISTORY"
"""What was in use, `NAME VERSION` a line, the newest last."""
HISTORY_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class Entry:
    """One artifact folder. `problem` says why it cannot be used; its manifest is then not trusted."""

    name: str
    version: str | None
    active: bool
    bytes: int
    problem: str | None


def entries(folder: Path) -> list[Entry]:
    """All artifacts of the folder by name. Reads manifests, not files: `verify` does that."""
    active = active_name(folder)
    found = sorted(
        path.parent for path in folder.glob(f"*/{artifact.MANIFEST}") if not path.parent.name.startswith(".")
    )
    return [_entry(path, active) for path in found]


def active_name(folder: Path) -> str | None:
    """The name in the ACTIVE file, or None without one."""
    pointer = folder / artifact.ACTIVE
    return pointer.read_text(encoding="utf-8", errors="replace").strip() if pointer.is_file() else None


def find(folder: Path, name: str | None) -> Path:
    """The folder of the artifact of that name or version, or of the active one. ModelInvalid when there is none."""
    path = folder / name if name else artifact.resolve(folder)
    if name and not (path / artifact.MANIFEST).is_file():
        path = folder / next((entry.name for entry in entries(folder) if entry.version == name), name)
    if not (path / artifact.MANIFEST).is_file():
        known = ", ".join(entry.name for entry in entries(folder)) or "none"
        raise ModelInvalid(
            f"there is no artifact {name!r} in {folder.name}" if name else f"no artifact is in use in {folder.name}",
            why=f"there are: {known}",
            fix="name one of them, or another folder with --artifacts, or export a run",
        )
    return path


def use(folder: Path, name: str) -> artifact.Artifact:
    """Verify the artifact of that name or version and point ACTIVE to it; `roll_back` finds the one before.

    Refuses with ModelInvalid what did not pass `newstide model check` as it is now.
    """
    found = artifact.load(find(folder, name))
    _require_checked(found)
    _point(folder, found, [*history(folder), f"{found.folder.name} {found.version}"])
    return found


def history(folder: Path) -> list[str]:
    """`NAME VERSION` of what was in use, the newest last: that is what is in use now, whoever made it so."""
    path = folder / HISTORY
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    active = [_line(entry) for entry in entries(folder) if entry.active and entry.version]
    return lines if lines[-1:] == active else [*lines, *active]


def roll_back(folder: Path) -> artifact.Artifact:
    """Verify the artifact that was in use before, point ACTIVE to it, and forget the one that was in use until now.

    Another call goes one further back. No check but that of its files: it was in use. Raises ModelInvalid when none was
    in use before, or when that very version is not there any more.
    """
    before = history(folder)[:-1]
    path = next((folder / entry.name for entry in entries(folder) if _line(entry) in before[-1:]), None)
    if path is None:
        raise ModelInvalid(
            f"there is nothing to roll back to in {folder.name}",
            why=f"{before[-1]} is not there any more" if before else "no other artifact was in use before",
            fix="newstide model list; then newstide model use NAME",
        )
    found = artifact.load(path)
    _point(folder, found, before)
    return found


def _line(entry: Entry) -> str:
    return f"{entry.name} {entry.version}"


def _point(folder: Path, found: artifact.Artifact, lines: list[str]) -> None:
    """A reader sees the old name or the new one, never half of it. ACTIVE first: from it, HISTORY mends itself."""
    kept = [line for n, line in enumerate(lines) if n == 0 or line != lines[n - 1]][-HISTORY_MAX:]
    for name, content in ((artifact.ACTIVE, found.folder.name), (HISTORY, "\n".join(kept))):
        runs.replace(folder / name, f"{content}\n".encode())


def _require_checked(found: artifact.Artifact) -> None:
    checks, name = found.manifest.checks, found.folder.name
    if checks is None:
        why = "its robustness was never checked"
    elif checks.version != found.version:
        why = f"the checks in its manifest are of {checks.version}, and it is {found.version}"
    elif not checks.passed:
        why = f"it did not pass the checks of {checks.made_at}"
    else:
        return
    raise ModelInvalid(f"the artifact {name} may not be put in use", why=why, fix=f"run `newstide model check {name}`")


def _entry(path: Path, active: str | None) -> Entry:
    try:
        manifest = artifact.read_manifest(path)
    except ModelInvalid as error:
        return Entry(path.name, None, path.name == active, 0, error.why)
    size = sum(entry.bytes for entry in manifest.files.values())
    return Entry(path.name, artifact.version_of(manifest), path.name == active, size, None)
