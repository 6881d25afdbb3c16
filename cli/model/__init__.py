"""`newstide model`: make it, measure it, and choose which artifact is in use."""

import typer

app = typer.Typer(help="Train, evaluate and export the model; list, check and choose artifacts.", no_args_is_help=True)

from cli.model import artifacts, measuring, training  # noqa: E402, F401 - each adds its commands to `app`
