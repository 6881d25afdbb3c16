"""`newstide label`: what people say of stories, for the next model to learn from."""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, Final, NamedTuple

import typer

from cli.context import Json, settings_of
from cli.output import emit_json, emit_pairs, emit_table, say
from newstide.errors import DataInvalid, UsageError

if TYPE_CHECKING:
    from newstide.labelling import Judgement, Line, Question
    from newstide.store.database import Database

app = typer.Typer(help="Labels from people: ask for them, take them in, hand them out.", no_args_is_help=True)

LINES_MAX: Final = 200_000
"""Of one import, which is one transaction: more than people label in years."""
TOLD_MAX: Final = 20
"""Bad lines that are named one by one to a person; JSON names them all."""

NEWLINE: Final = b"\n"
BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
"""What some editors put before the first line."""

Annotator = Annotated[str | None, typer.Option("--annotator", help="Whose labels these are; default your login name.")]


class Bad(NamedTuple):
    line: int
    why: str


@app.command("next")
def next_(
    context: typer.Context,
    count: Annotated[int, typer.Option(min=1, max=1_000, help="How many stories.")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="Decides among equals.")] = 0,
    as_json: Json = False,
) -> None:
    """The stories whose labels would teach most: where models disagree, then where one is unsure, then by entropy."""
    settings = settings_of(context)
    from newstide.labelling import questions
    from newstide.store import labels
    from newstide.store.connect import connect

    database = connect(settings, read_only=True)
    found = questions(labels.candidates(database), labels.labelled_hashes(database), count, seed)
    if as_json:
        emit_json([_shown(question) for question in found])
        return
    rows = [(q.candidate.story_id, q.reason, f"{q.entropy:.3f}", _opinions(q), q.candidate.text) for q in found]
    emit_table(("story", "reason", "entropy", "models say", "text"), rows)


def _shown(question: Question) -> dict[str, Any]:
    candidate = question.candidate
    told = [{"model": o.model_version, "label": o.label, "probabilities": o.probabilities} for o in candidate.opinions]
    story = {"story_id": candidate.story_id, "text": candidate.text}
    return story | {"reason": question.reason, "entropy": round(question.entropy, 6), "opinions": told}


def _opinions(question: Question) -> str:
    return ", ".join(opinion.label for opinion in question.candidate.opinions)


@app.command("add")
def add(  # noqa: PLR0913, PLR0917 - a command's parameters are its options
    context: typer.Context,
    story: Annotated[str, typer.Option("--story", help="Id of a stored story.")],
    label: Annotated[str | None, typer.Option("--label", help="negative, neutral or positive.")] = None,
    topic: Annotated[str | None, typer.Option("--topic", help="What the story is about; see docs/model.md.")] = None,
    entity: Annotated[str | None, typer.Option("--entity", help="The company that the label is about.")] = None,
    note: Annotated[str, typer.Option("--note", help="Anything worth remembering.")] = "",
    annotator: Annotator = None,
    as_json: Json = False,
) -> None:
    """Label one stored story. What you said of it before is kept, and holds no longer."""
    settings = settings_of(context)
    from newstide.store.connect import connect

    database = connect(settings)
    fields = {"story_id": story, "label": label, "topic": topic, "entity": entity, "note": note}
    raw = json.dumps({name: value for name, value in fields.items() if value is not None}).encode()
    judgements, bad = _judged(database, [(1, raw)], annotator)
    if bad:
        raise UsageError("this is no label", why=bad[0].why, fix="newstide label add --help")
    _add(database, judgements, bad, as_json)


@app.command("import")
def import_(
    context: typer.Context,
    file: Annotated[str, typer.Argument(help="NDJSON, a label a line; - reads standard input.")],
    annotator: Annotator = None,
    as_json: Json = False,
) -> None:
    """Take in labels: `story_id` or `text`, with `label` and/or `topic`, and `entity`, `annotator`, `note` as wanted.

    A bad line is told by its number and the others are kept; the command then exits 4. A second time adds nothing.
    """
    settings = settings_of(context)
    from newstide.store.connect import connect

    with _opened(file) as stream:
        lines = list(_lines(stream))
    database = connect(settings)
    judgements, bad = _judged(database, lines, annotator)
    _add(database, judgements, bad, as_json)
    if bad:
        for line, why in bad[:TOLD_MAX]:
            say(f"line {line}: {why}")
        raise DataInvalid(f"{len(bad)} of {len(lines)} lines hold no label", why="the other lines were taken in")


