"""deploy/Dockerfile takes everything that newstide is made of, and what it copies makes a whole wheel. Nothing is built
in a container here: the steps that can run without one do."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

EXTRAS = ("cpu", "gpu")


@pytest.fixture
def dockerfile(root: Path) -> str:
    text = (root / "deploy" / "Dockerfile").read_text("utf-8")
    return re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))


@pytest.fixture
def project(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "pyproject.toml").read_text("utf-8"))


def copied(dockerfile: str) -> list[str]:
    """What comes from the tree: the sources of every COPY that names no stage."""
    lines = re.findall(r"^COPY (?!--from)(.+)$", dockerfile, re.MULTILINE)
    return [source for line in lines for source in line.split()[:-1]]


def let_through(root: Path) -> set[str]:
    lines = (root / ".dockerignore").read_text("utf-8").splitlines()
    assert "*" in lines, "everything stays out but what is named"
    return {line.removeprefix("!") for line in lines if line.startswith("!")}


def test_every_package_and_lock_is_copied(root: Path, dockerfile: str, project: dict[str, Any]) -> None:
    sources = copied(dockerfile)
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert set(packages) <= set(sources)
    assert {"pyproject.toml", project["project"]["readme"], *project["project"]["license-files"]} <= set(sources)
    assert {"requirements/bootstrap.lock", "requirements/base.lock", "requirements/${EXTRA}.lock"} <= set(sources)
    for extra in EXTRAS:
        lock = (root / "requirements" / f"{extra}.lock").read_text("utf-8")
        assert re.findall(r"^-r (.+)$", lock, re.MULTILINE) == ["base.lock"]
    named = {re.sub(r"/.*\.lock$", "/*.lock", source) for source in sources}
    assert named == let_through(root)


def test_bases_are_pinned_and_nobody_is_root(dockerfile: str) -> None:
    stages = re.findall(r"^FROM (\S+) AS (\S+)$", dockerfile, re.MULTILINE)
    assert len(stages) == len(re.findall("^FROM ", dockerfile, re.MULTILINE))
    assert {f"base-{extra}" for extra in EXTRAS} <= {stage for _, stage in stages}
    for image, _ in stages:
        assert image == "base-${EXTRA}" or re.fullmatch(r"[a-z/]+:\d+\.\d+\.\d+-[\w.-]+", image), image
    assert re.findall(r"^USER (.+)$", dockerfile, re.MULTILINE) == ["10001:10001"]
    assert re.findall(r"^ENTRYPOINT (.+)$", dockerfile, re.MULTILINE) == ['["newstide"]']


def test_nothing_is_installed_without_a_hash(dockerfile: str) -> None:
    installs = re.findall(r"pip\S* +(?:--\S+ +)*install[^&\n]*", dockerfile)
    assert len(installs) == 3
    ours, locked = [[i for i in installs if ("dist/*.whl" in i) is own] for own in (True, False)]
    assert all("--require-hashes" in install for install in locked)
    assert ["--no-deps" in install and "--no-index" in install for install in ours] == [True]


def test_what_is_copied_makes_a_whole_wheel(root: Path, dockerfile: str, tmp_path: Path) -> None:
    """The build step of the image, on nothing but what the image would have."""
    source, dist = tmp_path / "build", tmp_path / "dist"
    source.mkdir()
    for name in copied(dockerfile):
        if name.startswith("requirements/"):
            continue
        if (root / name).is_dir():
            shutil.copytree(root / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(root / name, source / name)
    hatchling = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(dist)]
    built = subprocess.run(hatchling, cwd=source, capture_output=True, text=True, timeout=120, check=False)
    assert built.returncode == 0, built.stderr
    (wheel,) = dist.glob("*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        path.relative_to(source).as_posix()
        for path in source.rglob("*")
        if path.is_file() and path.parent != source  # the files of the root are metadata
    }
    assert wanted - packed == set(), "the wheel leaves out what the tree has"
    for needed in ("artifacts/ACTIVE", "dashboard/.streamlit/config.toml", "newstide/store/migrations/env.py"):
        assert needed in packed
