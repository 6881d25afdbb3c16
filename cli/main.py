"""`newstide`: the commands, and what their errors become."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import Abort, TyperException

from cli import classify, config, db, demo, dlq, doctor, ingest, init, model, process, status, topics
from cli.context import Given
from cli.dashboard import dashboard
from cli.output import INTERRUPTED, fail, say
from newstide.errors import NewstideError, UsageError

app = typer.Typer(
    name="newstide",
    help="Watch financial news as it arrives: score it, keep it, show it.",
    no_args_is_help=False,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo")(demo.demo)
app.command("init")(init.init)
app.command("doctor")(doctor.doctor)
app.command("status")(status.status)
app.command("process")(process.process)
app.command("dashboard")(dashboard)
app.command("classify")(classify.classify)
app.add_typer(config.app, name="config")
app.add_typer(ingest.app, name="ingest")
app.add_typer(db.app, name="db")
app.add_typer(dlq.app, name="dlq")
app.add_typer(topics.app, name="topics")
app.add_typer(model.app, name="model")


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


def run() -> None:
    """The entry point. Errors of ours become three lines and an exit code; nobody is shown a traceback."""
    try:
        code = app(standalone_mode=False)
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
        sys.stderr.close()
        raise SystemExit(0) from None
    raise SystemExit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    run()
