"""The model beside its peers: same weights, same texts, same run, in rounds A-B-C-C-B-A, each side in its own process.

    python -m benchmarks.bench_model --run runs/NAME
    python -m benchmarks.bench_model --run runs/NAME --student runs/OTHER --language zh --texts 500 --rounds 3

The peers run the stock BERT with our weights (`benchmarks.model_peers`), ours runs as the service does. The run is a
folder of `newstide model train`. Prints a table, or with --json one JSON line. Exit status 1 when ours is not
`--at-least` times as fast as the pipeline in its best batch size (default 8), or a peer in fp32 gives other labels.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import multiprocessing
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks import model_work
from benchmarks.ground import machine
from benchmarks.model_sides import GPU_PIPELINE, PIPELINE, SIDES, Job, Pass, serve, write_artifact
from newstide.settings import load as load_settings

# Threads that wait for more work spin for up to a second (ONNX Runtime by default): not in the next one's time.
_REST_S: Final = 1.2
_AGREEMENT_MIN: Final = 0.999
_REFERENCE: Final = "ours fp32"
_VERSIONS: Final = ("onnxruntime", "onnxruntime-gpu", "torch", "transformers", "tokenizers", "numpy", "optimum")


@dataclass(slots=True)
class Line:
    """One variant of one side: what its passes gave."""

    side: str
    variant: str
    passes: list[Pass] = field(default_factory=list)

    def rates(self, texts: int) -> list[float]:
        return [texts / each.seconds for each in self.passes]


@dataclass(frozen=True, slots=True)
class Figures:
    """A line of the report. `share_of_limit`: of what the cores' arithmetic units allow in this precision."""

    side: str
    variant: str
    precision: str
    headlines_per_second: float
    spread: tuple[float, float]
    ratio: float
    tokens_per_second: float
    share_of_limit: float | None
    cpu_seconds_per_1000: float
    peak_mib: int
    labels_as_fp32: float


