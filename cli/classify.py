"""`newstide classify`: what the model says of a text."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Annotated, Any, BinaryIO, Final, NamedTuple

import msgspec
import typer

from cli.context import Json, settings_of
from cli.output import emit_json, out, plain
from newstide.errors import DataInvalid
from newstide.scoring.port import Probabilities, Scorer
from newstide.text import READ_CHARS_MAX

TEXTS_A_BATCH: Final = 256
LINE_BYTES_MAX: Final = 16 << 20
"""Of standard input that is held at once. The model reads the beginning of a text; this is far more."""

BYTE_ORDER_MARK: Final = "\ufeff"
"""What some editors put before the first line."""
_OBJECT: Final = re.compile(r"""\s*\{\s*["}]""")
"""How a JSON object begins, whole or not; a headline that begins with a brace has none of these behind it."""

WORDS_SHOWN: Final = 5
"""Of an explanation, to a person; JSON has them all."""


class Asked(NamedTuple):
    """A text, and the company that it is asked about; none: how good or bad the text is as a whole."""

    text: str
    entity: str = ""


class Unreadable(NamedTuple):
    """Stands where a text should be."""

    why: str


class _Line(msgspec.Struct):
    text: str
    entity: str | None = None


def classify(
    context: typer.Context,
    texts: Annotated[list[str] | None, typer.Argument(help="Texts; none: one a line from standard input.")] = None,
    entity: Annotated[str, typer.Option(help="A company: how good or bad the texts are for it.")] = "",
    explain: Annotated[bool, typer.Option("--explain", help="Name the words that carried the score.")] = False,
    as_json: Json = False,
) -> None:
    """Label texts: one argument is one text. Without arguments, one text, or one JSON object with `text`, a line.

    An object may name a company as `entity`. A line that cannot be read gets an `error` in its place; the others are
    answered, and the command exits 4.
    """
    settings = settings_of(context)
    from newstide.scoring.connect import connect

    scorer = connect(settings)
    failed = 0
    given = (Asked(text, entity) for text in texts) if texts else _lines(sys.stdin.buffer, entity)
    for batch in _batches(given):
        for asked, answer in zip(batch, answers(scorer, batch, settings.model.token_budget, explain), strict=True):
            failed += isinstance(asked, Unreadable)
            if as_json or not texts:
                emit_json(answer)
            else:
                out.print(_for_people(asked, answer), markup=False)
        sys.stdout.flush()
    if failed:
        lines = "1 line" if failed == 1 else f"{failed:,} lines"
        raise DataInvalid(f"{lines} of the input could not be answered", why="an `error` stands in the place of each")


def answers(
    scorer: Scorer, batch: Sequence[Asked | Unreadable], token_budget: int, explained: bool = False
) -> list[dict[str, Any]]:
    """One answer for each: the topic is the text's, the sentiment that towards the company where one is named."""
    from newstide.scoring.batching import score_encoded
    from newstide.text import model_input

    given = [each for each in batch if isinstance(each, Asked)]
    read = [Asked(*map(model_input, each)) for each in given]
    pairs = [each for each in read if each.entity]
    encoded = [*scorer.encode([each.text for each in read]), *scorer.encode_pairs(pairs)]
    opinions = score_encoded(scorer, encoded, token_budget)
    answered: list[dict[str, Any]] = []
    pair = len(read)
    for row, each in enumerate(read):
        about = pair if each.entity else row
        pair += bool(each.entity)
        answer = {
            "entity": given[row].entity if each.entity else None,
            **_sentiment(scorer, opinions.sentiment[about], float(opinions.confidence[about])),
            **_topic(scorer, opinions.topics[row], float(opinions.topic_confidence[row])),
            "model": scorer.version,
        }
        answered.append(answer | (_explanation(scorer, each) if explained else {}))
    found = iter(answered)
    return [{"error": each.why} if isinstance(each, Unreadable) else next(found) for each in batch]


def _sentiment(scorer: Scorer, row: Probabilities, confidence: float) -> dict[str, Any]:
    from newstide.scoring.port import label_of, score_of

    score = score_of(row)
    return {
        "label": label_of(row, confidence),
        "score": None if score is None else round(score, 6),
        **{f"p_{name}": round(float(p), 6) for name, p in zip(scorer.labels, row, strict=True)},
    }


def _topic(scorer: Scorer, row: Probabilities, confidence: float) -> dict[str, Any]:
    """`p_topic` is the largest probability, also where it is too small for the topic to be named."""
    from newstide.scoring.port import topic_of
    from newstide.topics import TOPICS, group_of

    topic = topic_of(row, scorer.topics, confidence)
    return {
        "topic": topic,
        "topic_group": group_of(topic) if topic in TOPICS else None,
        "p_topic": None if row.min() == row.max() else round(float(row.max()), 6),
    }


def _explanation(scorer: Scorer, asked: Asked) -> dict[str, Any]:
    """The words, largest share first; `start` and `end` count characters of `read`, the text as the model has it."""
    from newstide.scoring.explain import explain

    words = explain(scorer, asked.text, asked.entity or None)
    return {
        "read": asked.text,
        "words": [{"word": w.word, "start": w.start, "end": w.end, "share": round(w.share, 6)} for w in words],
    }


def _for_people(asked: Asked | Unreadable, answer: dict[str, Any]) -> str:
    if isinstance(asked, Unreadable):
        return plain(asked.why)
    shares = "   ".join(f"{name} {answer[f'p_{name}']:.2f}" for name in ("negative", "neutral", "positive"))
    score = "  -  " if answer["score"] is None else f"{answer['score']:+.2f}"
    line = f"{answer['label']:<8}  {score}   {shares}   {answer['topic'] or '-':<15}   {plain(asked.text)}"
    words = [f"{plain(each['word'])} {each['share']:+.2f}" for each in answer.get("words", ())[:WORDS_SHOWN]]
    return f"{line}\n    {'   '.join(words)}" if words else line


def _batches(asked: Iterator[Asked | Unreadable]) -> Iterator[list[Asked | Unreadable]]:
    size = 1 if sys.stdin.isatty() else TEXTS_A_BATCH  # a person who types waits for each answer
    while batch := list(islice(asked, size)):
        yield batch


def _lines(stream: BinaryIO, entity: str) -> Iterator[Asked | Unreadable]:
    """What each line asks; `entity` for those that name none. An empty line is an empty text."""
    number = 0
    while line := stream.readline(LINE_BYTES_MAX):
        number += 1
        if line.endswith(b"\n") or len(line) < LINE_BYTES_MAX:
            read = line.decode("utf-8", "replace").rstrip("\r\n")
            yield _asked(read.removeprefix(BYTE_ORDER_MARK) if number == 1 else read, number, entity)
            continue
        while line and not line.endswith(b"\n"):
            line = stream.readline(LINE_BYTES_MAX)
        yield Unreadable(f"line {number} is longer than {LINE_BYTES_MAX:,} bytes")


def _asked(line: str, number: int, entity: str) -> Asked | Unreadable:
    """What is beyond the model's reach is let go of here: a batch of long lines must not fill the memory."""
    if not _OBJECT.match(line):
        return Asked(line[:READ_CHARS_MAX], entity)  # a headline may begin with a brace
    try:
        found = msgspec.json.decode(line, type=_Line)
    except (msgspec.MsgspecError, RecursionError) as error:
        return Unreadable(f"line {number} cannot be answered: {error}")
    return Asked(found.text[:READ_CHARS_MAX], (found.entity or entity)[:READ_CHARS_MAX])
