"""`newstide classify`: what the model says of a text."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Annotated, Any, BinaryIO, Final

import msgspec
import typer

from cli.context import Json, settings_of
from cli.output import emit_json, out, plain
from newstide.errors import DataInvalid
from newstide.scoring.port import Scorer
from newstide.text import READ_CHARS_MAX

TEXTS_A_BATCH: Final = 256
LINE_BYTES_MAX: Final = 16 << 20
"""Of standard input that is held at once. The model reads the beginning of a text; this is far more."""


class Unreadable(str):
    """Stands where a text should be: why there is none."""


class _Line(msgspec.Struct):
    text: str


def classify(
    context: typer.Context,
    texts: Annotated[list[str] | None, typer.Argument(help="Texts; none: one a line from standard input.")] = None,
    as_json: Json = False,
) -> None:
    """Label texts: one argument is one text. Without arguments, one text, or one JSON object with `text`, a line.

    A line that holds no text gets an `error` in its place; the others are answered, and the command exits 4.
    """
    settings = settings_of(context)
    from newstide.scoring.connect import connect

    scorer = connect(settings)
    failed = 0
    for batch in _batches(iter(texts) if texts else _texts(sys.stdin.buffer)):
        for text, answer in zip(batch, answers(scorer, batch, settings.model.token_budget), strict=True):
            failed += isinstance(text, Unreadable)
            if as_json or not texts:
                emit_json(answer)
            else:
                out.print(_for_people(text, answer), markup=False)
        sys.stdout.flush()
    if failed:
        raise DataInvalid(f"{failed} lines of the input held no text", why="each has an `error` in its place")


def answers(scorer: Scorer, texts: Sequence[str], token_budget: int) -> list[dict[str, Any]]:
    from newstide.scoring.batching import score_all
    from newstide.scoring.port import label_of, score_of
    from newstide.text import model_input

    rows = score_all(scorer, [model_input(text) for text in texts], token_budget)
    return [
        {"error": str(text)}
        if isinstance(text, Unreadable)
        else {
            "label": label_of(row, scorer.thresholds),
            "score": round(score_of(row), 6),
            **{f"p_{name}": round(float(p), 6) for name, p in zip(scorer.labels, row, strict=True)},
            "model": scorer.version,
        }
        for text, row in zip(texts, rows, strict=True)
    ]


def _for_people(text: str, answer: dict[str, Any]) -> str:
    shares = "   ".join(f"{name} {answer[f'p_{name}']:.2f}" for name in ("negative", "neutral", "positive"))
    return f"{answer['label']:<8}  {answer['score']:+.2f}   {shares}   {plain(text)}"


def _batches(texts: Iterator[str]) -> Iterator[list[str]]:
    size = 1 if sys.stdin.isatty() else TEXTS_A_BATCH  # a person who types waits for each answer
    while batch := list(islice(texts, size)):
        yield batch


def _texts(stream: BinaryIO) -> Iterator[str]:
    """A text, or an Unreadable, for each line. An empty line is an empty text."""
    number = 0
    while line := stream.readline(LINE_BYTES_MAX):
        number += 1
        if line.endswith(b"\n") or len(line) < LINE_BYTES_MAX:
            yield _text_of(line.decode("utf-8", "replace").rstrip("\r\n"), number)
            continue
        while line and not line.endswith(b"\n"):
            line = stream.readline(LINE_BYTES_MAX)
        yield Unreadable(f"line {number} is longer than {LINE_BYTES_MAX:,} bytes")


def _text_of(line: str, number: int) -> str:
    """What is beyond the model's reach is let go of here: a batch of long lines must not fill the memory."""
    if not line.lstrip().startswith("{"):
        return line[:READ_CHARS_MAX]
    try:
        return msgspec.json.decode(line, type=_Line).text[:READ_CHARS_MAX]
    except msgspec.ValidationError as error:
        return Unreadable(f"line {number} has no usable `text`: {error}")
    except (msgspec.DecodeError, RecursionError):
        return line[:READ_CHARS_MAX]  # a headline may begin with a brace