def main() -> int:
    options = _options()
    if options.run is None or not (options.run / "best.pt").is_file():
        print("no trained run is given: --run runs/NAME, of `newstide model train`", file=sys.stderr)
        return 1
    cores = len(os.sched_getaffinity(0))
    os.environ["OMP_NUM_THREADS"] = str(cores)  # before any side loads torch
    texts = natural_texts(options.language, options.texts)
    with tempfile.TemporaryDirectory(prefix="newstide-bench-") as folder:
        budget = load_settings()[0].model.token_budget
        job = Job(options.run, options.student, texts, cores, budget, Path(folder))
        gpu = _has_gpu()
        write_artifact(job.run, job.folder / "ours", texts[:64], gpu)
        if job.student:
            write_artifact(job.student, job.folder / "student", texts[:64], fp16=False)
        lines, skipped = measure(job, options.rounds, _wanted(job, gpu), quiet=options.json)
        report = _report(job, options, lines, skipped)
    if options.json:
        print(json.dumps(report))
    else:
        _print(report)
    return 0 if report["passed"] else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path)
    parser.add_argument("--student", type=Path, help="a run with fewer layers, measured beside")
    parser.add_argument("--texts", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3, help="each runs every side twice (default 3)")
    parser.add_argument("--language", choices=("en", "zh", "both"), default="both")
    parser.add_argument("--ghz", type=float, default=model_work.ASSUMED_GHZ, help="clock assumed for the limit")
    parser.add_argument("--at-least", type=float, default=8.0)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def natural_texts(language: str, count: int) -> tuple[str, ...]:
    """Distinct validation texts in their natural lengths and a random order; with `both` as many of each language."""
    from model import data, examples

    found = examples.validation(data.data_root(), "default")
    draw = random.Random(20261123)  # noqa: S311 - a sample, not a secret
    languages = ("en", "zh") if language == "both" else (language,)
    chosen: list[str] = []
    for each in languages:
        texts = sorted({example.text for example in found if example.entity is None and example.language == each})
        chosen += draw.sample(texts, min(len(texts), count // len(languages)))
    draw.shuffle(chosen)
    return tuple(chosen)


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def _wanted(job: Job, gpu: bool) -> list[str]:
    return [
        name
        for name, side in SIDES.items()
        if (gpu or not side.gpu) and (job.student or not name.startswith("student"))
    ]


def measure(job: Job, rounds: int, names: Sequence[str], quiet: bool) -> tuple[list[Line], dict[str, str]]:
    """Passes of all variants of the named sides, interleaved; and which sides could not run, with the reason."""
    context = multiprocessing.get_context("spawn")
    lines: list[Line] = []
    skipped: dict[str, str] = {}
    connections, processes = {}, []
    for name in names:  # one after the other: each warms up alone
        if not quiet:
            print(f"starting: {name}", file=sys.stderr, flush=True)
        ours, theirs = context.Pipe()
        process = context.Process(target=serve, args=(theirs, name, job), daemon=True)
        process.start()
        theirs.close()
        try:
            ready = ours.recv()
        except EOFError:
            ready = "its process died"
        if isinstance(ready, str):
            skipped[name] = ready
            continue
        connections[name] = ours
        processes.append(process)
        lines += [Line(name, variant) for variant in ready]
    for number in range(rounds):
        for line in (*lines, *reversed(lines)):
            time.sleep(_REST_S)
            connections[line.side].send(line.variant)
            line.passes.append(connections[line.side].recv())
        if not quiet:
            print(f"round {number + 1} of {rounds} done", file=sys.stderr, flush=True)
    for connection in connections.values():
        connection.send(None)
    for process in processes:
        process.join(10)
    return lines, skipped


def _report(job: Job, options: argparse.Namespace, lines: Sequence[Line], skipped: Mapping[str, str]) -> dict[str, Any]:
    from model import tokens
    from model.provenance import git_commit

    tokenizer = tokens.read(job.folder / "ours" / tokens.FILE)
    lengths = [len(each.ids) for each in tokenizer.encode_batch(list(job.texts))]
    described = machine()
    limit = model_work.limit(described.get("family", ""), _flags(), job.cores, options.ghz)
    work = {False: _operations(job.run, lengths), True: _operations(job.student or job.run, lengths)}
    found = figures(lines, lengths, limit, work)
    best = {side: max(each.ratio for each in found if each.side == side) for side in {each.side for each in found}}
    strange = [each.side for each in found if each.precision == "fp32" and each.labels_as_fp32 < _AGREEMENT_MIN]
    return {
        "benchmark": "model",
        "machine": described,
        "cores": job.cores,
        "versions": {name: version for name in _VERSIONS if (version := _version(name))},
        "commit": git_commit(),
        "run": job.run.name,
        "texts": len(job.texts),
        "language": options.language,
        "tokens_mean": round(statistics.mean(lengths), 1),
        "megaoperations_per_headline": round(work[False] / 1e6, 1),
        "limit": limit.assumption,
        "rounds": options.rounds,
        "figures": [asdict(each) for each in found],
        "skipped": dict(skipped),
        "ratio_of_ours": best.get("ours int8"),
        "other_labels_in_fp32": sorted(set(strange)),
        "passed": best.get("ours int8", 0.0) >= options.at_least and not strange,
    }


def figures(
    lines: Sequence[Line], lengths: Sequence[int], limit: model_work.Limit, work: Mapping[bool, float]
) -> list[Figures]:
    """Medians and spreads; ratios to the pipeline's best batch size, on the same device. `work` by: is it a student?"""
    texts = len(lengths)
    rates = {(line.side, line.variant): statistics.median(line.rates(texts)) for line in lines}
    pipeline = max((rate for (side, _), rate in rates.items() if side == PIPELINE), default=0.0)
    on_gpu = max((rate for (side, _), rate in rates.items() if side == GPU_PIPELINE), default=0.0)
    reference = next((line.passes[0].labels for line in lines if line.side == _REFERENCE), ())
    found = []
    for line in lines:
        side, rate = SIDES[line.side], rates[line.side, line.variant]
        peer = on_gpu if side.gpu else pipeline
        share = limit.share(rate, work[line.side.startswith("student")], side.precision)
        same = sum(a == b for a, b in zip(line.passes[0].labels, reference, strict=False))
        found.append(
            Figures(
                side=line.side,
                variant=line.variant,
                precision=side.precision,
                headlines_per_second=round(rate, 1),
                spread=(round(min(line.rates(texts)), 1), round(max(line.rates(texts)), 1)),
                ratio=round(rate / peer, 2) if peer else 0.0,
                tokens_per_second=round(rate * sum(lengths) / texts),
                share_of_limit=None if share is None else round(share, 4),
                cpu_seconds_per_1000=round(statistics.median(p.cpu_seconds for p in line.passes) / texts * 1_000, 3),
                peak_mib=max(each.peak_mib for each in line.passes),
                labels_as_fp32=round(same / texts, 4),
            )
        )
    return found


def _operations(run: Path, lengths: Sequence[int]) -> float:
    return model_work.mean_operations(model_work.Shape.of(json.loads((run / "config.json").read_text())), lengths)


def _flags() -> list[str]:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return []
    return next((line.partition(":")[2].split() for line in lines if line.startswith("flags")), [])


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _print(report: dict[str, Any]) -> None:
    print("| side | variant | headlines/s | from-to | ratio | tokens/s | of the limit | CPU-s/1,000 | MiB | as fp32 |")
    print("|---|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    for each in report["figures"]:
        share = "-" if each["share_of_limit"] is None else f"{each['share_of_limit']:.1%}"
        print(
            f"| {each['side']} | {each['variant']} | {each['headlines_per_second']:.0f} "
            f"| {each['spread'][0]:.0f}-{each['spread'][1]:.0f} | {each['ratio']:.2f} "
            f"| {each['tokens_per_second']:.0f} | {share} | {each['cpu_seconds_per_1000']:.2f} | {each['peak_mib']} "
            f"| {each['labels_as_fp32']:.4f} |"
        )
    for side, why in report["skipped"].items():
        print(f"skipped: {side}: {why}")
    for name, value in report.items():
        if name not in ("figures", "skipped", "benchmark"):
            print(f"{name.replace('_', ' '):>28}  {value}")


if __name__ == "__main__":
    sys.exit(main())