@app.command("export")
def export(
    context: typer.Context,
    out: Annotated[Path | None, typer.Option("--out", help="A file; default standard output.")] = None,
) -> None:
    """Write the labels that hold, the last of each person on each text, as `newstide label import` reads them."""
    settings = settings_of(context)
    from newstide.labelling import write_line
    from newstide.store import labels
    from newstide.store.connect import connect

    content = b"".join(write_line(each) + NEWLINE for each in labels.standing(connect(settings, read_only=True)))
    if out is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        return
    part = out.with_name(out.name + ".part")
    try:
        part.write_bytes(content)
        part.replace(out)
    except OSError as error:
        raise UsageError(f"{out} cannot be written", why=error.strerror or str(error)) from error
    say(f"{content.count(NEWLINE):,} labels written to {out}")


def _judged(database: Database, lines: list[tuple[int, bytes]], given: str | None) -> tuple[list[Judgement], list[Bad]]:
    """The labels in numbered lines, and the lines that hold none."""
    from newstide.labelling import Given, NotALabel, judge, read_line
    from newstide.store import labels

    read: list[tuple[int, Line]] = []
    bad: list[Bad] = []
    for number, raw in lines:
        try:
            read.append((number, read_line(raw)))
        except NotALabel as error:
            bad.append(Bad(number, str(error)))
    stories = labels.story_texts(database, [line.story_id for _, line in read if line.story_id])
    surroundings = Given(_name(given), datetime.now(UTC))
    judgements: list[Judgement] = []
    for number, line in read:
        try:
            judgements.append(judge(line, stories.get(line.story_id or ""), surroundings))
        except NotALabel as error:
            bad.append(Bad(number, str(error)))
    return judgements, sorted(bad)


def _add(database: Database, judgements: list[Judgement], bad: list[Bad], as_json: bool) -> None:
    """Add them and say what became of the lines: lines = added + unchanged + bad."""
    from newstide.store import labels, outbox

    added = labels.add(database, judgements)
    told = outbox.tell_labelled(database, judgements, datetime.now(UTC))
    if told:
        say(f"alerts that rested on these stories are corrected: {told:,}")
    counts = {"lines": len(judgements) + len(bad), "added": added, "unchanged": len(judgements) - added}
    if as_json:
        emit_json(counts | {"bad": [each._asdict() for each in bad]})
    else:
        emit_pairs(counts | {"bad": len(bad)})


def _name(given: str | None) -> str:
    from newstide.labelling import NAME_CHARS_MAX
    from newstide.text import fold

    try:
        name = fold(given or getpass.getuser())
    except (OSError, KeyError):  # an account without a name, as containers have them
        name = ""
    if not 0 < len(name) <= NAME_CHARS_MAX:
        raise UsageError("whose labels are these?", fix=f"--annotator NAME, of at most {NAME_CHARS_MAX} characters")
    return name


@contextmanager
def _opened(file: str) -> Iterator[BinaryIO]:
    if file == "-":
        yield sys.stdin.buffer
        return
    try:
        with Path(file).open("rb") as stream:
            yield stream
    except OSError as error:
        raise UsageError(f"{file} cannot be read", why=error.strerror or str(error)) from error


def _lines(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Lines with their numbers, from 1; empty ones are left out. One that is too long is cut, and refused later."""
    from newstide.labelling import LINE_BYTES_MAX

    number = 0
    while raw := stream.readline(LINE_BYTES_MAX + 1):
        number += 1
        if number > LINES_MAX:
            raise DataInvalid(f"more than {LINES_MAX:,} lines", fix="split the file")
        rest = raw
        while rest and not rest.endswith(NEWLINE):
            rest = stream.readline(LINE_BYTES_MAX)
        if raw.strip():
            yield number, raw.removeprefix(BYTE_ORDER_MARK) if number == 1 else raw
