"""`newstide ingest`: news in, from files, from feeds, or from the authored demo day."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.context import Json, load_of, settings_of
from cli.output import emit_json, emit_pairs

if TYPE_CHECKING:
    from ingest.replay import ReplaySummary

app = typer.Typer(help="Take news in: poll sources, receive webhooks, replay files.", no_args_is_help=True)

Column = Annotated[str, typer.Option(help="Name of this column; guessed when not given.", show_default=False)]


@app.command("replay")
def replay(  # noqa: PLR0913, PLR0917 - the parameters of a command are its options
    context: typer.Context,
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="CSV or JSON lines, plain or .gz; - is standard input.")
    ],
    title: Column = "",
    body: Column = "",
    date: Column = "",
    id: Column = "",  # noqa: A002 - the name of the option
    url: Column = "",
    symbols: Column = "",
    language: Column = "",
    source_column: Column = "",
    withdrawn: Column = "",
    source: Annotated[str, typer.Option(help="Name of the source; the file's name when not given.")] = "",
    format: Annotated[str, typer.Option(help="csv, jsonl or ndjson; told by the name when not given.")] = "",  # noqa: A002
    encoding: Annotated[str, typer.Option(help="Of the text, such as gb18030 or cp1252.")] = "utf-8",
    pace: Annotated[float | None, typer.Option(min=0.001, max=1e9, help="Times its own pace; else at once.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, max=10**12, help="Rows to read at most.")] = None,
    as_json: Json = False,
) -> None:
    """Publish the rows of files as news, as fast as possible or at --pace times the pace at which they came."""
    settings = settings_of(context)
    from ingest.columns import Columns
    from ingest.replay import ReplayOptions, run_replay
    from newstide.service import running

    options = ReplayOptions(
        files=tuple(files),
        columns=Columns(title, body, date, id, url, symbols, language, source_column, withdrawn),
        source=source,
        format=format,
        encoding=encoding,
        pace=pace,
        limit=limit,
    )
    with running("ingest", settings.service) as service:
        summary = run_replay(settings, service, options, _show if sys.stderr.isatty() else lambda _: None)
    if sys.stderr.isatty():
        sys.stderr.write("\n")
    _print(asdict(summary) | {"seconds": round(summary.seconds, 2)}, as_json)


@app.command("folder")
def folder(  # noqa: PLR0913, PLR0917 - the parameters of a command are its options
    context: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where .csv, .jsonl and .ndjson (.gz) are dropped.")],
    title: Column = "",
    body: Column = "",
    date: Column = "",
    id: Column = "",  # noqa: A002 - the name of the option
    url: Column = "",
    symbols: Column = "",
    language: Column = "",
    withdrawn: Column = "",
    source: Annotated[str, typer.Option(help="Name of the source; the folder's name when not given.")] = "",
    format: Annotated[str, typer.Option(help="csv, jsonl or ndjson, for files of any name; else by name.")] = "",  # noqa: A002
    encoding: Annotated[str, typer.Option(help="Of the text, such as gb18030 or cp1252.")] = "utf-8",
    done: Annotated[Path | None, typer.Option(help="Move files that are done into this folder.")] = None,
    once: Annotated[bool, typer.Option("--once", help="Take what is there and end.")] = False,
    as_json: Json = False,
) -> None:
    """Replay each file that is dropped into a folder, once, in the order of the names, until stopped."""
    settings = settings_of(context)
    from ingest.columns import Columns
    from ingest.folder import FolderOptions, run_folder
    from newstide.service import running

    columns = Columns(title, body, date, id, url, symbols, language, "", withdrawn)
    options = FolderOptions(path, source, columns, format, encoding, once, done)
    with running("ingest", settings.service) as service:
        summary = run_folder(settings, service, options)
    _print(asdict(summary), as_json)


@app.command("feeds")
def feeds(
    context: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Poll each source once and end.")] = False,
    as_json: Json = False,
) -> None:
    """Poll the sources of the registry (newstide sources) until stopped. Run several: they share the sources."""
    settings = settings_of(context)
    from ingest.feeds import run_feeds
    from newstide.service import running

    with running("ingest", settings.service) as service:
        summary = run_feeds(settings, service, once=once)
    _print(asdict(summary), as_json)


@app.command("push")
def push(
    context: typer.Context,
    host: Annotated[str | None, typer.Option(help="Address to listen on; default: this machine only.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65_535, help="Port; 0 takes any free one.")] = None,
    as_json: Json = False,
) -> None:
    """Take signed webhooks (POST /v1/push/SOURCE) from the senders of push.sources, until stopped."""
    settings, origins = load_of(context, {"push.host": host, "push.port": port})
    from ingest.push.serve import run_push
    from newstide.files import require_private
    from newstide.service import running

    origin = origins["push.sources"]
    if origin.startswith("file ") and any(sender.secrets for sender in settings.push.sources):
        require_private(Path(origin.removeprefix("file ")))
    with running("push", settings.service) as service:
        summary = run_push(settings, service)
    _print(asdict(summary), as_json)


secret_app = typer.Typer(help="Secrets with which senders sign what they push.", no_args_is_help=True)
app.add_typer(secret_app, name="push-secret")


@secret_app.command("new")
def new(
    file: Annotated[Path | None, typer.Option(help="Put it first in this file, for push.sources.secrets_file.")] = None,
) -> None:
    """Make a secret and print it, once. In a file the older ones stay valid until their lines are removed."""
    from ingest.push.keys import add_secret, new_secret

    sys.stdout.write((add_secret(file) if file else new_secret()) + "\n")


@app.command("scenario")
def scenario(
    context: typer.Context,
    pace: Annotated[float, typer.Option(min=0.001, max=10_000, help="Times the day's own pace.")] = 15.0,
    seed: Annotated[int, typer.Option(help="Varies the background from round to round.")] = 1,
    rounds: Annotated[int | None, typer.Option(min=1, help="End after so many days; else go on until stopped.")] = None,
    as_json: Json = False,
) -> None:
    """Play the authored market day of invented companies, as newstide demo does."""
    settings = settings_of(context)
    from ingest.player import PlayerOptions, run_player
    from newstide.service import running

    with running("ingest", settings.service) as service:
        summary = run_player(settings, service, PlayerOptions(pace=pace, seed=seed, rounds=rounds))
    _print(asdict(summary), as_json)


def _show(summary: ReplaySummary) -> None:
    sys.stderr.write(f"\r{summary.received:,} rows, {summary.per_second:,.0f}/s ")
    sys.stderr.flush()


def _print(summary: dict[str, object], as_json: bool) -> None:
    if as_json:
        emit_json(summary)
    else:
        emit_pairs(summary)
