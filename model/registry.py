"""The artifacts of a folder: which there are, which is in use."""

from dataclasses import dataclass
from pathlib import Path

from newstide import artifact
from newstide.errors import ModelInvalid


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
    """The folder of the artifact of that name, of the active one without a name. ModelInvalid when there is none."""
    path = folder / name if name else artifact.resolve(folder)
    if not (path / artifact.MANIFEST).is_file():
        known = ", ".join(entry.name for entry in entries(folder)) or "none"
        raise ModelInvalid(
            f"there is no artifact {name!r} in {folder.name}" if name else f"no artifact is in use in {folder.name}",
            why=f"there are: {known}",
            fix="name one of them, or export a run",
        )
    return path


def use(folder: Path, name: str) -> artifact.Artifact:
    """Verify the artifact and point ACTIVE to it; a reader sees the old name or the new one, never half of it."""
    found = artifact.load(find(folder, name))
    part = folder / (artifact.ACTIVE + ".part")
    part.write_text(name + "\n", encoding="utf-8")
    part.replace(folder / artifact.ACTIVE)
    return found


def _entry(path: Path, active: str | None) -> Entry:
    try:
        manifest = artifact.read_manifest(path)
    except ModelInvalid as error:
        return Entry(path.name, None, path.name == active, 0, error.why)
    size = sum(entry.bytes for entry in manifest.files.values())
    return Entry(path.name, artifact.version_of(manifest), path.name == active, size, None)
