"""Where an artifact came from: the commit of the working tree, read without running git."""

from pathlib import Path


def git_commit(start: Path | None = None) -> str:
    """The commit that HEAD names, or `unknown` outside a repository. Says nothing about uncommitted changes."""
    for folder in [start or Path.cwd(), *(start or Path.cwd()).parents]:
        head = folder / ".git" / "HEAD"
        if head.is_file():
            return _resolve(folder / ".git", head.read_text(encoding="utf-8").strip())
    return "unknown"


def _resolve(git: Path, head: str) -> str:
    if not head.startswith("ref: "):
        return head
    name = head.removeprefix("ref: ")
    loose, packed = git / name, git / "packed-refs"
    if loose.is_file():
        return loose.read_text(encoding="utf-8").strip()
    lines = packed.read_text(encoding="utf-8").splitlines() if packed.is_file() else []
    return next((line.split(" ")[0] for line in lines if line.endswith(" " + name)), "unknown")
