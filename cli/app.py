"""`newstide`: the commands, and what their errors become."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from typer.exceptions import Abort, TyperException

from cli import (
    alerts,
    classify,
    config,
    db,
    demo,
    dlq,
    doctor,
    entities,
    export,
    ingest,
    init,
    label,
    model,
    process,
    query,
    rescore,
    sources,
    status,
    study,
    topics,
    watchlists,
)
from cli.context import Given
from cli.dashboard import dashboard
from cli.output import INTERRUPTED, fail, say
from newstide.errors import NewstideError, UsageError

app = typer.Typer(
    name="newstide",
    help="Watch financial news as it arrives: score it, keep it, show it, and tell whoever must know.",
    no_args_is_help=False,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(demo.app)
app.command("init")(init.init)
app.command("doctor")(doctor.doctor)
app.command("status")(status.status)
app.command("process")(process.process)
app.command("dashboard")(dashboard)
app.command("classify")(classify.classify)
app.command("rescore")(rescore.rescore)
app.add_typer(study.app)
app.add_typer(query.app, name="query")
app.add_typer(export.app, name="export")
app.add_typer(config.app, name="config")
app.add_typer(ingest.app, name="ingest")
app.add_typer(db.app, name="db")
app.add_typer(dlq.app, name="dlq")
app.add_typer(topics.app, name="topics")
app.add_typer(model.app, name="model")
app.add_typer(label.app, name="label")
app.add_typer(entities.app, name="entities")
app.add_typer(sources.app, name="sources")
app.add_typer(alerts.app, name="alerts")
app.add_typer(watchlists.app, name="watchlists")


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    config_file: Annotated[Path | None, typer.Option("--config", help="Settings file; default newstide.toml.")] = None,
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False,
) -> None:
    context.obj = Given(config=config_file)
    if version:
        from importlib.metadata import version as installed

        sys.stdout.write(f"newstide {installed('newstide')}\n")
        raise typer.Exit
    if context.invoked_subcommand is None:
        status.hello(context)


def answer() -> None:
    """The whole command. Errors of ours become three lines and an exit code; nobody is shown a traceback."""
    try:
        code = app(standalone_mode=False)
        sys.stdout.flush()  # here, where a reader that has left is no surprise
    except NewstideError as error:
        fail(error)
    except TyperException as error:  # a wrong flag, argument or command; typer's own classes for them are private
        where = getattr(getattr(error, "ctx", None), "command_path", "newstide")
        message = error.format_message() if hasattr(error, "format_message") else str(error)
        fail(UsageError(message, fix=f"{where} --help"))
    except (KeyboardInterrupt, Abort):
        say("interrupted")
        raise SystemExit(INTERRUPTED) from None
    except BrokenPipeError:  # the reader of our output has left: `newstide classify | head`
        _let_go_of_output()
        raise SystemExit(0) from None
    except Exception as error:
        _let_go_of_output()
        _unforeseen(error)
    raise SystemExit(code if isinstance(code, int) else 0)


def _let_go_of_output() -> None:
    """Python flushes it once more on its way out, and would complain where nobody takes it."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _unforeseen(error: Exception) -> NoReturn:
    """The system said no where nobody expects it (a full disk, a file without permission), or a defect of ours."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    places = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames))
    if os.environ.get("NEWSTIDE_SERVICE__LOG_LEVEL") == "debug":
        traceback.print_exception(error)
    why, fix = f"{type(error).__name__} at {places}", "NEWSTIDE_SERVICE__LOG_LEVEL=debug shows where it comes from"
    if isinstance(error, OSError):
        where = f" ({error.filename})" if error.filename else ""
        fail(NewstideError(f"the system says: {error.strerror or error}{where}", why=why, fix=fix))
    fail(NewstideError(f"newstide failed: {error}", why=why, fix=f"please report it; {fix}"))
