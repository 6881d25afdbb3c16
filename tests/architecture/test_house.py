"""House-keeping: what must never be committed, and what must always be there."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from requirements.layers import layers

# Split, so that this file does not name what it forbids.
REGISTRIES = (
    "py" + "pi.org",
    "python" + "hosted.org",
    "maven" + ".org",
    "maven" + ".apache.org/maven2",
    "registry.npm" + "js.org",
    "crates" + ".io",
    "deb.deb" + "ian.org",
    "proxy.gol" + "ang.org",
)
MACHINE_PATH = re.compile(r"(?<![\w.$}~/-])/(?:" + "root|work|home" + r")/[\w.]")
TEXT_BYTES_MAX = 8 << 20  # more is data, and data is not committed


def offences(text: str) -> Iterator[str]:
    for host in REGISTRIES:
        if host in text:
            yield f"names the package registry {host}"
    for found in MACHINE_PATH.finditer(text):
        yield f"names a path of one machine: {text[found.start() : found.start() + 40].splitlines()[0]}"


def read_text(path: Path) -> str:
    """The file as text; nothing for a binary file."""
    raw = path.read_bytes()[:TEXT_BYTES_MAX]
    return "" if b"\0" in raw[:8192] else raw.decode("utf-8", "replace")


def test_no_file_names_a_registry_or_a_machine(root: Path, tracked: list[Path]) -> None:
    assert len(tracked) > 20
    assert [f"{path.relative_to(root)} {line}" for path in tracked for line in offences(read_text(path))] == []


def test_no_graph_names_a_machine(root: Path, tracked: list[Path]) -> None:
    """An exporter notes where each node came from; a graph must have forgotten it."""
    graphs = [path for path in tracked if path.suffix == ".onnx"]
    assert graphs
    for path in graphs:
        named = re.findall(rb"/[ -~]{0,200}\.py\b", path.read_bytes())
        assert named == [], f"{path.relative_to(root)}: {named[:3]}"


@pytest.mark.parametrize(
    "planted", [REGISTRIES[0], f"https://files.{REGISTRIES[1]}/x", "/" + "root/x", "'/" + "home/me'"]
)
def test_an_offence_is_found(planted: str) -> None:
    assert len(list(offences(planted))) == 1


@pytest.mark.parametrize("fine", ["../shared/work/x", "https://example.com/home/x", "~/work/x", "/var/lib/x"])
def test_what_is_fine_is_left_alone(fine: str) -> None:
    assert list(offences(fine)) == []


def dangers(text: str) -> list[str]:
    """Calls that run or unpack what strangers wrote, by name, without the risk of finding them in a comment."""
    found = []
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.keyword(arg="unsafe_allow_html") | ast.keyword(arg="unsafe_allow_javascript"):
                found.append(str(node.arg))
            case ast.Import(names=names):
                found += [name.name for name in names if name.name in ("pickle", "marshal", "shelve", "dill")]
            case ast.ImportFrom(module="pickle" | "marshal" | "shelve" | "dill" as module):
                found.append(module)
            case ast.Call(func=ast.Name(id="eval" | "exec" as name)):
                found.append(name)
            case ast.Call(func=ast.Attribute(value=ast.Name(id="yaml"), attr="load" | "unsafe_load" as name)):
                found.append(f"yaml.{name}")
    return found


def test_nothing_dangerous_is_called(root: Path, sources: list[Path]) -> None:
    assert [f"{path.relative_to(root)}: {name}" for path in sources for name in dangers(path.read_text("utf-8"))] == []


def test_a_danger_is_found() -> None:
    planted = "import pickle\nst.markdown(x, unsafe_allow_html=True)\neval(x)\nyaml.load(y)\nmodel.eval()\n"
    assert sorted(dangers(planted)) == ["eval", "pickle", "unsafe_allow_html", "yaml.load"]


def targets_without_help(makefile: str) -> list[str]:
    rules = re.findall(r"^([a-z][a-z-]*):(?!=)(.*)$", makefile, re.MULTILINE)
    return [name for name, rest in rules if not re.search(r"## \S", rest)]


def test_every_make_target_has_help(root: Path) -> None:
    makefile = (root / "Makefile").read_text("utf-8")
    assert targets_without_help(makefile) == []
    for name in ("setup", "demo", "test", "lint", "format", "types", "bench", "up", "down", "lock"):
        assert re.search(rf"^{name}:.*## ", makefile, re.MULTILINE), name
    assert targets_without_help("a: b\n\tx\nc: ## does\n") == ["a"]


def unhashed(lock: str) -> list[str]:
    """Requirements without a hash, and every line that is neither a pinned requirement nor a hash."""
    entries = re.sub(r"\\\n\s*", "", lock).splitlines()
    pinned = re.compile(r"[A-Za-z0-9._\[\],-]+==\S+ (; .+ )?(--hash=sha256:[0-9a-f]{64} ?)+$|-r [a-z]+\.lock$")
    return [entry for entry in entries if entry.strip() and not pinned.match(entry)]


@pytest.mark.parametrize("name", ["bootstrap", "base", "cpu", "gpu", "train", "dev"])
def test_every_requirement_is_pinned_and_hashed(root: Path, name: str) -> None:
    lock = (root / "requirements" / f"{name}.lock").read_text("utf-8")
    assert lock.count("==") > 1
    assert unhashed(lock) == []


def test_a_layer_lists_what_the_one_below_does_not() -> None:
    shared, own = (
        "a==1 \\\n    --hash=sha256:00 \\\n    --hash=sha256:01\n",
        "b==2 ; x == 'y' \\\n    --hash=sha256:02\n",
    )
    made = layers({"base": shared, "cpu": shared, "gpu": shared + own, "train": shared + own, "dev": shared + own})
    assert made == {
        "base": shared,
        "cpu": "-r base.lock\n",
        "gpu": "-r base.lock\n" + own,
        "train": "-r cpu.lock\n" + own,
        "dev": "-r train.lock\n",
    }


def test_a_loose_requirement_is_found() -> None:
    assert unhashed("a==1 \\\n    --hash=sha256:" + "0" * 64 + "\nb==2\n--index-url x\n") == ["b==2", "--index-url x"]


def test_locks_agree(root: Path) -> None:
    """One version of a package in all sets, so that what was tested is what runs."""
    seen: dict[str, set[str]] = {}
    for path in (root / "requirements").glob("*.lock"):
        versions: dict[str, set[str]] = {}
        for name, version in re.findall(r"^([\w.-]+)==(\S+)", path.read_text("utf-8"), re.MULTILINE):
            versions.setdefault(name, set()).add(version)
        for name, found in versions.items():
            assert seen.setdefault(name, found) == found, f"{path.name}: {name}"


def test_ci_calls_make_test_and_nothing_else(root: Path) -> None:
    lines = (root / ".ci" / "run").read_text("utf-8").splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == ["set -e", "make test"]
