"""`newstide model evaluate | baselines | check | corpus`: how good it is, and what it learned from."""

from __future__ import annotations

import os
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.context import Json
from cli.model.common import DEFAULT_ARTIFACTS, Artifacts, Name, app, training_extra
from cli.output import emit_json, emit_pairs, emit_table, say
from newstide.errors import DataInvalid, ModelInvalid, UsageError

if TYPE_CHECKING:
    from newstide.artifact import Precision


@app.command("evaluate")
def evaluate(
    name: Name = None,
    only: Annotated[list[str] | None, typer.Option("--set", help="A set to measure; repeatable. Default: all.")] = None,
    against: Annotated[
        str, typer.Option("--against", help="Another precision in the artifact, fp32 or fp16, to compare with.")
    ] = "",
    threads: Annotated[int, typer.Option(min=1, max=256)] = 1,
    artifacts: Artifacts = DEFAULT_ARTIFACTS,
    as_json: Json = False,
) -> None:
    """Measure an artifact on the test sets; without a data folder on those of our own corpus."""
    from model import evaluate as measuring
    from model import registry
    from newstide.scoring import onnx

    folder = registry.find(artifacts, name)
    scorer = onnx.load(folder, "cpu", threads)
    reference = onnx.load(folder, "cpu", threads, _precision(against)) if against else None
    report = measuring.evaluate(scorer, _data_folder(), only or None, reference)
    if as_json:
        emit_json({"model": scorer.version, **report})
        return
    say(scorer.version)
    _show(report)


@app.command("baselines")
def baselines(
    data: Annotated[str, typer.Option("--data", help="The build whose training examples they learn from.")] = "default",
    as_json: Json = False,
) -> None:
    """Measure what a model must beat: the commonest label, and TF-IDF with logistic regression (minutes)."""
    build: Any = data
    if build not in ("default", "open"):
        raise UsageError(f"no build is called {data!r}", fix="use default or open")
    with training_extra():
        from model import baselines as measuring
        from model.data import data_root

        report = measuring.baselines(data_root(), build)
    if as_json:
        emit_json(report)
        return
    for title in ("majority", "tfidf"):
        say(title)
        _show(report[title])


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


def _show(report: dict[str, Any]) -> None:
    keys = ("accuracy", "macro_f1", "ece", "unsure_share")
    rows = [(n, each["texts"], *(f"{each[key]:.3f}" for key in keys)) for n, each in report["sets"].items()]
    emit_table(("set", "texts", "accuracy", "macro-F1", "ECE", "unsure"), rows)
    for language, each in report["pooled"].items():
        say(f"{language}: ECE {each['ece']:.3f} on {each['texts']:,} stories of {', '.join(each['sets'])}")
    for language, each in report["minimal_pairs"].items():
        say(f"{language}: {each['both_right']:.1%} of {each['pairs']} minimal pairs right")
    if report["left_out"]:
        say("not measured: " + ", ".join(f"{n} ({why})" for n, why in report["left_out"].items()))


def _data_folder() -> Path | None:
    """None on a fresh clone; a folder that was named must be there."""
    from model import data

    named = os.environ.get(data.DATA_VARIABLE)
    return data.data_root() if named or data.DEFAULT_ROOT.is_dir() else None


def _precision(name: str) -> Precision:
    if name not in ("int8", "fp32", "fp16"):
        raise UsageError(f"no precision is called {name!r}", fix="use fp32 or fp16")
    chosen: Any = name
    return chosen  # type: ignore[no-any-return]
