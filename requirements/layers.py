"""Lock files in layers: a set names the smaller set that it stands on, and lists only what that one does not.

    python requirements/layers.py FOLDER_OF_WHOLE_LOCKS FOLDER_OF_LAYERS

The same requirement with the same hashes in four files would be four times the hashes to read, to review and to merge.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Final

STANDS_ON: Final = {"base": "", "cpu": "base", "gpu": "base", "train": "cpu", "dev": "train"}
_REQUIREMENT: Final = re.compile(r"^\S(?:[^\\\n]|\\\n)*\n", re.MULTILINE)


def requirements(lock: str) -> list[str]:
    """Each requirement with its marker and its hashes, as it stands."""
    return _REQUIREMENT.findall(lock)


def layers(whole: dict[str, str]) -> dict[str, str]:
    """By name: the whole locks in, the layers out."""
    found = {}
    for name, below in STANDS_ON.items():
        held = set(requirements(whole[below])) if below else set()
        own = [entry for entry in requirements(whole[name]) if entry not in held]
        found[name] = (f"-r {below}.lock\n" if below else "") + "".join(own)
    return found


def main(source: Path, target: Path) -> None:
    whole = {name: (source / f"{name}.lock").read_text("utf-8") for name in STANDS_ON}
    for name, text in layers(whole).items():
        (target / f"{name}.lock").write_text(text, "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
