"""`newstide classify`: what the model says of a text."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Any, Final

import msgspec
import typer

from cli.context import Json, settings_of
from cli.output import emit_json, out, plain
from newstide.errors import DataInvalid
from newstide.scoring.port import Scorer

TEXTS_A_BATCH: Final = 256
LINE_CHARS_MAX: Final = 1 << 20
"""A line of standard input; a longer one is an error, not a text."""


class _Line(msgspec.Struct):
    text: str


def classify(
    context: typer.Context,
    texts: Annotated[list[str] | None, typer.Argument(help="Texts; none: one a line from standard input.")] = None,
    as_json: Json = False,
) -> None:
    """Label texts: one argument is one text. Without arguments, one text, or one JSON object with `text`, a line."""
    settings = settings_of(context)
    from newstide.scoring.connect import connect

    scorer = connect(settings)
    from_arguments = bool(texts)
    for batch in _batches(iter(texts) if texts else _lines()):
        for text, answer in zip(batch, answers(scorer, batch, settings.model.token_budget), strict=True):
            if as_json or not from_arguments:
                emit_json(answer)
            else:
                out.print(
                    f"{answer['label']:<8}  {answer['score']:+.2f}   negative {answer['p_negative']:.2f}   "
                    f"neutral {answer['p_neutral']:.2f}   positive {answer['p_positive']:.2f}   {plain(text)}",
                    markup=False,
                )
        sys.stdout.flush()


def answers(scorer: Scorer, texts: list[str], token_budget: int) -> list[dict[str, Any]]:
    from newstide.scoring.batching import score_all
    from newstide.scoring.port import label_of, score_of
    from newstide.text import model_input

    rows = score_all(scorer, [model_input(text) for text in texts], token_budget)
    return [
        {
            "label": label_of(row, scorer.thresholds),
            "score": round(score_of(row), 6),
            **{f"p_{name}": round(float(p), 6) for name, p in zip(scorer.labels, row, strict=True)},
            "model": scorer.version,
        }
        for row in rows
    ]


def _batches(texts: Iterator[str]) -> Iterator[list[str]]:
    size = 1 if sys.stdin.isatty() else TEXTS_A_BATCH  # a person who types waits for each answer
    while batch := list(islice(texts, size)):
        yield batch


def _lines() -> Iterator[str]:
    """Texts from standard input. An empty line is an empty text: there is an answer for each line."""
    for number, raw in enumerate(sys.stdin.buffer, start=1):
        line = raw.decode("utf-8", "replace").rstrip("\r\n")
        if len(line) > LINE_CHARS_MAX:
            raise DataInvalid(
                f"line {number} of the input has {len(line):,} characters", why=f"the limit is {LINE_CHARS_MAX:,}"
            )
        yield _text_of(line, number)


def _text_of(line: str, number: int) -> str:
    if not line.lstrip().startswith("{"):
        return line
    try:
        return msgspec.json.decode(line, type=_Line).text
    except msgspec.ValidationError as error:
        raise DataInvalid(f"line {number} of the input has no usable `text`", why=str(error)) from error
    except msgspec.DecodeError:
        return line  # a headline may begin with a brace
