"""A recorded run: one folder with its configuration, data fingerprints, curves and checkpoints.

runs/<name>/run.json          configuration, seed, fingerprints, outcome
runs/<name>/curves.jsonl      one JSON object for each measurement, in order
runs/<name>/tokenizer.json    the tokenizer that training used, as serving will load it
runs/<name>/config.json       the encoder's shape
runs/<name>/best.pt, last.pt  weights with the best validation score; everything needed to resume
runs/<name>/tensorboard/      the curves again, where TensorBoard is installed
"""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, Literal, Self, TypeVar

import msgspec

from newstide.errors import ModelInvalid
from newstide.topics import TOPICS

Build = Literal["default", "open"]
"""`open`: permissive sets and our own corpus alone; `default`: all that is not expressly non-commercial."""
Way = Literal["full", "top", "lora", "adalora", "prefix", "adapter"]
Change = Literal["synonyms", "numbers", "names"]

Count = Annotated[int, msgspec.Meta(ge=0, lt=1 << 31)]
Positive = Annotated[int, msgspec.Meta(ge=1, lt=1 << 31)]
Tokens = Annotated[int, msgspec.Meta(ge=8, le=512)]
"""Of a text: what an artifact may have at least, and as many positions as a BERT encoder knows."""
Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
Rate = Annotated[float, msgspec.Meta(ge=0.0, lt=1e3)]


class TrainConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that decides what a training run yields, apart from the data.

    `base`: the folder of an encoder; or `start`: a finished run to go on from, head included. `layers`: a student of so
    many. `teacher`: a finished run whose answers are learned beside the labels, and for so many `unlabelled` texts of
    each language instead of them. `augment`: how texts are varied (see `model.augment`). `rows`: train on so many
    examples, drawn with the seed; 0 for all. `copies`: how often the examples of each source are read in an epoch (see
    `model.copies`). `guarded`: learns labels of people, and is not exported before `finetune.guard` let it pass.
    `topic_share`: what a topic counts beside a sentiment.
    """

    base: str = ""
    build: Build = "default"
    way: Way = "full"
    start: str = ""
    teacher: str = ""
    layers: Count = 0
    augment: tuple[Change, ...] = ()
    rows: Count = 0
    unlabelled: Count = 0
    copies: tuple[str, ...] = ()
    guarded: bool = False
    topic_share: Rate = 0.5
    seed: Count = 7
    epochs: Positive = 3
    patience: Positive = 4
    evals_per_epoch: Positive = 2
    batch_texts: Positive = 32
    max_tokens: Tokens = 128
    train_tokens: Tokens = 80
    encoder_lr: Rate = 1e-4
    head_lr: Rate = 1e-3
    weight_decay: Rate = 0.01
    warmup_share: Share = 0.1
    dropout: Share = 0.1
    label_smoothing: Share = 0.05
    distil_share: Share = 0.7
    averaging: Share = 0.998
    class_weight_power: Rate = 0.25
    bf16: bool = True
    threads: Positive = 2


class RunRecord(msgspec.Struct, frozen=True):
    """What a run was given and how it ended; written at the start and again at the end."""

    config: TrainConfig
    tokenizer_hash: str
    train_fingerprint: str
    validation_fingerprint: str
    train_texts: int
    validation_texts: int
    git_commit: str
    started_at: str
    made_of: str = ""
    """Of a run that was made of others without training (`model.derive`): of which, and how."""
    topics: tuple[str, ...] = TOPICS
    """In the order of the head's columns: ours, then those learned from examples (`model.fewshot`)."""
    guard: str = "was not compared with the run before it on old data"
    """Of a run that is `guarded`: empty when it passed, else why it may not be exported."""
    finished_at: str | None = None
    best_step: int | None = None
    best_macro_f1: float | None = None
    best: dict[str, float] | None = None
    trainable: int | None = None
    minutes: float | None = None
    peak_mib: int | None = None


Record = TypeVar("Record", bound=msgspec.Struct)
RECORD, CURVES, TOKENIZER, BEST, LAST = "run.json", "curves.jsonl", "tokenizer.json", "best.pt", "last.pt"


