"""Runs made of finished runs without training: a blend of two, and one with a smaller vocabulary.

A point between two fine-tuned states of one network is often better than either end (Wortsman et al. 2022, "Model
soups"). What is made is measured on validation like any other, and exported like any other.
"""

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import torch

from model import blend, runs, tokens, train, vocabulary
from model.examples import Example
from newstide.errors import UsageError

_WORDS: Final = "encoder.embeddings.word_embeddings.weight"


@dataclass(frozen=True, slots=True)
class Blend:
    """`first` moved towards `second` by `share` in [0, 1]; of the first its best weights, or those of its end."""

    first: Path
    second: Path
    share: float
    of_its_end: bool = False


def blended(wanted: Blend, target: Path, validation: Sequence[Example]) -> runs.RunRecord:
    """The blend as the run `target`. Raises UsageError for two that do not have the same tokenizer and topics,
    ModelInvalid for what is no run."""
    first, second = wanted.first, wanted.second
    records = [runs.read(each, runs.RunRecord) for each in (first, second)]
    if len({(each.tokenizer_hash, each.topics) for each in records}) > 1:
        raise UsageError(f"{first.name} and {second.name} have nothing between them", why="other tokens or topics")
    model = train.load(first)
    if wanted.of_its_end:
        model.load_state_dict(runs.restore(first / runs.LAST)["average"])
    blend.move_back(model, train.load(second), wanted.share)
    end = ", as it ended," if wanted.of_its_end else ""
    made_of = f"{first.name}{end} moved towards {second.name} by {wanted.share:g}"
    with _beside(first, target) as place:
        return _written(place, records[0], made_of, model.state_dict(), validation)


def trimmed(run: Path, texts: Iterable[str], target: Path, validation: Sequence[Example]) -> runs.RunRecord:
    """The run with the pieces alone that `newstide model base` would keep for these texts, as the run `target`."""
    record = runs.read(run, runs.RunRecord)
    before = vocabulary.pieces_of(tokens.read(run / runs.TOKENIZER))
    chosen = vocabulary.choose(before, texts, vocabulary.SPECIAL)
    rows = [row for row in chosen.rows if row is not None]  # what the run never had it cannot keep
    state = train.load(run).state_dict()
    state[_WORDS] = state[_WORDS][rows]
    with _beside(run, target) as place:
        config = msgspec.json.decode((place / "config.json").read_bytes())
        (place / "config.json").write_bytes(
            msgspec.json.format(msgspec.json.encode(config | {"vocab_size": len(rows)}))
        )
        cut = vocabulary.tokenizer_of([before[row] for row in rows])
        cut.save(str(place / runs.TOKENIZER), pretty=False)
        record = msgspec.structs.replace(record, tokenizer_hash=tokens.hash_of(place / runs.TOKENIZER))
        return _written(place, record, f"{run.name} with {len(rows)} pieces of {len(before)}", state, validation)


@contextmanager
def _beside(origin: Path, target: Path) -> Iterator[Path]:
    """A folder with the origin's shape and tokenizer, which becomes the target when all of it is there."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".making-") as folder:
        place = Path(folder) / target.name
        shutil.copytree(origin, place, ignore=shutil.ignore_patterns("*.pt", "*.onnx", "tensorboard", runs.CURVES))
        yield place
        place.rename(target)


def _written(
    target: Path, record: runs.RunRecord, made_of: str, state: dict[str, Any], validation: Sequence[Example]
) -> runs.RunRecord:
    """Weights and record, measured."""
    runs.save(target / runs.BEST, state)
    runs.write(target, record)
    with torch.inference_mode():
        best = train.measure(train.load(target), tokens.read(target / runs.TOKENIZER), validation, bf16=True)
    score, now = sum(best.values()) / len(best), datetime.now(UTC).isoformat()
    done = msgspec.structs.replace(record, made_of=made_of, best=best, best_macro_f1=score, finished_at=now)
    runs.write(target, done)
    return done
