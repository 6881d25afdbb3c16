"""`newstide model export | list | show | use | rollback | verify`: the artifacts."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.context import Json
from cli.model.common import DEFAULT_ARTIFACTS, Artifacts, Name, Run, app, emit, plain_name, run_folder, training_extra
from cli.output import emit_json, emit_pairs, emit_table

if TYPE_CHECKING:
    from newstide.artifact import Manifest


@app.command("export")
def export(
    run: Run = "default",
    name: Annotated[str, typer.Option("--name", help="Name of the artifact.")] = "bilingual",
    also: Annotated[
        list[str] | None, typer.Option("--also", help="Another precision beside int8: fp16 or fp32; repeatable.")
    ] = None,
    with_baselines: Annotated[
        bool, typer.Option("--with-baselines", help="Put what a model must beat into the card (minutes).")
    ] = False,
    artifacts: Artifacts = DEFAULT_ARTIFACTS,
    as_json: Json = False,
) -> None:
    """Write a run's best weights as an artifact; refused when torch, fp32 and int8 do not agree."""
    with training_extra():
        from model import data as texts
        from model.export import Request
        from model.export import export as write

    precisions: Any = ("int8", *(plain_name(each) for each in also or []))
    found = write(Request(run_folder(run), plain_name(name), artifacts, texts.data_root(), precisions, with_baselines))
    emit({"name": found.manifest.name, "version": found.version, **found.manifest.metrics["export"]}, as_json)


@app.command("list")
def list_(artifacts: Artifacts = DEFAULT_ARTIFACTS, as_json: Json = False) -> None:
    """The artifacts there are; a star marks the one in use."""
    from model import registry

    found = registry.entries(artifacts)
    if as_json:
        emit_json([asdict(entry) for entry in found])
        return
    rows = [("*" if e.active else "", e.name, e.version, f"{e.bytes / 1e6:.1f} MB", e.problem or "") for e in found]
    empty = f"there is no artifact in {artifacts}; name another folder with --artifacts, or newstide model export"
    emit_table(("", "name", "version", "size", "problem"), rows, empty=empty)


@app.command("show")
def show(name: Name = None, artifacts: Artifacts = DEFAULT_ARTIFACTS, as_json: Json = False) -> None:
    """The manifest of an artifact: files, figures, where it came from."""
    import msgspec

    from model import registry
    from newstide.artifact import read_manifest, version_of

    manifest = read_manifest(registry.find(artifacts, name))
    if as_json:
        emit_json({"version": version_of(manifest), **msgspec.to_builtins(manifest)})
        return
    emit_pairs(
        {
            "version": version_of(manifest),
            "labels": ", ".join(manifest.labels),
            "graphs": ", ".join(sorted(manifest.graphs)),
            "max tokens": manifest.max_tokens,
            "topics": len(manifest.topics),
            "languages": ", ".join(manifest.languages),
            "checked": _verdict(manifest),
            "base": manifest.base,
            "licence": manifest.licence,
            "commit": manifest.git_commit,
            "created": manifest.created_at,
        }
    )
    emit_table(("test set", "accuracy", "macro-F1"), _test_figures(manifest.metrics))


def _verdict(manifest: Manifest) -> str:
    checks = manifest.checks
    if checks is None:
        return "not yet"
    return ("passed" if checks.passed else "failed") + f" {checks.made_at}"


def _test_figures(metrics: Any) -> list[tuple[Any, ...]]:
    """A row for each test set. The figures are anybody's: nothing checks their shape."""
    for name in ("test", "sets"):
        metrics = metrics.get(name) if isinstance(metrics, dict) else None
    sets = metrics.items() if isinstance(metrics, dict) else ()
    return [(name, each.get("accuracy"), each.get("macro_f1")) for name, each in sets if isinstance(each, dict)]


@app.command("use")
def use(
    name: Annotated[str, typer.Argument(help="Name of an artifact.")],
    artifacts: Artifacts = DEFAULT_ARTIFACTS,
    as_json: Json = False,
) -> None:
    """Verify an artifact and make it the one in use."""
    from model import registry

    found = registry.use(artifacts, plain_name(name))
    emit({"name": found.folder.name, "version": found.version, "active": True}, as_json)


@app.command("rollback")
def rollback(artifacts: Artifacts = DEFAULT_ARTIFACTS, as_json: Json = False) -> None:
    """Go back to the artifact that was in use before; once more goes one further back."""
    from model import registry

    found = registry.roll_back(artifacts)
    emit({"name": found.folder.name, "version": found.version, "active": True}, as_json)


@app.command("verify")
def verify(name: Name = None, artifacts: Artifacts = DEFAULT_ARTIFACTS, as_json: Json = False) -> None:
    """Check every file of an artifact against its manifest, load it and run it once."""
    from model import registry
    from newstide.scoring import onnx

    folder = registry.find(artifacts, name)
    scorer = onnx.load(folder, "cpu")
    emit({"name": folder.name, "version": scorer.version, "ok": True}, as_json)
