"""The sides of the model benchmark, each in a process of its own: memory, CPU time and threads are told apart."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from benchmarks.model_work import Precision
from newstide.artifact import MANIFEST, SCHEMA, TASKS, Calibration, FileEntry, Manifest
from newstide.artifact import Precision as Graph
from newstide.errors import DeviceUnavailable
from newstide.messages import SENTIMENTS, Language
from newstide.scoring.batching import cut
from newstide.scoring.port import Scorer
from newstide.topics import TOPICS

if TYPE_CHECKING:
    from benchmarks.model_peers import Answer, Labels

PIPELINE: Final = "transformers.pipeline"
GPU_PIPELINE: Final = "transformers.pipeline on the GPU"
BATCHES: Final = (1, 8, 32, 64)
_GPU_BATCHES: Final = (256,)
# Activations of a run near the size of the GPU's second cache.
_GPU_TOKENS: Final = 32_768


@dataclass(frozen=True, slots=True)
class Job:
    """What all sides are given. `folder` is for their files, `budget` the tokens of one batch of ours."""

    run: Path
    student: Path | None
    texts: tuple[str, ...]
    cores: int
    budget: int
    folder: Path


@dataclass(frozen=True, slots=True)
class Side:
    precision: Precision
    build: Callable[[Job], dict[str, Answer]]
    gpu: bool = False


@dataclass(frozen=True, slots=True)
class Pass:
    """One pass over all texts."""

    seconds: float
    cpu_seconds: float
    peak_mib: int
    labels: tuple[int, ...]


def _pipeline(job: Job, sizes: Sequence[int], fp16: bool) -> dict[str, Answer]:
    from benchmarks import model_peers

    return model_peers.pipelines(job.run, job.texts, sizes, fp16)


def _onnx(job: Job) -> dict[str, Answer]:
    from benchmarks import model_peers

    return model_peers.padded_onnx(job.run, job.texts, BATCHES, job.folder)


def _compiled(job: Job, bf16: bool) -> dict[str, Answer]:
    from benchmarks import model_peers

    return model_peers.compiled(job.run, job.texts, bf16)


def _ours(job: Job, precision: Graph, student: bool = False) -> dict[str, Answer]:
    """Two ways to use the cores: a session of one thread for each, and one session of as many threads."""
    from newstide.scoring import onnx

    folder = artifact_folder(job, student)
    many = [onnx.load(folder, "cpu", 1, precision) for _ in range(job.cores)]
    answers: dict[str, Answer] = {f"{job.cores} sessions of 1 thread": partial(_answer, many, job.texts, job.budget)}
    if job.cores > 1:
        one = [onnx.load(folder, "cpu", job.cores, precision)]
        answers[f"1 session of {job.cores} threads"] = partial(_answer, one, job.texts, job.budget)
    return answers


def _ours_on_gpu(job: Job) -> dict[str, Answer]:
    from benchmarks.model_peers import Skipped
    from newstide.scoring import onnx

    try:
        scorer = onnx.load(artifact_folder(job, student=False), "cuda", 1, "fp16")
    except DeviceUnavailable as error:
        raise Skipped(str(error)) from error
    return {"1 session": partial(_answer, [scorer], job.texts, _GPU_TOKENS)}


def _answer(scorers: Sequence[Scorer], texts: Sequence[str], budget: int) -> Labels:
    """As the service scores: all tokenised by one call, batches of one exact length, each session in its thread."""
    encoded = scorers[0].encode(texts)
    left = iter(reversed(cut(encoded, budget)))  # the longest first, so that the last ones are short
    labels = np.zeros(len(texts), dtype=np.int64)

    def work(scorer: Scorer) -> None:
        for batch in left:
            labels[batch] = scorer.score([encoded[i] for i in batch]).sentiment.argmax(axis=1)

    with ThreadPoolExecutor(len(scorers)) as pool:
        list(pool.map(work, scorers))
    return labels


SIDES: Final[dict[str, Side]] = {
    PIPELINE: Side("fp32", partial(_pipeline, sizes=BATCHES, fp16=False)),
    "ONNX Runtime fp32, padded": Side("fp32", _onnx),
    "torch.compile fp32": Side("fp32", partial(_compiled, bf16=False)),
    "torch.compile bf16": Side("bf16", partial(_compiled, bf16=True)),
    "ours fp32": Side("fp32", partial(_ours, precision="fp32")),
    "ours int8": Side("int8", partial(_ours, precision="int8")),
    "student int8": Side("int8", partial(_ours, precision="int8", student=True)),
    GPU_PIPELINE: Side("fp16", partial(_pipeline, sizes=_GPU_BATCHES, fp16=True), gpu=True),
    "ours fp16 on the GPU": Side("fp16", _ours_on_gpu, gpu=True),
}


def serve(connection: Connection, name: str, job: Job) -> None:
    """Build the side, run each variant once, tell their names (or why there are none); then a pass for each name."""
    from benchmarks.model_peers import Skipped

    os.environ["TOKENIZERS_PARALLELISM"] = "true"
    try:
        answers = SIDES[name].build(job)
        for answer in answers.values():
            answer()
    except Skipped as skipped:
        return connection.send(str(skipped))
    except Exception as error:  # a peer that breaks is reported; the benchmark goes on without it
        return connection.send(f"{type(error).__name__}: {(str(error).splitlines() or ['no reason given'])[0][:300]}")
    connection.send(tuple(answers))
    while (wanted := connection.recv()) is not None:
        began_s, began_cpu_s = time.perf_counter(), time.process_time()
        labels = answers[wanted]()
        seconds, cpu_seconds = time.perf_counter() - began_s, time.process_time() - began_cpu_s
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        connection.send(Pass(seconds, cpu_seconds, peak, tuple(int(label) for label in labels)))
    return None


def artifact_folder(job: Job, student: bool) -> Path:
    return job.folder / ("student" if student else "ours")


def write_artifact(run: Path, target: Path, ranges: Sequence[str], fp16: bool) -> Path:
    """The run as an artifact that the scorer loads: the graphs of `newstide model export`, without its measuring."""
    import tempfile

    import onnx

    from model import graphs, parity, quantise, runs, second_look, tokens, train

    record = runs.read(run, runs.RunRecord)
    target.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as scratch:
        fp32 = graphs.optimise(graphs.export(train.load(run)), Path(scratch))
    tokenizer = tokens.read(run / runs.TOKENIZER)
    rows = [(tuple(each.ids), (0,) * len(each.ids)) for each in tokenizer.encode_batch(list(ranges))]
    made: dict[Graph, onnx.ModelProto] = {"fp32": fp32, "int8": quantise.shipping(fp32, rows)}
    if fp16:
        made["fp16"] = graphs.half(fp32)
    for precision, graph in made.items():
        onnx.save(graph, target / f"model-{precision}.onnx")
    tokenizer.save(str(target / runs.TOKENIZER), pretty=False)
    languages: tuple[Language, ...] = ("en", "zh")
    manifest = Manifest(
        schema=SCHEMA,
        name=target.name,
        labels=SENTIMENTS,
        topics=TOPICS,
        languages=languages,
        max_tokens=record.config.max_tokens,
        calibration={task: {language: Calibration(1.0, 0.0) for language in languages} for task in TASKS},
        near=second_look.margins_on(parity.Graph(made["int8"]), rows),
        checks=None,
        graphs={precision: f"model-{precision}.onnx" for precision in made},
        tokenizer=runs.TOKENIZER,
        tokenizer_hash=tokens.hash_of(target / runs.TOKENIZER),
        files={path.name: FileEntry(tokens.hash_of(path), path.stat().st_size) for path in target.iterdir()},
        metrics={},
        data={},
        git_commit=record.git_commit,
        created_at=record.started_at,
        licence="Apache-2.0",
        base=run.name,
    )
    (target / MANIFEST).write_bytes(msgspec.json.encode(manifest))
    return target
