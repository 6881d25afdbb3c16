"""`newstide model evaluate | baselines | check | corpus`: how good it is, and what it learned from."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from cli.context import Json
from cli.model import app
from cli.model.common import DEFAULT_ARTIFACTS, Artifacts, Name
from cli.output import emit_json, emit_pairs, emit_table, say
from newstide.errors import DataInvalid, ModelInvalid


@app.command("check")
def check(
    name: Name = None,
    threads: Annotated[int, typer.Option(min=1, max=256)] = 1,
    artifacts: Artifacts = DEFAULT_ARTIFACTS,
    as_json: Json = False,
) -> None:
    """Try to mislead an artifact, and keep the verdict in its manifest; `use` takes none that did not pass."""
    from model import registry, robustness
    from newstide.artifact import read_manifest
    from newstide.scoring import onnx

    folder = registry.find(artifacts, name)
    scorer = onnx.load(folder, "cpu", threads)
    report = robustness.check(scorer, robustness.unknown_share(folder / read_manifest(folder).tokenizer))
    robustness.record(folder, report.checks(datetime.now(UTC).isoformat(timespec="seconds")))
    failed = [row for row in report.rows if not row.ok]
    if as_json:
        rows = [{**asdict(row), "ok": row.ok} for row in report.rows]
        emit_json({"model": report.version, "passed": report.passed, "checks": rows})
    else:
        shown = [
            (row.kind, row.cases, f"{row.rate:.3f}", str(row.limit), "yes" if row.ok else "NO") for row in report.rows
        ]
        emit_table(("kind", "cases", "rate", "limit", "ok"), shown)
        wrong = [(row.kind, each.expected, each.found, each.name, each.text) for row in failed for each in row.failures]
        if wrong:
            emit_table(("kind", "expected", "found", "name", "text"), wrong)
    if failed:
        raise ModelInvalid(
            f"{report.version} did not pass",
            why=f"beyond its limit: {', '.join(row.kind for row in failed)}",
            fix="train it further, and check it again; `newstide model use` refuses it until then",
        )


@app.command("corpus")
def corpus(
    overlap: Annotated[
        bool, typer.Option("--overlap", help="Also compare it with every set of the data folder (minutes).")
    ] = False,
    as_json: Json = False,
) -> None:
    """Count our own corpus and check it: size, balance, duplicates, overlap with other sets."""
    from model import data as texts
    from model.corpus import check as checking
    from model.corpus import read

    items = read.items()
    found = checking.check(items, texts.data_root() if overlap else None)
    counts = checking.summary(items)
    if as_json:
        emit_json({**counts, "findings": [asdict(each) for each in found]})
    else:
        emit_pairs({key: _shown(value) for key, value in counts.items()})
        if found:
            emit_table(("kind", "where", "what"), [(each.kind, each.where, each.what) for each in found])
        else:
            say("nothing is wrong with it")
    if found:
        raise DataInvalid(
            f"the corpus has {len(found)} faults", why="they are listed", fix="correct or remove the lines"
        )


def _shown(value: Any) -> str:
    return ", ".join(f"{key} {count:,}" for key, count in value.items()) if isinstance(value, dict) else str(value)