def write(folder: Path, record: msgspec.Struct) -> None:
    """Write run.json so that a reader sees the old or the new one, never half of it."""
    replace(folder / RECORD, msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n")


def replace(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old or the new one."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    part.replace(path)


def read(folder: Path, kind: type[Record]) -> Record:
    """The record of a run folder. Raises ModelInvalid when the folder is not one of that kind."""
    try:
        return msgspec.json.decode((folder / RECORD).read_bytes(), type=kind)
    except (OSError, msgspec.MsgspecError) as error:
        raise ModelInvalid(
            f"{folder} is not a training run", why=str(error), fix="give a folder that `newstide model train` wrote"
        ) from error


def begin(folder: Path, record: Record, identity: Callable[[Record], object]) -> Record:
    """The record of the run to go on with: of the one in `folder` when it is the same, else the new one, written.

    Raises ModelInvalid when the run in `folder` has another identity.
    """
    if not (folder / RECORD).is_file():
        folder.mkdir(parents=True, exist_ok=True)
        write(folder, record)
        return record
    before = read(folder, type(record))
    if identity(before) != identity(record):
        raise ModelInvalid(
            f"the run in {folder} was started with another configuration or other data",
            why="continuing it would mix two trainings",
            fix="name another --run, or repeat the options that it was started with",
        )
    return before


def finished(folder: Path) -> list[Path]:
    """The run folders with trained weights in `folder`, by name."""
    found = sorted(path.parent for path in folder.glob(f"*/{BEST}") if (path.parent / RECORD).is_file())
    return [path for path in found if not path.name.startswith(".")]  # those are being made


def save(path: Path, value: object) -> None:
    """Write a checkpoint so that a reader sees the old or the new one."""
    import torch  # noqa: PLC0415 - records are also read where torch is not installed

    part = path.with_suffix(".part")
    torch.save(value, part)
    part.replace(path)


def restore(path: Path) -> dict[str, Any]:
    """What `save` wrote. Raises ModelInvalid for a file that cannot be read."""
    import torch  # noqa: PLC0415 - as above

    try:
        found = torch.load(path, weights_only=True)
        if not isinstance(found, dict):
            raise TypeError(f"it holds a {type(found).__name__}")
    except Exception as error:  # noqa: BLE001 - torch raises many kinds for a bad file
        raise ModelInvalid(
            f"{path.name} of the run {path.parent.name} cannot be read",
            why=_sentence(error),
            fix="restore the file, or remove the run and train it again",
        ) from error
    return found


def _sentence(error: Exception) -> str:
    """The first of what torch says; after it comes advice to load the file without care."""
    return (str(error).splitlines() or [type(error).__name__])[0].split(". ")[0]


class _Measured(msgspec.Struct):
    step: int


class Curves:
    """Appends measurements to curves.jsonl, and to TensorBoard where it is installed. A context manager."""

    def __init__(self, folder: Path, after_step: int) -> None:
        """Continue the curves of `folder`; measurements later than `after_step` (of a lost tail) are dropped."""
        path = folder / CURVES
        replace(path, b"".join(line + b"\n" for line in _lines(path) if _step(line) <= after_step))
        self._file = path.open("ab")
        self._board = _tensorboard(folder / "tensorboard", after_step)

    def add(self, step: int, values: Mapping[str, float]) -> None:
        self._file.write(msgspec.json.encode({"step": step, **values}) + b"\n")
        self._file.flush()
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(name, value, step)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()
        if self._board is not None:
            self._board.close()


def _lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines() if path.is_file() else []


def _step(line: bytes) -> float:
    """Of a measurement; beyond all for a line that a kill cut short, whose step is measured again."""
    try:
        return msgspec.json.decode(line, type=_Measured).step
    except msgspec.MsgspecError:
        return math.inf


def _tensorboard(folder: Path, purge_step: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 - an extra, and slow to import
    except ImportError:
        return None
    return SummaryWriter(str(folder), purge_step=purge_step)
