"""`newstide config`: the settings in force, and where each comes from."""

from __future__ import annotations

import typer

from cli.context import Json, load_of
from cli.output import emit_json, emit_table
from newstide.settings import flatten

app = typer.Typer(help="Settings.", no_args_is_help=True)


@app.command("show")
def show(context: typer.Context, as_json: Json = False) -> None:
    """Every setting with its value and its origin; secrets are masked."""
    settings, origins = load_of(context)
    rows = [(key, value, origins[key]) for key, value in flatten(settings)]
    if as_json:
        emit_json({key: {"value": value, "origin": origin} for key, value, origin in rows})
    else:
        emit_table(("setting", "value", "origin"), [(k, v if v != "" else "(empty)", o) for k, v, o in rows])
